"""What is recognised in a picture without any training of ours: objects, by a COCO detector, and lines of text.

The detector is optional; where no weights are configured no objects are seen, and nothing else changes.
"""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from isitcake.errors import StorageError

RECIPE = "seen-1"
LOOKED_AT_PX = 480  # longer side in which text is looked for
SEEN_FROM = 0.05  # score under which an object is not worth a byte
OBJECTNESS, CLASS = 0.6, 0.4  # exponents of a cell's score
LINE_PX = (7, 70)  # height of a line of text
LINE_ASPECT = 2.2  # times as wide as high, at least
LINE_FILL = 0.45  # of its box, where strokes are
STROKES = (1.2, 6.0)  # crossings of ink and ground per height
TWO_TONES = 1.6  # distance of ink from ground in their spreads
EDGE = 24.0
MEASURED = ("cake", "donut", "person")
FOOD = ("banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza")
COCO = tuple(Path(__file__).with_name("coco_80.txt").read_text(encoding="utf-8").splitlines())
UNUSED = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}  # of COCO's numbers 1 to 90
NUMBERED = dict(zip((n for n in range(1, 91) if n not in UNUSED), COCO, strict=True))


@dataclass(frozen=True)
class Seen:
    """objects: COCO class → score of its best cell, 0 to 1; None without a detector. text_lines: how many lines
    of text; text_share: of the picture, that they cover.
    """

    objects: Mapping[str, float] | None
    text_lines: int
    text_share: float


@dataclass(frozen=True)
class ObjectDetector:
    """A COCO detector, in one of two forms.

    FastestDet's: (1, 3, s, s) BGR in 0 to 1 → (1, 85, rows, columns). TensorFlow's, as SSD-MobileNet has it:
    uint8 (1, height, width, 3) RGB → detection_scores (1, n) and detection_classes (1, n), numbered as in COCO.
    """

    name: str
    content: bytes

    @property
    def is_boxed(self) -> bool:
        """Whether it is of TensorFlow's form."""
        return str(self._session.get_inputs()[0].type) == "tensor(uint8)"

    def output(self, part: str) -> str:
        """Name of the output that ends in `part`, whatever the exporter put around it."""
        return next(str(o.name) for o in self._session.get_outputs() if o.name.split(":")[0].endswith(part))

    def scores(self, image: Image.Image) -> dict[str, float]:
        """Score of each class's best cell or box, of those worth a byte."""
        entry = self._session.get_inputs()[0]
        if self.is_boxed:
            names = [self.output("detection_scores"), self.output("detection_classes")]
            found, kinds = self._session.run(names, {entry.name: np.asarray(image, dtype=np.uint8)[None]})
            boxes: dict[str, float] = {}
            for score, kind in zip(found[0].tolist(), kinds[0].tolist(), strict=True):
                label = NUMBERED.get(int(kind))
                if label and score >= SEEN_FROM:
                    boxes[label] = max(boxes.get(label, 0.0), round(float(score), 3))
            return boxes
        side = int(entry.shape[2])
        pixels = np.asarray(image.resize((side, side), Image.Resampling.BILINEAR), dtype=np.float32)
        planes = np.ascontiguousarray(pixels[..., ::-1].transpose(2, 0, 1)[None] / 255)
        answer: NDArray[np.float32] = self._session.run(None, {entry.name: planes})[0][0]
        best = (answer[:1] ** OBJECTNESS * answer[5:] ** CLASS).reshape(len(COCO), -1).max(axis=1)
        return {name: round(float(s), 3) for name, s in zip(COCO, best, strict=True) if s >= SEEN_FROM}

    @functools.cached_property
    def _session(self) -> Any:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1  # pictures go side by side
        return onnxruntime.InferenceSession(self.content, options, providers=["CPUExecutionProvider"])


def detector(weights: Path | None) -> ObjectDetector | None:
    """The detector of these weights; None without. Raises StorageError for a file that is none."""
    if weights is None:
        return None
    try:
        content = weights.read_bytes()
        made = ObjectDetector(f"{weights.stem}@{hashlib.sha256(content).hexdigest()[:12]}", content)
        made.scores(Image.new("RGB", (8, 8)))
    except Exception as error:
        raise StorageError(f"{weights} is not a usable COCO detector ({error}); replace or remove it") from error
    return made


def recipe(net: ObjectDetector | None) -> str:
    """Names what pictures were looked at with."""
    return f"{RECIPE} {net.name}" if net else RECIPE


def look(image: Image.Image, net: ObjectDetector | None) -> Seen:
    """What is seen in an upright RGB picture."""
    lines, share = _text(image)
    return Seen(net.scores(image) if net else None, lines, share)


def object_measures(objects: Mapping[str, float] | None) -> list[float]:
    """Scores of cake, donut, person, the best other food and the best of the rest; NaN where nobody looked."""
    if objects is None:
        return [float("nan")] * (len(MEASURED) + 2)
    known = {*MEASURED, *FOOD}
    return [
        *(objects.get(name, 0.0) for name in MEASURED),
        max((objects.get(name, 0.0) for name in FOOD), default=0.0),
        max((score for name, score in objects.items() if name not in known), default=0.0),
    ]


def _text(image: Image.Image) -> tuple[int, float]:
    """Lines of text: rows of strokes in two tones, wider than high. No network, so it misses ornate ones."""
    grey: NDArray[Any] = cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2GRAY)
    if (shrink := LOOKED_AT_PX / max(grey.shape)) < 1:
        grey = cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    edges = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    limit = max(EDGE, cv2.threshold(edges, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[0])
    strokes = (edges > limit).astype(np.uint8)
    joined = cv2.morphologyEx(strokes, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_RECT, (9, 1)))
    _, _, boxes, _ = cv2.connectedComponentsWithStats(joined)
    lines = covered = 0
    for x, y, width, height, area in boxes[1:].tolist():
        if not LINE_PX[0] <= height <= LINE_PX[1] or width < LINE_ASPECT * height or area < LINE_FILL * width * height:
            continue
        if _is_written(grey[y : y + height, x : x + width]):
            lines += 1
            covered += width * height
    return lines, round(covered / grey.size, 4)


def _is_written(box: NDArray[Any]) -> bool:
    """Whether a box holds ink on a ground, crossed as often as letters are."""
    _, ink = cv2.threshold(box, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    bright, dark = box[ink == 1], box[ink == 0]
    if not len(bright) or not len(dark):
        return False
    height, width = box.shape
    middle = ink[height // 4 : max(height // 4 + 1, 3 * height // 4)].astype(np.int8)
    crossings = np.abs(np.diff(middle, axis=1)).sum(axis=1).mean() * height / width
    apart = (float(bright.mean()) - float(dark.mean())) / (float(bright.std()) + float(dark.std()) + 8)
    return bool(STROKES[0] <= crossings <= STROKES[1] and apart > TWO_TONES)
