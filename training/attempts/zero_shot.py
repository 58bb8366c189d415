"""Zero-shot classifiers: the network's classes or texts, and a COCO detector. The talk's first two attempts.

Neither network is trained on our pictures. Only the threshold of its score is fitted, on the split train.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnx.compose
import onnx.version_converter
from numpy.typing import NDArray
from onnx import TensorProto, helper
from PIL import Image
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from foundation.settings import plain_name
from networks.graph import OPSET, Net, finished, from_pixels, gemm, planes
from networks.objects import CLASS_EXPONENT, CLASS_OF_NUMBER, COCO, OBJECTNESS_EXPONENT, ObjectDetector
from networks.session import session
from training.attempts.protocol import Fitted
from training.examples import Examples

FLOAT = TensorProto.FLOAT
EPSILON = 1e-4  # added to a score before the logarithm


def classes_meaning(label: str, class_names: Sequence[str], meant: Sequence[str] = ()) -> list[int]:
    """Indices of the classes that mean the label: those with its name, and those with one of the names in `meant`."""
    wanted = {plain_name(label), *map(plain_name, meant)}
    return [
        index
        for index, name in enumerate(class_names)
        if wanted & {plain_name(part) for part in re.split(r"[,/]", name)}
    ]


def _meant(examples: Examples, class_names: Sequence[str], *, by_name: bool = False) -> dict[int, list[int]]:
    """By number of a label that has some: the indices of the classes that mean it. by_name: of its own name only."""
    found = {
        number: classes_meaning(label, class_names, () if by_name else examples.meant.get(label, ()))
        for number, label in enumerate(examples.names)
    }
    return {number: classes for number, classes in found.items() if classes}


def _obstacle(examples: Examples, meant: Mapping[int, Sequence[int]]) -> str:
    """Why scores cannot separate these labels; empty where they can. One label may do without classes."""
    unknown = [label for number, label in enumerate(examples.names) if number not in meant]
    if len(unknown) <= 1:
        return ""
    return f"needs classes that mean {' or '.join(unknown)}; name them in [labels.{unknown[0]}] means"


class MobileNetZeroShot:
    name = "mobilenet-zero-shot"  # the talk's network; here it is whichever gives the features
    what = "classes or texts that mean the label, no training"

    def missing(self, examples: Examples) -> str:
        if examples.net.lacks:
            return f"needs {examples.net.lacks}"
        if examples.net.classifier is None or not examples.net.class_names:
            return "needs a network with class names; remove [models] network to use EfficientNet-Lite0"
        return _obstacle(examples, _meant(examples, examples.net.class_names, by_name=bool(examples.net.texts)))

    def fit(self, examples: Examples) -> Fitted:
        names = examples.net.class_names
        texts = examples.net.texts
        meant = list(_meant(examples, names, by_name=bool(texts)).values())
        classifier = examples.net.classifier
        assert classifier is not None  # noqa: S101
        run = session(classifier).run

        def scores_of(block: NDArray[np.float32]) -> NDArray[np.float32]:
            (probabilities,) = run(["probabilities"], {"features": block})
            return np.stack([probabilities[:, classes].sum(axis=1) for classes in meant], axis=1)

        scores = examples.features.each(scores_of)
        line = _fit_scores(examples, scores)
        net = Net()
        net.put("Identity", ["features"], (inner := onnx.compose.add_prefix(classifier, "zs_")).graph.input[0].name)
        net.nodes += list(inner.graph.node)
        net.constants += list(inner.graph.initializer)
        chosen = np.zeros((len(meant), len(names)))
        for row, classes in enumerate(meant):
            chosen[row, classes] = 1
        score = gemm(net, inner.graph.output[0].name, "zs_score", chosen, np.zeros(len(meant)))
        graph = finished(examples.net.graph, net, _logits(net, score, line), examples.names, {})
        wanted = [names[index] for classes in meant for index in classes]
        if texts:
            wanted = [text for name in wanted for text in (*texts[name].names, *texts[name].sentences)]
        return Fitted(graph, line.probabilities(scores), {"classes": ", ".join(wanted)})


class CocoZeroShot:
    name = "coco-zero-shot"
    what = "the best box of the label by a COCO detector, no training"

    def missing(self, examples: Examples) -> str:
        if examples.detector is None:
            return "needs a COCO detector's weights; run `isitcake models fetch`"
        return _obstacle(examples, _meant(examples, COCO))

    def fit(self, examples: Examples) -> Fitted:
        meant = list(_meant(examples, COCO).values())
        wanted = [COCO[index] for classes in meant for index in classes]
        net = Net()
        before = None
        if examples.detector is not None and examples.detector.is_boxed:
            before = _boxed(examples.detector.content)
            best = _best_boxes(net, examples.detector, wanted)
        else:
            best = _detect(net, examples, wanted)
        score = _best_of_each(net, best, [len(classes) for classes in meant])
        run = session(from_pixels(net, score, before), threads=1).run

        def best_scores(image: Image.Image) -> NDArray[np.float32]:
            scores: NDArray[np.float32] = run(None, {"pixels": np.asarray(image)[None]})[0][0]
            return scores

        scores = np.stack(examples.each_picture(best_scores, "objects")).astype(np.float32)
        line = _fit_scores(examples, scores)
        graph = finished(before, net, _logits(net, score, line), examples.names, {})
        return Fitted(graph, line.probabilities(scores), {"classes": ", ".join(wanted)})


def _boxed(content: bytes) -> onnx.ModelProto:
    """A detector of TensorFlow's form whose input is called `pixels`."""
    model = onnx.load_from_string(content)
    model.graph.node.insert(0, helper.make_node("Identity", ["pixels"], [model.graph.input[0].name]))
    return model


def _best_boxes(net: Net, detector: ObjectDetector, wanted: Sequence[str]) -> str:
    """From the detector's outputs to (1, k): the score of the best box of each of the k classes `wanted`."""
    classes, scores = (detector.output(part) for part in ("detection_classes", "detection_scores"))
    half, best = net.floats("box_half", 0.5), []
    for k, name in enumerate(wanted):
        number = next(number for number, known in CLASS_OF_NUMBER.items() if known == name)
        kind = net.floats(f"box_kind{k}", float(number))
        near = net.put("Abs", [net.put("Sub", [classes, kind], f"box_off{k}")], f"box_apart{k}")
        is_wanted = net.put("Cast", [net.put("Less", [near, half], f"box_is{k}")], f"box_one{k}", to=FLOAT)
        found = net.put("Mul", [is_wanted, scores], f"box_scores{k}")
        best.append(net.put("ReduceMax", [found], f"box_best{k}", keepdims=1))
    return net.put("Concat", best, "box_all", axis=1)


def _best_of_each(net: Net, best: str, counts: Sequence[int]) -> str:
    """From (1, k) scores of classes to (1, m): the best of the first counts[0] of them, of the next counts[1], …"""
    columns, start = [], 0
    for number, count in enumerate(counts):
        indices = net.constant(f"zs_of{number}", np.arange(start, start + count, dtype=np.int64))
        part = net.put("Gather", [best, indices], f"zs_part{number}", axis=1)
        columns.append(net.put("ReduceMax", [part], f"zs_best{number}", keepdims=1))
        start += count
    return net.put("Concat", columns, "zs_all", axis=1)


def _detect(net: Net, examples: Examples, wanted: Sequence[str]) -> str:
    """From `pixels` to (1, k): the best cell's score of each of the k classes `wanted`, by FastestDet's form."""
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
    for name, channels, exponent in (
        ("object", [0], OBJECTNESS_EXPONENT),
        ("class", [5 + COCO.index(name) for name in wanted], CLASS_EXPONENT),
    ):
        index = net.constant(f"det_{name}_at", np.array(channels, dtype=np.int64))
        part = net.put("Gather", [cells, index], f"det_{name}", axis=1)
        parts[name] = net.put("Pow", [part, net.floats(f"det_{name}_e", exponent)], f"det_{name}_power")
    product = net.put("Mul", list(parts.values()), "det_score")
    return net.put("Flatten", [net.put("GlobalMaxPool", [product], "det_best")], "det_flat")


@dataclass(frozen=True)
class _Line:
    """Log-odds of each label as a linear function of the logarithms of m scores. weights: (k, m). offsets: (k,)."""

    weights: NDArray[np.float64]
    offsets: NDArray[np.float64]

    def probabilities(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, k), from (n, m) scores."""
        return softmax(np.log(scores.astype(np.float64) + EPSILON) @ self.weights.T + self.offsets, axis=1)


def _fit_scores(examples: Examples, scores: NDArray[np.float32]) -> _Line:
    """Fit the line to the split train. scores: (n, m)."""
    learn = examples.mask("train")
    model = LogisticRegression(class_weight="balanced", max_iter=500)
    model.fit(np.log(scores[learn] + EPSILON), examples.labels[learn])
    weights, offsets = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # then it has one line only, of the second class
        weights, offsets = np.concatenate([-weights, weights]) / 2, np.concatenate([-offsets, offsets]) / 2
    order = [list(model.classes_).index(label) for label in examples.names]
    return _Line(weights[order].astype(np.float64), offsets[order].astype(np.float64))


def _logits(net: Net, score: str, line: _Line) -> str:
    safe = net.put("Add", [score, net.floats("zs_small", EPSILON)], "zs_safe")
    return gemm(net, net.put("Log", [safe], "zs_log"), "logits", line.weights, line.offsets)
