"""Recognise objects and lines of text in a picture, without training."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from PIL import Image

from dataset.pictures.text_lines import text_lines
from networks.explicit import ExplicitNetwork
from networks.objects import ObjectDetector

RECIPE = "seen-1"


@dataclass(frozen=True)
class Seen:
    """What is recognised in one picture.

    objects: COCO class → score of its best cell or box, 0 to 1; None without a detector. text_lines: number of lines of
    text. text_share: share of the picture that they cover. explicit: how probable it is that the picture is explicit;
    None without a network.
    """

    objects: Mapping[str, float] | None
    text_lines: int
    text_share: float
    explicit: float | None = None


def recipe(net: ObjectDetector | None, explicit: ExplicitNetwork | None = None) -> str:
    """Name of the method and of the networks' weights; results of another recipe are computed again."""
    names = [RECIPE, *([net.name] if net else []), *([explicit.name] if explicit else [])]
    return " ".join(names)


def row_of(
    sha256: str, seen: Seen, net: ObjectDetector | None, explicit: ExplicitNetwork | None = None
) -> dict[str, Any]:
    """The row of the table `seen` for this image."""
    return {"sha256": sha256, "recipe": recipe(net, explicit), **asdict(seen)}


def recognise(image: Image.Image, net: ObjectDetector | None, explicit: ExplicitNetwork | None = None) -> Seen:
    """Recognise objects and text in an upright RGB picture, and how explicit it is."""
    lines, share = text_lines(image)
    return Seen(net.scores(image) if net else None, lines, share, explicit.score(image) if explicit else None)
