"""Lines of text in a picture: rows of strokes of one height and two tones."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

LOOKED_AT_PX = 480  # longer side in which text is looked for
LINE_PX = (7, 70)  # height of a line of text
LINE_ASPECT = 2.2  # times as wide as high, at least
LINE_FILL = 0.45  # of its box, where strokes are
STROKES = (1.2, 6.0)  # crossings of ink and ground per height
TWO_TONES = 1.6  # distance of ink from ground in their spreads
EDGE = 24.0


def text_lines(image: Image.Image) -> tuple[int, float]:
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
