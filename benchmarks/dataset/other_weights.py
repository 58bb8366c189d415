"""A backbone that is not MobileNetV2: the trunk of the COCO detector in ../shared, with pooled features."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from networks.backbone import Backbone, backbone

TRUNK = "input.508"  # the last feature map of the trunk, which joins three scales
SIDE_PX = 352


def detector_trunk(weights: Path) -> Backbone:
    """The detector's trunk as a backbone: from RGB in [-1, 1] to features, in the form of `[models] folder`."""
    trunk = onnx.utils.Extractor(onnx.load(weights)).extract_model(["input.1"], [TRUNK])
    nodes = [
        helper.make_node("Add", ["input", "ow_one"], ["ow_lifted"]),
        helper.make_node("Mul", ["ow_lifted", "ow_half"], ["ow_unit"]),
        helper.make_node("Gather", ["ow_unit", "ow_bgr"], ["ow_swapped"], axis=1),
        helper.make_node(
            "Resize", ["ow_swapped", "ow_roi", "ow_scales"], ["input.1"],
            mode="linear", coordinate_transformation_mode="half_pixel",
        ),
        *trunk.graph.node,
        helper.make_node("GlobalAveragePool", [TRUNK], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
    ]  # fmt: skip
    scale = SIDE_PX / 224
    constants = {
        "ow_one": np.array(1, dtype=np.float32),
        "ow_half": np.array(0.5, dtype=np.float32),
        "ow_bgr": np.array([2, 1, 0], dtype=np.int64),
        "ow_roi": np.array([], dtype=np.float32),
        "ow_scales": np.array([1, 1, scale, scale], dtype=np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "trunk",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 224, 224])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, None])],
        [*(numpy_helper.from_array(value, name) for name, value in constants.items()), *trunk.graph.initializer],
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "detector_trunk.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7), path)
        return backbone(path)
