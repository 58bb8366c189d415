"""Cut the ONNX graph of a pretrained network into features and classifier, and let it take pixels."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import onnx.compose
import onnx.utils
import onnx.version_converter
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from networks.built_in import SIDE_PX
from networks.graph import IR_VERSION, OPSET, Net, cropped_planes, float_tensor, gemm, pixels_input, resized_planes
from networks.pairs import Pair, chosen_output

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
    square_of: Callable[[Net, int], str] = resized_planes,
) -> onnx.ModelProto:
    """The graph from `pixels` to `features`. The model gets pixels / scale - shift.

    model: takes NCHW, RGB, SIDE_PX square. scale, shift: one for all channels, or (3,). square_of: makes the square.
    """
    scale, shift = (value if isinstance(value, float) else value.reshape(3, 1, 1) for value in (scale, shift))
    features = onnx.utils.Extractor(model).extract_model([model.graph.input[0].name], ["features"])
    model = onnx.compose.add_prefix(features, "backbone_")  # so that heads behind it may use any name
    net = Net()
    square = square_of(net, SIDE_PX)
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


def picture_tower(content: bytes, pair: Pair) -> onnx.ModelProto:
    """The graph from pixels to features of length 1: the vectors of a pair's tower of pictures.

    content: of a file that takes NCHW, RGB, SIDE_PX square. Raises ValueError for other forms.
    """
    model = onnx.load_from_string(content)
    if max(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")) < OPSET:
        model = onnx.version_converter.convert_version(model, OPSET)
    vector = chosen_output([output.name for output in model.graph.output], "image_embeds")
    net = Net()
    axes = net.constant("pair_axes", np.array([1], dtype=np.int64))
    net.put("Div", [vector, net.put("ReduceL2", [vector, axes], "pair_length")], "features")
    model.graph.node.extend(net.nodes)
    model.graph.initializer.extend(net.constants)
    model.graph.output.append(float_tensor("features", ["n", None]))
    mean, deviation = np.array(pair.mean), np.array(pair.deviation)
    square_of = cropped_planes if pair.is_cropped else resized_planes
    return with_pixels(model, pair.name, 255 * deviation, mean / deviation, square_of)


def text_classifier(vectors: Sequence[NDArray[np.float32]], scale: float) -> onnx.ModelProto:
    """From `features` to the `probabilities` of k answers: a softmax over the best cosine of each one's texts.

    vectors: for each answer, (m, d) of length 1.
    """
    net = Net()
    axes = net.constant("cl_axes", np.array([1], dtype=np.int64))
    best = [
        net.put(
            "ReduceMax", [gemm(net, "features", f"cl_texts{k}", scale * part, np.zeros(len(part))), axes], f"cl_best{k}"
        )
        for k, part in enumerate(vectors)
    ]
    net.put("Softmax", [net.put("Concat", best, "cl_logits", axis=1)], "probabilities", axis=1)
    return _classifier_graph(net.nodes, net.constants, [helper.make_opsetid("", OPSET)])


def classifier(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """The network's own head, from `features` to `probabilities`; None if it has none on its pooled features."""
    last = next((node for node in model.graph.node if "features" in node.output), None)
    outputs = {output.name for output in model.graph.output}
    if last is None or last.op_type != "Flatten" or "probabilities" not in outputs:
        return None
    head = onnx.utils.Extractor(model).extract_model([last.input[0]], ["probabilities"])
    square = helper.make_node("Unsqueeze", ["features", "cl_axes"], [last.input[0]])
    axes = numpy_helper.from_array(np.array([2, 3], dtype=np.int64), "cl_axes")
    return _classifier_graph([square, *head.graph.node], [axes, *head.graph.initializer], _opsets(model))


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
    return _classifier_graph([layer, softmax], constants, _opsets(model))


def _classifier_graph(nodes: list[Any], constants: list[Any], opsets: list[Any]) -> onnx.ModelProto:
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", "d"])
    graph = helper.make_graph(nodes, "classifier", [features], [float_tensor("probabilities", ["n", "c"])], constants)
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def _opsets(model: onnx.ModelProto) -> list[Any]:
    return sorted(model.opset_import, key=lambda entry: entry.domain)
