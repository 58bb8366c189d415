"""Small ONNX networks in the forms of the ONNX model zoo."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def classifier() -> bytes:
    """In the form of MobileNetV2-12: NCHW, normalised input, pooled channels, a Gemm, logits only."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["input", "w"], ["map"]),
        helper.make_node("GlobalAveragePool", ["map"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "g", "b"], ["output"], transB=1),
    ]
    graph = helper.make_graph(
        nodes, "zoo",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, 224, 224])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", 7])],
        [numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name)
         for name, shape in (("w", (4, 3, 1, 1)), ("g", (7, 4)), ("b", (7,)))],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    return bytes(model.SerializeToString())


def boxes() -> bytes:
    """In the form of SSD-MobileNet: uint8 NHWC of any size; boxes with scores and COCO's class numbers.

    The score of the cake's box is the brightness of the picture; the score of the person's box is always 0.3.
    """
    nodes = [
        helper.make_node("Cast", ["image_tensor:0"], ["light"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["light"], ["mean"], keepdims=0),
        helper.make_node("Div", ["mean", "whole"], ["share"]),
        helper.make_node("Reshape", ["share", "one_one"], ["bright"]),
        helper.make_node("Concat", ["bright", "person"], ["detection_scores:0"], axis=1),
        helper.make_node("Identity", ["kinds"], ["detection_classes:0"]),
    ]
    constants = {
        "whole": np.array(255.0, np.float32), "one_one": np.array([1, 1], np.int64),
        "person": np.array([[0.3]], np.float32), "kinds": np.array([[61.0, 1.0]], np.float32),
    }  # fmt: skip
    graph = helper.make_graph(
        nodes, "ssd",
        [helper.make_tensor_value_info("image_tensor:0", TensorProto.UINT8, [1, "h", "w", 3])],
        [helper.make_tensor_value_info(f"detection_{p}:0", TensorProto.FLOAT, [1, 2]) for p in ("classes", "scores")],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    return bytes(model.SerializeToString())


def cells() -> bytes:
    """In the form of FastestDet: BGR, 8 px square, 0 to 1. Objectness is blue, the score of every class is red."""
    channels = np.zeros((85, 3, 1, 1), dtype=np.float32)
    channels[0, 0] = 1  # objectness ← blue
    channels[5:, 2] = 1  # classes ← red
    graph = helper.make_graph(
        [helper.make_node("Conv", ["input", "w"], ["output"])],
        "fastest",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 85, 8, 8])],
        [numpy_helper.from_array(channels, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    return bytes(model.SerializeToString())
