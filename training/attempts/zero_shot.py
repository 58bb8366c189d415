"""Zero-shot classifiers: MobileNet's ImageNet classes, and a COCO detector. The talk's first two attempts.

Neither network is trained on our pictures. Only the threshold of its score is fitted, on the split train.
"""

import re
from collections.abc import Sequence

import numpy as np
import onnx
import onnx.compose
import onnx.version_converter
from numpy.typing import NDArray
from onnx import TensorProto, helper
from PIL import Image
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from networks.graph import OPSET, Net, finished, from_pixels, gemm, planes
from networks.objects import CLASS_EXPONENT, CLASS_OF_NUMBER, COCO, OBJECTNESS_EXPONENT, ObjectDetector
from networks.session import session
from training.attempts.protocol import Fitted
from training.examples import Examples

IMAGENET_SYNONYMS = {  # ImageNet class names that count as a label, beside those that contain its name
    "cake": ("trifle", "bakery", "confectionery", "ice cream", "chocolate sauce", "candle"),
}
FLOAT = TensorProto.FLOAT
EPSILON = 1e-4  # added to a score before the logarithm


def classes_meaning(label: str, class_names: Sequence[str]) -> list[int]:
    """Indices of the classes that mean the label: those with its name, and those of IMAGENET_SYNONYMS."""
    wanted = {label.replace("_", " "), *IMAGENET_SYNONYMS.get(label, ())}
    return [
        index
        for index, name in enumerate(class_names)
        if wanted & {part.strip().lower() for part in re.split(r"[,/]", name)}
    ]


def _obstacle(names: Sequence[str], known: Sequence[int]) -> str:
    """Why one score cannot separate these labels; empty where it can. known: indices of labels that have classes."""
    if len(names) != 2:
        return f"separates two labels, and there are {len(names)}"
    return "" if len(known) == 1 else "needs classes that mean exactly one of the labels"


class MobileNetZeroShot:
    name = "mobilenet-zero-shot"
    what = "MobileNet's ImageNet classes that mean the label, no training"

    def missing(self, examples: Examples) -> str:
        if examples.net.classifier is None or not examples.net.class_names:
            return "needs MobileNet's weights and class names in the folder of [models]; see docs/training.md"
        return _obstacle(examples.names, _meant(examples))

    def fit(self, examples: Examples) -> Fitted:
        (label,) = _meant(examples)
        classes = classes_meaning(examples.names[label], examples.net.class_names)
        classifier = examples.net.classifier
        assert classifier is not None  # noqa: S101
        run = session(classifier).run
        scores = run(["probabilities"], {"features": examples.features})[0][:, classes].sum(axis=1)
        slope, offset = _fit_scores(examples, scores, label)
        net = Net()
        inner = onnx.compose.add_prefix(classifier, "zs_")
        net.put("Identity", ["features"], inner.graph.input[0].name)
        net.nodes += list(inner.graph.node)
        net.constants += list(inner.graph.initializer)
        chosen = np.zeros((1, len(examples.net.class_names)))
        chosen[0, classes] = 1
        score = gemm(net, inner.graph.output[0].name, "zs_score", chosen, np.zeros(1))
        graph = finished(examples.net.graph, net, _logits(net, score, slope, offset, label), examples.names, {})
        class_names = ", ".join(examples.net.class_names[index] for index in classes)
        return Fitted(graph, _probabilities(scores, slope, offset, label), {"classes": class_names})


def _meant(examples: Examples) -> list[int]:
    names = examples.net.class_names
    return [number for number, label in enumerate(examples.names) if classes_meaning(label, names)]


class CocoZeroShot:
    name = "coco-zero-shot"
    what = "the best box of the label by a COCO detector, no training"

    def missing(self, examples: Examples) -> str:
        if examples.detector is None:
            return "needs a COCO detector's weights in the folder of [models]; run `isitcake models fetch`"
        return _obstacle(examples.names, self._known(examples))

    def _known(self, examples: Examples) -> list[int]:
        return [number for number, label in enumerate(examples.names) if label.replace("_", " ") in COCO]

    def fit(self, examples: Examples) -> Fitted:
        (label,) = self._known(examples)
        net = Net()
        wanted = examples.names[label].replace("_", " ")
        before = None
        if examples.detector is not None and examples.detector.is_boxed:
            before = _boxed(examples.detector.content)
            score = _best_box(net, examples.detector, wanted)
        else:
            score = _detect(net, examples, wanted)
        run = session(from_pixels(net, score, before), threads=1).run

        def best_score(image: Image.Image) -> float:
            return float(run(None, {"pixels": np.asarray(image)[None]})[0][0, 0])

        scores = np.array(examples.each_picture(best_score, "objects"), dtype=np.float32)
        slope, offset = _fit_scores(examples, scores, label)
        graph = finished(before, net, _logits(net, score, slope, offset, label), examples.names, {})
        return Fitted(graph, _probabilities(scores, slope, offset, label))


def _boxed(content: bytes) -> onnx.ModelProto:
    """A detector of TensorFlow's form whose input is called `pixels`."""
    model = onnx.load_from_string(content)
    model.graph.node.insert(0, helper.make_node("Identity", ["pixels"], [model.graph.input[0].name]))
    return model


def _best_box(net: Net, detector: ObjectDetector, wanted: str) -> str:
    """From the detector's outputs to (1, 1): the score of the best box of the class `wanted`."""
    number = next(number for number, name in CLASS_OF_NUMBER.items() if name == wanted)
    classes, scores = (detector.output(part) for part in ("detection_classes", "detection_scores"))
    near = net.put("Abs", [net.put("Sub", [classes, net.floats("box_kind", float(number))], "box_off")], "box_apart")
    is_wanted = net.put("Cast", [net.put("Less", [near, net.floats("box_half", 0.5)], "box_is")], "box_one", to=FLOAT)
    return net.put("ReduceMax", [net.put("Mul", [is_wanted, scores], "box_scores")], "box_best", keepdims=1)


def _detect(net: Net, examples: Examples, wanted: str) -> str:
    """From `pixels` to (1, 1): the best cell's score of the class `wanted`, by a detector of FastestDet's form."""
    assert examples.detector is not None  # noqa: S101
    model = onnx.load_from_string(examples.detector.content)
    model = onnx.compose.add_prefix(onnx.version_converter.convert_version(model, OPSET), "det_")
    side = model.graph.input[0].type.tensor_type.shape.dim[2].dim_value
    square = planes(net, side)
    turned = net.put("Gather", [square, net.constant("det_bgr", np.array([2, 1, 0], dtype=np.int64))], "det_in", axis=1)
    net.put("Div", [turned, net.floats("det_255", 255.0)], model.graph.input[0].name)
    net.nodes += list(model.graph.node)
    net.constants += list(model.graph.initializer)
    cells = model.graph.output[0].name  # (1, 85, rows, columns): objectness, a box, 80 classes
    parts = {}
    for name, channel, exponent in (
        ("object", 0, OBJECTNESS_EXPONENT),
        ("class", 5 + COCO.index(wanted), CLASS_EXPONENT),
    ):
        index = net.constant(f"det_{name}_at", np.array([channel], dtype=np.int64))
        part = net.put("Gather", [cells, index], f"det_{name}", axis=1)
        parts[name] = net.put("Pow", [part, net.floats(f"det_{name}_e", exponent)], f"det_{name}_power")
    product = net.put("Mul", list(parts.values()), "det_score")
    return net.put("Flatten", [net.put("GlobalMaxPool", [product], "det_best")], "det_flat")


def _fit_scores(examples: Examples, scores: NDArray[np.float32], label: int) -> tuple[float, float]:
    """Slope and offset of the log-odds as a linear function of the logarithm of the score."""
    learn = examples.mask("train")
    x = np.log(scores[learn] + EPSILON)[:, None]
    model = LogisticRegression(class_weight="balanced").fit(x, examples.labels[learn] == examples.names[label])
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def _probabilities(scores: NDArray[np.float32], slope: float, offset: float, label: int) -> NDArray[np.float64]:
    half = (slope * np.log(scores.astype(np.float64) + EPSILON) + offset) / 2
    columns = [half, -half] if label == 0 else [-half, half]
    return softmax(np.stack(columns, axis=1), axis=1)


def _logits(net: Net, score: str, slope: float, offset: float, label: int) -> str:
    safe = net.put("Add", [score, net.floats("zs_small", EPSILON)], "zs_safe")
    sign = np.array([1.0, -1.0]) if label == 0 else np.array([-1.0, 1.0])
    return gemm(net, net.put("Log", [safe], "zs_log"), "logits", sign[:, None] * slope / 2, sign * offset / 2)
