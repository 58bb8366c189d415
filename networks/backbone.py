"""Frozen features of a picture, always from an ONNX graph that takes pixels.

Where weights are configured the graph is MobileNetV2; where none are, a built-in one made here of pooled
colours and edges. Both take uint8 (1, height, width, 3) and give float32 (1, n).
"""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.compose
import onnx.utils
import onnx.version_converter
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from foundation.errors import StorageError
from foundation.settings import CLASSES_NAME
from networks.built_in import BUILT_IN, built_in_graph
from networks.session import IR_VERSION, OPSET, SIDE_PX, session

CLASSIFIED = 4096  # images at a time
CLASSES_KEPT = 3
IMAGENET_MEAN, IMAGENET_STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@dataclass(frozen=True)
class Backbone:
    """name: identifies graph and weights, so that features of another are never taken for its own.

    classifier: from features to probabilities of class_names, where the network came with such a head.
    """

    name: str
    graph: onnx.ModelProto
    classifier: onnx.ModelProto | None = None
    class_names: tuple[str, ...] = ()

    def vector(self, image: Image.Image) -> NDArray[np.float32]:
        """(n,) features of an upright RGB picture of any size."""
        pixels = np.asarray(image, dtype=np.uint8)[None]
        answer: NDArray[np.float32] = self._session.run(["features"], {"pixels": pixels})[0][0]
        return answer

    def classes(self, vectors: NDArray[np.float32]) -> list[dict[str, float]]:
        """The likeliest of class_names by probability, for each of (n, d) features; empty where there are none."""
        if self.classifier is None or not self.class_names:
            return [{} for _ in vectors]
        found = []
        run = session(self.classifier).run
        for start in range(0, len(vectors), CLASSIFIED):
            for row in run(["probabilities"], {"features": vectors[start : start + CLASSIFIED]})[0]:
                best = np.argsort(-row, kind="stable")[:CLASSES_KEPT]
                found.append({self.class_names[k]: round(float(row[k]), 3) for k in best})
        return found

    @functools.cached_property
    def _session(self) -> Any:
        return session(self.graph)


def backbone(weights: Path | None) -> Backbone:
    """The backbone of these weights; the built-in one without. Raises StorageError for a damaged file."""
    if weights is None:
        return Backbone(BUILT_IN, _with_pixels(built_in_graph(), BUILT_IN))
    try:
        content = weights.read_bytes()
        model = onnx.version_converter.convert_version(onnx.load_from_string(content), OPSET)
        if any(output.name == "features" for output in model.graph.output):
            graph, classifier = _with_pixels(model, weights.stem), _classifier(model)
        else:  # as the ONNX model zoo publishes classifiers: logits only, ImageNet's mean and spread taken off before
            classifier = _zoo_classifier(model)
            graph = _with_pixels(
                _naming_features(model), weights.stem, 255 * IMAGENET_STD, IMAGENET_MEAN / IMAGENET_STD
            )
    except Exception as error:
        raise StorageError(f"{weights} is not a usable ONNX file ({error}); replace it") from error
    names = weights.with_name(CLASSES_NAME)
    classes = tuple(names.read_text(encoding="utf-8").splitlines()) if classifier and names.is_file() else ()
    return Backbone(f"{weights.stem}@{hashlib.sha256(content).hexdigest()[:12]}", graph, classifier, classes)


def _classifier(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """The network's own head, from `features` to `probabilities`, where it has one on its pooled features."""
    last = next((node for node in model.graph.node if "features" in node.output), None)
    outputs = {output.name for output in model.graph.output}
    if last is None or last.op_type != "Flatten" or "probabilities" not in outputs:
        return None
    head = onnx.utils.Extractor(model).extract_model([last.input[0]], ["probabilities"])
    square = helper.make_node("Unsqueeze", ["features", "cl_axes"], [last.input[0]])
    graph = helper.make_graph(
        [square, *head.graph.node],
        "classifier",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", "d"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", "c"])],
        [numpy_helper.from_array(np.array([2, 3], dtype=np.int64), "cl_axes"), *head.graph.initializer],
    )
    return helper.make_model(graph, opset_imports=_opsets(model), ir_version=IR_VERSION)


def _last_layer(model: onnx.ModelProto) -> Any:
    """The Gemm that gives the logits. Raises ValueError for a network of another form."""
    node = next((node for node in reversed(model.graph.node) if node.op_type == "Gemm"), None)
    if node is None or node.output[0] != model.graph.output[0].name:
        raise ValueError("it has neither an output `features` nor a last Gemm whose input could be that")
    return node


def _naming_features(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the input of its last layer as an output, `features`."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    made.graph.node.append(helper.make_node("Identity", [_last_layer(model).input[0]], ["features"]))
    made.graph.output.append(helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", None]))
    return made


def _zoo_classifier(model: onnx.ModelProto) -> onnx.ModelProto:
    """The last layer by itself, from `features` to `probabilities`."""
    layer = onnx.NodeProto()
    layer.CopyFrom(_last_layer(model))
    layer.input[0], layer.output[0] = "features", "cl_logits"
    softmax = helper.make_node("Softmax", ["cl_logits"], ["probabilities"], axis=1)
    graph = helper.make_graph(
        [layer, softmax],
        "classifier",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", "d"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", "c"])],
        [constant for constant in model.graph.initializer if constant.name in layer.input],
    )
    return helper.make_model(graph, opset_imports=_opsets(model), ir_version=IR_VERSION)


def _with_pixels(
    model: onnx.ModelProto,
    name: str,
    scale: NDArray[np.float64] | float = 127.5,
    shift: NDArray[np.float64] | float = 1.0,
) -> onnx.ModelProto:
    """Put in front of `model`, which takes NCHW RGB, what makes that of uint8 pixels: pixels / scale - shift.

    scale, shift: one for all channels, or (3,). As they are, the model takes [-1, 1].
    """
    scale, shift = (value if isinstance(value, float) else value.reshape(3, 1, 1) for value in (scale, shift))
    cut = onnx.utils.Extractor(model).extract_model([model.graph.input[0].name], ["features"])
    model = onnx.compose.add_prefix(cut, "backbone_")  # so that heads put behind it may use any name
    taken = model.graph.input[0].name
    nodes = [
        helper.make_node("Cast", ["pixels"], ["px_float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["px_float"], ["px_planes"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "Resize",
            ["px_planes", "", "", "px_sizes"],
            ["px_square"],
            mode="linear",
            antialias=1,
            coordinate_transformation_mode="half_pixel",
            keep_aspect_ratio_policy="stretch",
        ),
        helper.make_node("Div", ["px_square", "px_half"], ["px_scaled"]),
        helper.make_node("Sub", ["px_scaled", "px_one"], [taken]),
    ]
    constants = [
        numpy_helper.from_array(np.array([1, 3, SIDE_PX, SIDE_PX], dtype=np.int64), "px_sizes"),
        numpy_helper.from_array(np.array(scale, dtype=np.float32), "px_half"),
        numpy_helper.from_array(np.array(shift, dtype=np.float32), "px_one"),
    ]
    named = helper.make_node("Identity", [model.graph.output[0].name], ["features"])
    graph = helper.make_graph(
        [*nodes, *model.graph.node, named],
        name,
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, "height", "width", 3])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, None])],
        [*constants, *model.graph.initializer],
    )
    return helper.make_model(graph, opset_imports=_opsets(model), ir_version=IR_VERSION)


def _opsets(model: onnx.ModelProto) -> list[Any]:
    return sorted(model.opset_import, key=lambda entry: entry.domain)
