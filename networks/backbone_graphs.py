"""Cut the ONNX graph of a pretrained network into features and classifier, and let it take pixels."""

from typing import Any

import numpy as np
import onnx
import onnx.compose
import onnx.utils
import onnx.version_converter
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from networks.built_in import SIDE_PX
from networks.graph import IR_VERSION, OPSET, Net, float_tensor, pixels_input, resized_planes

CENTRE = 127.5  # pixels / CENTRE - 1 is in -1 to 1


def split(
    content: bytes, name: str, mean: NDArray[np.float64], standard_deviation: NDArray[np.float64]
) -> tuple[onnx.ModelProto, onnx.ModelProto | None]:
    """The graph from pixels to features, and the one from features to probabilities if there is one.

    content: a file with an output `features` that takes -1 to 1; or a classifier of the ONNX model zoo, which has
    logits only and takes pictures normalised with mean and standard_deviation, (3,). Raises ValueError for other forms.
    """
    model = onnx.version_converter.convert_version(onnx.load_from_string(content), OPSET)
    if any(output.name == "features" for output in model.graph.output):
        return with_pixels(model, name), classifier(model)
    scale, shift = 255 * standard_deviation, mean / standard_deviation
    return with_pixels(_with_features(model), name, scale, shift), _zoo_classifier(model)


def with_pixels(
    model: onnx.ModelProto,
    name: str,
    scale: NDArray[np.float64] | float = CENTRE,
    shift: NDArray[np.float64] | float = 1.0,
) -> onnx.ModelProto:
    """The graph from `pixels` to `features`. The model gets pixels / scale - shift.

    model: takes NCHW, RGB, SIDE_PX square. scale, shift: one for all channels, or (3,).
    """
    scale, shift = (value if isinstance(value, float) else value.reshape(3, 1, 1) for value in (scale, shift))
    features = onnx.utils.Extractor(model).extract_model([model.graph.input[0].name], ["features"])
    model = onnx.compose.add_prefix(features, "backbone_")  # so that heads behind it may use any name
    net = Net()
    square = resized_planes(net, SIDE_PX)
    scaled = net.put("Div", [square, net.floats("px_half", scale)], "px_scaled")
    net.put("Sub", [scaled, net.floats("px_one", shift)], model.graph.input[0].name)
    renamed = helper.make_node("Identity", [model.graph.output[0].name], ["features"])
    graph = helper.make_graph(
        [*net.nodes, *model.graph.node, renamed],
        name,
        [pixels_input()],
        [float_tensor("features", [1, None])],
        [*net.constants, *model.graph.initializer],
    )
    return helper.make_model(graph, opset_imports=_opsets(model), ir_version=IR_VERSION)


def classifier(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """The network's own head, from `features` to `probabilities`; None if it has none on its pooled features."""
    last = next((node for node in model.graph.node if "features" in node.output), None)
    outputs = {output.name for output in model.graph.output}
    if last is None or last.op_type != "Flatten" or "probabilities" not in outputs:
        return None
    head = onnx.utils.Extractor(model).extract_model([last.input[0]], ["probabilities"])
    square = helper.make_node("Unsqueeze", ["features", "cl_axes"], [last.input[0]])
    axes = numpy_helper.from_array(np.array([2, 3], dtype=np.int64), "cl_axes")
    return _classifier_graph(model, [square, *head.graph.node], [axes, *head.graph.initializer])


def _last_layer(model: onnx.ModelProto) -> Any:
    """The Gemm that gives the logits. Raises ValueError for a network of another form."""
    node = next((node for node in reversed(model.graph.node) if node.op_type == "Gemm"), None)
    if node is None or node.output[0] != model.graph.output[0].name:
        raise ValueError("it has neither an output `features` nor a last Gemm, whose input could be the features")
    return node


def _with_features(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the input of its last layer as an output, `features`."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.node.append(helper.make_node("Identity", [_last_layer(model).input[0]], ["features"]))
    copy.graph.output.append(float_tensor("features", ["n", None]))
    return copy


def _zoo_classifier(model: onnx.ModelProto) -> onnx.ModelProto:
    """The last layer by itself, from `features` to `probabilities`."""
    layer = onnx.NodeProto()
    layer.CopyFrom(_last_layer(model))
    layer.input[0], layer.output[0] = "features", "cl_logits"
    softmax = helper.make_node("Softmax", ["cl_logits"], ["probabilities"], axis=1)
    constants = [constant for constant in model.graph.initializer if constant.name in layer.input]
    return _classifier_graph(model, [layer, softmax], constants)


def _classifier_graph(model: onnx.ModelProto, nodes: list[Any], constants: list[Any]) -> onnx.ModelProto:
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", "d"])
    graph = helper.make_graph(nodes, "classifier", [features], [float_tensor("probabilities", ["n", "c"])], constants)
    return helper.make_model(graph, opset_imports=_opsets(model), ir_version=IR_VERSION)


def _opsets(model: onnx.ModelProto) -> list[Any]:
    return sorted(model.opset_import, key=lambda entry: entry.domain)
