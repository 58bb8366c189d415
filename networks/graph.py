"""Build ONNX graphs. Every model is one graph from pixels to probabilities, so it gives the same answer everywhere."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx.shape_inference
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.compose import add_prefix_graph

OPSET, IR_VERSION = 18, 9
GREY_WEIGHTS = (0.299, 0.587, 0.114)  # luma of R, G and B, ITU-R BT.601
WIDE_BLOCKS = 3  # residual blocks, counted from the end, whose maps `widened` pools


class Net:
    """Nodes and constants of a graph under construction."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def put(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Append a node. Returns the name of its output."""
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def floats(self, name: str, value: Any) -> str:
        """Append a float32 constant. Returns its name."""
        return self.constant(name, np.asarray(value, dtype=np.float32))


def resized_planes(net: Net, side_px: int) -> str:
    """Nodes from `pixels`, uint8 (1, height, width, 3), to float32 (1, 3, side, side), 0 to 255, not rounded."""
    net.put("Cast", ["pixels"], "px_float", to=TensorProto.FLOAT)
    net.put("Transpose", ["px_float"], "px_planes", perm=[0, 3, 1, 2])
    size = net.constant("px_sizes", np.array([1, 3, side_px, side_px], dtype=np.int64))
    return net.put(
        "Resize", ["px_planes", "", "", size], "px_square", mode="linear", antialias=1,
        coordinate_transformation_mode="half_pixel", keep_aspect_ratio_policy="stretch",
    )  # fmt: skip


def cropped_planes(net: Net, side_px: int) -> str:
    """As `resized_planes`, but the shorter side is scaled, with a bicubic filter, and the centre cut out."""
    net.put("Cast", ["pixels"], "px_float", to=TensorProto.FLOAT)
    net.put("Transpose", ["px_float"], "px_planes", perm=[0, 3, 1, 2])
    size = net.constant("px_sizes", np.array([side_px, side_px], dtype=np.int64))
    net.put(
        "Resize", ["px_planes", "", "", size], "px_cubic", mode="cubic", antialias=1, axes=[2, 3],
        cubic_coeff_a=-0.5, coordinate_transformation_mode="half_pixel", keep_aspect_ratio_policy="not_smaller",
    )  # fmt: skip
    net.put("CenterCropPad", ["px_cubic", size], "px_centre", axes=[2, 3])
    return net.put("Clip", ["px_centre", net.floats("px_0", 0.0), net.floats("px_255", 255.0)], "px_square")


def planes(net: Net, side_px: int, *, is_grey: bool = False) -> str:
    """Nodes from `pixels` to float32 whole numbers 0 to 255: (1, 3, side, side), or (1, 1, side, side) if grey."""
    square = net.put("Round", [resized_planes(net, side_px)], "px_round")  # a resized picture has whole numbers
    square = net.put("Clip", [square, net.floats("px_0", 0.0), net.floats("px_255", 255.0)], "px_whole")
    if not is_grey:
        return square
    weights = net.floats("px_grey", np.array(GREY_WEIGHTS).reshape(1, 3, 1, 1))
    return net.put("Round", [net.put("Conv", [square, weights], "px_light")], "px_grey_whole")


def from_pixels(net: Net, output: str, before: onnx.ModelProto | None = None) -> onnx.ModelProto:
    """A graph from `pixels` to the tensor `output`, for training. before: as in `finished`."""
    nodes, constants = _after(before, net)
    graph = helper.make_graph(nodes, "part", [pixels_input()], [float_tensor(output)], constants)
    return helper.make_model(graph, opset_imports=_opsets(before), ir_version=IR_VERSION)


def finished(
    before: onnx.ModelProto | None, net: Net, logits: str, labels: Sequence[str], facts: Mapping[str, str]
) -> onnx.ModelProto:
    """One graph from `pixels`, uint8 (1, height, width, 3), to `probabilities` float32 (1, k) and `class` int64 (1,).

    before: a graph that starts at `pixels`; `net` uses its outputs. logits: (1, k), in the order of `labels`. facts:
    metadata of the model, beside `labels`.
    """
    net.put("Softmax", [logits], "probabilities", axis=1)
    net.put("ArgMax", [logits], "class", axis=1, keepdims=0)
    outputs = [
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, len(labels)]),
        helper.make_tensor_value_info("class", TensorProto.INT64, [1]),
    ]
    nodes, constants = _after(before, net)
    graph = helper.make_graph(nodes, "classifier", [pixels_input()], outputs, constants)
    model = helper.make_model(graph, opset_imports=_opsets(before), ir_version=IR_VERSION)
    helper.set_model_props(model, {"labels": json.dumps(list(labels)), **facts})
    return model


def gemm(net: Net, features: str, output: str, weights: NDArray[Any], bias: NDArray[Any]) -> str:
    """Nodes for features @ weights.T + bias. weights: (k, d); bias: (k,)."""
    matrix, offset = net.floats(f"{output}_w", weights), net.floats(f"{output}_b", bias)
    return net.put("Gemm", [features, matrix, offset], output, transB=1)


def pixels_input() -> Any:
    """The input of every graph: `pixels`, uint8 (1, height, width, 3), RGB."""
    return helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, "height", "width", 3])


def float_tensor(name: str, shape: Sequence[Any] | None = None) -> Any:
    """A float32 input or output of a graph. shape: None: not stated."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def widened(backbone: onnx.ModelProto) -> onnx.ModelProto:
    """The backbone with a second output, `wide`, beside `features`.

    `wide` joins the maximum and the standard deviation of the last map with the mean and the maximum of the maps of the
    last residual blocks. It equals `features` if the backbone has no such maps.
    """
    graph, net = backbone.graph, Net()
    pools = [node for node in graph.node if node.op_type == "GlobalAveragePool"]
    if pools:
        last = pools[-1].input[0]
        parts = [_maximum(net, last), _standard_deviation(net, last)]
        for name in _last_blocks(backbone):
            parts += [_mean(net, name), _maximum(net, name)]
        net.put("Concat", parts, "wide", axis=1)
    else:
        net.put("Identity", ["features"], "wide")
    wide_graph = helper.make_graph(
        [*graph.node, *net.nodes],
        "widened",
        list(graph.input),
        [float_tensor("features"), float_tensor("wide")],
        [*graph.initializer, *net.constants],
    )
    return helper.make_model(wide_graph, opset_imports=list(backbone.opset_import), ir_version=backbone.ir_version)


def mirrored(backbone: onnx.ModelProto) -> onnx.ModelProto:
    """The backbone whose `features` are the mean of those of the picture and of its mirror image."""
    graph, net = backbone.graph, Net()
    seen = add_prefix_graph(graph, "seen_", rename_inputs=False, rename_initializers=False)
    other = add_prefix_graph(graph, "mirrored_", rename_initializers=False)  # both have the same constants
    start, end, axis, step = (
        net.constant(f"mirror_{name}", np.array([value], dtype=np.int64))
        for name, value in (("start", -1), ("end", np.iinfo(np.int64).min), ("axis", 2), ("step", -1))
    )
    net.put("Slice", ["pixels", start, end, axis, step], "mirrored_pixels")
    net.nodes += [*seen.node, *other.node]
    total = net.put("Add", ["seen_features", "mirrored_features"], "both_features")
    net.put("Mul", [total, net.floats("half", 0.5)], "features")
    both = helper.make_graph(
        net.nodes, "mirrored", list(graph.input), [float_tensor("features")], [*graph.initializer, *net.constants]
    )
    return helper.make_model(both, opset_imports=list(backbone.opset_import), ir_version=backbone.ir_version)


def _last_blocks(backbone: onnx.ModelProto) -> list[str]:
    """Names of the outputs of the last residual additions, one for each number of channels."""
    shapes = {
        value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in onnx.shape_inference.infer_shapes(backbone).graph.value_info
    }
    output_of_channels: dict[int, str] = {}
    for node in backbone.graph.node:
        shape = shapes.get(node.output[0], [])
        if node.op_type == "Add" and len(shape) == 4 and shape[1]:
            output_of_channels[shape[1]] = node.output[0]
    return list(output_of_channels.values())[-WIDE_BLOCKS:]


def _mean(net: Net, name: str) -> str:
    return net.put("Flatten", [net.put("GlobalAveragePool", [name], f"w_mean_{name}")], f"w_mean_flat_{name}")


def _maximum(net: Net, name: str) -> str:
    return net.put("Flatten", [net.put("GlobalMaxPool", [name], f"w_max_{name}")], f"w_max_flat_{name}")


def _standard_deviation(net: Net, name: str) -> str:
    mean = _mean(net, name)
    squares = net.put("Mul", [name, name], f"w_sq_{name}")
    mean_squares = _mean(net, squares)
    squared_mean = net.put("Mul", [mean, mean], f"w_mean_sq_{name}")
    variance = net.put("Relu", [net.put("Sub", [mean_squares, squared_mean], f"w_var_{name}")], f"w_varp_{name}")
    return net.put("Sqrt", [variance], f"w_std_{name}")


def _after(before: onnx.ModelProto | None, net: Net) -> tuple[list[Any], list[Any]]:
    """Nodes and constants of `before`, if there is one, and then those of `net`."""
    first = before.graph if before else onnx.GraphProto()
    return [*first.node, *net.nodes], [*first.initializer, *net.constants]


def _opsets(before: onnx.ModelProto | None) -> list[Any]:
    return list(before.opset_import) if before else [helper.make_opsetid("", OPSET)]
