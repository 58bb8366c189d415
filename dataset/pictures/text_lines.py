"""Find lines of text in a picture: rows of strokes with one height and two tones. No network is used."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

SEARCHED_SIDE_PX = 480  # longer side of the picture while text is searched; larger ones are shrunk
LINE_HEIGHT_PX = (7, 70)  # lowest and highest line of text
MIN_ASPECT = 2.2  # width of a line divided by its height
MIN_STROKE_SHARE = 0.45  # share of a line's box that strokes cover
CROSSINGS_PER_HEIGHT = (1.2, 6.0)  # changes between ink and ground along a stretch as long as the line is high
MIN_TONE_DISTANCE = 1.6  # between ink and ground, in their standard deviations
MIN_EDGE = 24.0  # grey levels


def text_lines(image: Image.Image) -> tuple[int, float]:
    """Number of lines of text, and the share of the picture that they cover, 0 to 1. Ornate letters are missed.

    image: upright RGB.
    """
    grey: NDArray[Any] = cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2GRAY)
    if (shrink := SEARCHED_SIDE_PX / max(grey.shape)) < 1:
        grey = cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    edges = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    limit = max(MIN_EDGE, cv2.threshold(edges, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[0])
    strokes = (edges > limit).astype(np.uint8)
    joined = cv2.morphologyEx(strokes, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_RECT, (9, 1)))
    _, _, boxes, _ = cv2.connectedComponentsWithStats(joined)
    lines = covered = 0
    for x, y, width, height in _line_shaped(boxes[1:]).tolist():
        if _has_letters(grey[y : y + height, x : x + width]):
            lines += 1
            covered += width * height
    return lines, round(covered / grey.size, 4)


def _line_shaped(boxes: NDArray[Any]) -> NDArray[Any]:
    """(m, 4) x, y, width and height of the boxes that a line of text may fill. boxes: (n, 5), the area last."""
    width, height, area = boxes[:, 2], boxes[:, 3], boxes[:, 4]
    is_line = (height >= LINE_HEIGHT_PX[0]) & (height <= LINE_HEIGHT_PX[1]) & (width >= MIN_ASPECT * height)
    return boxes[is_line & (area >= MIN_STROKE_SHARE * width * height), :4]


def _has_letters(box: NDArray[Any]) -> bool:
    """Whether a grey box contains two tones that alternate as often as in letters."""
    _, ink = cv2.threshold(box, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    bright, dark = box[ink == 1], box[ink == 0]
    if not len(bright) or not len(dark):
        return False
    height, width = box.shape
    middle = ink[height // 4 : max(height // 4 + 1, 3 * height // 4)].astype(np.int8)
    crossings = np.abs(np.diff(middle, axis=1)).sum(axis=1).mean() * height / width
    distance = (float(bright.mean()) - float(dark.mean())) / (float(bright.std()) + float(dark.std()) + 8)
    lowest, highest = CROSSINGS_PER_HEIGHT
    return bool(lowest <= crossings <= highest and distance > MIN_TONE_DISTANCE)
