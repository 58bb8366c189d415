"""What is seen in a picture without any training of ours: objects and lines of text."""

from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image

from dataset.pictures.text_lines import text_lines
from networks.objects import ObjectDetector

RECIPE = "seen-1"


@dataclass(frozen=True)
class Seen:
    """objects: COCO class → score of its best cell, 0 to 1; None without a detector. text_lines: how many lines
    of text; text_share: of the picture, that they cover.
    """

    objects: Mapping[str, float] | None
    text_lines: int
    text_share: float


def recipe(net: ObjectDetector | None) -> str:
    """Names what pictures were looked at with."""
    return f"{RECIPE} {net.name}" if net else RECIPE


def look(image: Image.Image, net: ObjectDetector | None) -> Seen:
    """What is seen in an upright RGB picture."""
    lines, share = text_lines(image)
    return Seen(net.scores(image) if net else None, lines, share)
