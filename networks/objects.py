"""Recognise objects in a picture with a pretrained COCO detector.

The detector is optional. Without its weights no objects are recognised, and nothing else changes.
"""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foundation.errors import StorageError
from networks.session import session

MIN_SCORE = 0.05  # objects with a lower score are left out
OBJECTNESS_EXPONENT, CLASS_EXPONENT = 0.6, 0.4  # score of a cell: objectness ** 0.6 * class ** 0.4, as in FastestDet
COCO = tuple(Path(__file__).with_name("coco_80.txt").read_text(encoding="utf-8").splitlines())
UNUSED_NUMBERS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}  # of COCO's class numbers 1 to 90
CLASS_OF_NUMBER = dict(zip((n for n in range(1, 91) if n not in UNUSED_NUMBERS), COCO, strict=True))


@dataclass(frozen=True)
class ObjectDetector:
    """A COCO detector, in one of two forms.

    FastestDet: (1, 3, s, s) BGR in 0 to 1 → (1, 85, rows, columns). TensorFlow, like SSD-MobileNet: uint8
    (1, height, width, 3) RGB → detection_scores (1, n) and detection_classes (1, n), COCO's class numbers.
    """

    name: str
    content: bytes

    @property
    def is_boxed(self) -> bool:
        """Whether it has TensorFlow's form."""
        return str(self._session.get_inputs()[0].type) == "tensor(uint8)"

    def output(self, ending: str) -> str:
        """Name of the output that ends with `ending`; exporters add a prefix and a number."""
        return next(str(o.name) for o in self._session.get_outputs() if o.name.split(":")[0].endswith(ending))

    def scores(self, image: Image.Image) -> dict[str, float]:
        """Class → score of its best cell or box, 0 to 1, from MIN_SCORE on. image: upright RGB."""
        return self._box_scores(image) if self.is_boxed else self._cell_scores(image)

    def _box_scores(self, image: Image.Image) -> dict[str, float]:
        outputs = [self.output("detection_scores"), self.output("detection_classes")]
        pixels = np.asarray(image, dtype=np.uint8)[None]
        scores, numbers = self._session.run(outputs, {self._session.get_inputs()[0].name: pixels})
        best: dict[str, float] = {}
        for score, number in zip(scores[0].tolist(), numbers[0].tolist(), strict=True):
            label = CLASS_OF_NUMBER.get(int(number))
            if label and score >= MIN_SCORE:
                best[label] = max(best.get(label, 0.0), round(float(score), 3))
        return best

    def _cell_scores(self, image: Image.Image) -> dict[str, float]:
        entry = self._session.get_inputs()[0]
        side = int(entry.shape[2])
        pixels = np.asarray(image.resize((side, side), Image.Resampling.BILINEAR), dtype=np.float32)
        bgr = np.ascontiguousarray(pixels[..., ::-1].transpose(2, 0, 1)[None] / 255)
        cells: NDArray[np.float32] = self._session.run(None, {entry.name: bgr})[0][0]
        scores = cells[:1] ** OBJECTNESS_EXPONENT * cells[5:] ** CLASS_EXPONENT
        best = scores.reshape(len(COCO), -1).max(axis=1)
        return {name: round(float(s), 3) for name, s in zip(COCO, best, strict=True) if s >= MIN_SCORE}

    @functools.cached_property
    def _session(self) -> Any:
        return session(self.content, threads=1)  # several pictures run at the same time


def detector(weights: Path | None) -> ObjectDetector | None:
    """The detector with these weights; None without weights. Raises StorageError for any other file."""
    if weights is None:
        return None
    try:
        content = weights.read_bytes()
        loaded = ObjectDetector(f"{weights.stem}@{hashlib.sha256(content).hexdigest()[:12]}", content)
        loaded.scores(Image.new("RGB", (8, 8)))
    except Exception as error:
        raise StorageError(f"{weights} is not a usable COCO detector ({error}); replace or remove it") from error
    return loaded
