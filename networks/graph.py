"""Pieces of ONNX graphs: every model is one graph from pixels to probabilities, so it runs alike everywhere."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx.compose
import onnx.shape_inference
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 18, 9
BLOCKS = 3  # residual blocks, counted from the end, whose maps are pooled too


class Net:
    """Nodes and constants in the making."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def put(self, kind: str, takes: Sequence[str], gives: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, list(takes), [gives], **attributes))
        return gives

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def floats(self, name: str, value: Any) -> str:
        return self.constant(name, np.asarray(value, dtype=np.float32))


def planes(net: Net, side_px: int, *, is_grey: bool = False) -> str:
    """From `pixels` to float32 (1, 3, side, side), or (1, 1, side, side) in grey, 0 to 255."""
    net.put("Cast", ["pixels"], "px_float", to=TensorProto.FLOAT)
    net.put("Transpose", ["px_float"], "px_planes", perm=[0, 3, 1, 2])
    size = net.constant("px_sizes", np.array([1, 3, side_px, side_px], dtype=np.int64))
    square = net.put(
        "Resize", ["px_planes", "", "", size], "px_square", mode="linear", antialias=1,
        coordinate_transformation_mode="half_pixel", keep_aspect_ratio_policy="stretch",
    )  # fmt: skip
    square = net.put("Round", [square], "px_round")  # as a picture that is resized keeps whole numbers
    square = net.put("Clip", [square, net.floats("px_0", 0.0), net.floats("px_255", 255.0)], "px_whole")
    if not is_grey:
        return square
    weights = net.floats("px_grey", np.array([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1))
    return net.put("Round", [net.put("Conv", [square, weights], "px_light")], "px_grey_whole")


def from_pixels(net: Net, output: str, before: onnx.ModelProto | None = None) -> onnx.ModelProto:
    """A graph of its own from `pixels` to one tensor, for what training looks at. before: as for `finished`."""
    nodes, constants = _after(before, net)
    graph = helper.make_graph(nodes, "part", [_pixels()], [_floats(output)], constants)
    return helper.make_model(graph, opset_imports=_opsets(before), ir_version=IR_VERSION)


def _after(before: onnx.ModelProto | None, net: Net) -> tuple[list[Any], list[Any]]:
    first = before.graph if before else onnx.GraphProto()
    return [*first.node, *net.nodes], [*first.initializer, *net.constants]


def _opsets(before: onnx.ModelProto | None) -> list[Any]:
    return list(before.opset_import) if before else [helper.make_opsetid("", OPSET)]


def widened(backbone: onnx.ModelProto) -> onnx.ModelProto:
    """The backbone that gives `wide` beside `features`: its last map pooled by maximum and spread, and the maps of its
    last residual blocks by mean and maximum. Where it has no such maps, `wide` is `features`.
    """
    graph, net = backbone.graph, Net()
    pools = [node for node in graph.node if node.op_type == "GlobalAveragePool"]
    if pools:
        last = pools[-1].input[0]
        parts = [_maximum(net, last), _spread(net, last)]
        for name in _blocks(backbone):
            parts += [_mean(net, name), _maximum(net, name)]
        net.put("Concat", parts, "wide", axis=1)
    else:
        net.put("Identity", ["features"], "wide")
    made = helper.make_graph(
        [*graph.node, *net.nodes],
        "widened",
        list(graph.input),
        [_floats("features"), _floats("wide")],
        [*graph.initializer, *net.constants],
    )
    return helper.make_model(made, opset_imports=list(backbone.opset_import), ir_version=backbone.ir_version)


def _blocks(backbone: onnx.ModelProto) -> list[str]:
    """Outputs of the last residual additions that differ in channels."""
    shapes = {
        value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in onnx.shape_inference.infer_shapes(backbone).graph.value_info
    }
    found: dict[int, str] = {}
    for node in backbone.graph.node:
        shape = shapes.get(node.output[0], [])
        if node.op_type == "Add" and len(shape) == 4 and shape[1]:
            found[shape[1]] = node.output[0]
    return list(found.values())[-BLOCKS:]


def _mean(net: Net, name: str) -> str:
    return net.put("Flatten", [net.put("GlobalAveragePool", [name], f"w_mean_{name}")], f"w_mean_flat_{name}")


def _maximum(net: Net, name: str) -> str:
    return net.put("Flatten", [net.put("GlobalMaxPool", [name], f"w_max_{name}")], f"w_max_flat_{name}")


def _spread(net: Net, name: str) -> str:
    mean = _mean(net, name)
    squares = net.put("Mul", [name, name], f"w_sq_{name}")
    mean_squares = _mean(net, squares)
    squared_mean = net.put("Mul", [mean, mean], f"w_mean_sq_{name}")
    variance = net.put("Relu", [net.put("Sub", [mean_squares, squared_mean], f"w_var_{name}")], f"w_varp_{name}")
    return net.put("Sqrt", [variance], f"w_std_{name}")


def finished(
    before: onnx.ModelProto | None, net: Net, logits: str, labels: Sequence[str], facts: Mapping[str, str]
) -> onnx.ModelProto:
    """One graph from `pixels`, uint8 (1, height, width, 3), to `probabilities` float32 (1, k) and `class` int64 (1,).

    before: a graph that takes the pixels, on whose outputs `net` goes on. logits: (1, k), of labels in that order.
    """
    net.put("Softmax", [logits], "probabilities", axis=1)
    net.put("ArgMax", [logits], "class", axis=1, keepdims=0)
    outputs = [
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, len(labels)]),
        helper.make_tensor_value_info("class", TensorProto.INT64, [1]),
    ]
    nodes, constants = _after(before, net)
    graph = helper.make_graph(nodes, "classifier", [_pixels()], outputs, constants)
    model = helper.make_model(graph, opset_imports=_opsets(before), ir_version=IR_VERSION)
    helper.set_model_props(model, {"labels": json.dumps(list(labels)), **facts})
    return model


def gemm(net: Net, takes: str, gives: str, weights: NDArray[Any], bias: NDArray[Any]) -> str:
    """takes @ weights.T + bias. weights: (k, d); bias: (k,)."""
    matrix, offset = net.floats(f"{gives}_w", weights), net.floats(f"{gives}_b", bias)
    return net.put("Gemm", [takes, matrix, offset], gives, transB=1)


def _pixels() -> Any:
    return helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, "height", "width", 3])


def _floats(name: str) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
