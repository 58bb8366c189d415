"""What is recognised in a picture without any training of ours: objects, by a COCO detector, and lines of text.

The detector is optional; where no weights are configured no objects are seen, and nothing else changes.
"""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from foundation.errors import StorageError

SEEN_FROM = 0.05  # score under which an object is not worth a byte
OBJECTNESS, CLASS = 0.6, 0.4  # exponents of a cell's score
COCO = tuple(Path(__file__).with_name("coco_80.txt").read_text(encoding="utf-8").splitlines())
UNUSED = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}  # of COCO's numbers 1 to 90
NUMBERED = dict(zip((n for n in range(1, 91) if n not in UNUSED), COCO, strict=True))


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
