"""Text and objects that are recognised without training, and the detectors that speak of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from dataset.pictures.seen import look
from dataset.suspicion.detectors import Subject
from dataset.suspicion.detectors.novelty import Novelty
from dataset.suspicion.detectors.objects import Objects
from dataset.suspicion.detectors.text import Text
from dataset.suspicion.detectors.zero_shot import ZeroShot
from dataset.suspicion.shipped_prior import object_measures
from dataset.suspicion.triage import novelty
from foundation.settings import DETECTOR_NAME, WEIGHTS_NAME
from networks.backbone import backbone
from networks.objects import COCO, detector


def subject(label: str = "cake", **more: object) -> Subject:
    return Subject(
        800, 600, 50.0, {}, label, frozenset([label]), labels=("cake", "not_cake"),
        other_label="not_cake" if label == "cake" else "cake", **more,  # type: ignore[arg-type]
    )  # fmt: skip


def menu() -> Image.Image:
    page = Image.new("RGB", (480, 640), "#fdfbf7")
    pen = ImageDraw.Draw(page)
    font = ImageFont.load_default(22)
    for line, text in enumerate(
        ["Victoria sponge  3.50", "Carrot cake  3.80", "Lemon drizzle  3.20", "Pot of tea  2.40"]
    ):
        pen.text((60, 80 + 70 * line), text, fill="#403530", font=font)
    return page


def test_a_menu_has_lines_of_text_and_a_photo_has_not() -> None:
    seen = look(menu(), None)
    assert seen.text_lines >= 3
    assert seen.objects is None
    finding = Text().examine(subject(text_lines=seen.text_lines, text_share=seen.text_share))
    assert finding is not None
    assert finding.proposes == "unusable"
    rng = np.random.default_rng(0)
    soft = Image.fromarray(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)).resize(
        (480, 480), Image.Resampling.BICUBIC
    )
    assert (
        Text().examine(subject(text_lines=look(soft, None).text_lines, text_share=look(soft, None).text_share)) is None
    )


@pytest.mark.parametrize(
    ("label", "objects", "proposes"),
    [
        ("cake", {"person": 0.8}, "not_cake"),
        ("cake", {"person": 0.8, "cake": 0.2}, None),  # a person with a cake is a cake
        ("cake", {"bowl": 0.3}, None),
        ("not_cake", {"cake": 0.7, "cup": 0.9}, "cake"),
        ("not_cake", {"cup": 0.9}, "cake"),
    ],
)
def test_objects_disagree(label: str, objects: dict[str, float], proposes: str | None) -> None:
    """What a detector sees against what the label says; a class named like the label speaks for it."""
    finding = Objects().examine(subject(label, objects=objects))
    if label == "not_cake" and "cake" not in objects:
        assert finding is None or finding.score < 0.5
    else:
        assert (finding.proposes if finding else None) == proposes


def test_a_network_that_calls_it_a_web_site() -> None:
    finding = ZeroShot().examine(subject(classes={"web site, website, internet site, site": 0.7}))
    assert finding is not None
    assert finding.proposes == "unusable"
    assert ZeroShot().examine(subject(classes={"candle, taper, wax light": 0.9})) is None


def test_what_is_unlike_its_kind_is_novel() -> None:
    """One odd picture among many, and a copy of it is no company."""
    rng = np.random.default_rng(4)
    vectors = np.abs(rng.normal(size=(60, 16))).astype(np.float32) + np.eye(16, dtype=np.float32)[0] * 8
    vectors[58:] = np.eye(16, dtype=np.float32)[3] * 9
    groups = np.arange(60)
    groups[59] = 58
    found = novelty(vectors, ["cake"] * 60, groups)
    assert found[58] == found.max()
    assert found[58] > Novelty.threshold
    assert np.median(found[:58]) < 1.0
    assert novelty(vectors[:5], ["cake"] * 5, groups[:5]).tolist() == [0.0] * 5


def test_what_nobody_looked_for_is_not_a_measure() -> None:
    assert all(np.isnan(object_measures(None)))
    assert object_measures({"cake": 0.5, "pizza": 0.4, "cup": 0.2}) == [0.5, 0.0, 0.0, 0.4, 0.2]


def test_real_weights_see_a_person_and_name_classes(shared: Path) -> None:
    """The detector's scores are of COCO's classes; MobileNet names its own from stored features."""
    photo = next(path for path in sorted((shared / "photos" / "objects").iterdir()) if path.stem.startswith("teapot"))
    picture = Image.open(photo).convert("RGB")
    seen = look(picture, detector(shared / "models" / DETECTOR_NAME))
    assert seen.objects is not None
    assert set(seen.objects) <= set(COCO)
    net = backbone(shared / "models" / WEIGHTS_NAME)
    (classes,) = net.classes(net.vector(picture)[None])
    assert next(iter(classes)).startswith("teapot")
    assert backbone(None).classes(np.zeros((2, 3), dtype=np.float32)) == [{}, {}]
