"""dataset.pictures.seen, and the detectors that use it: text and objects recognised without training."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from dataset.pictures.seen import recipe, recognise
from dataset.suspicion.detectors import Subject
from dataset.suspicion.detectors.novelty import Novelty
from dataset.suspicion.detectors.objects import Objects
from dataset.suspicion.detectors.text import Text
from dataset.suspicion.detectors.zero_shot import ZeroShot
from dataset.suspicion.fitted.novelty import fit_novelty, novelty_of
from dataset.suspicion.meanings import meanings
from dataset.suspicion.packs import pack
from dataset.suspicion.shipped_prior import object_measures
from foundation.settings import COLOUR_TEXTURE, DETECTOR_NAME, WEIGHTS_NAME, Settings
from networks.backbone import backbone
from networks.objects import COCO, ObjectDetector, detector


def subject(label: str = "cake", **more: object) -> Subject:
    return Subject(800, 600, 50.0, {}, label, frozenset([label]), meanings=meanings(Settings()), **more)  # type: ignore[arg-type]


def menu() -> Image.Image:
    page = Image.new("RGB", (480, 640), "#fdfbf7")
    pen = ImageDraw.Draw(page)
    font = ImageFont.load_default(22)
    for line, text in enumerate(
        ["Victoria sponge  3.50", "Carrot cake  3.80", "Lemon drizzle  3.20", "Pot of tea  2.40"]
    ):
        pen.text((60, 80 + 70 * line), text, fill="#403530", font=font)
    return page


def test_a_menu_has_lines_of_text_and_a_photo_has_none() -> None:
    seen = recognise(menu(), None)
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
        Text().examine(
            subject(text_lines=recognise(soft, None).text_lines, text_share=recognise(soft, None).text_share)
        )
        is None
    )


def test_the_recipe_names_the_weights_of_the_detector() -> None:
    """So results of other weights are computed again."""
    assert recipe(None) == "seen-1"
    assert recipe(ObjectDetector("ssd@0123", b"")) == "seen-1 ssd@0123"


@pytest.mark.parametrize(
    ("label", "objects", "proposes"),
    [
        ("cake", {"person": 0.8}, "not_cake"),
        ("cake", {"person": 0.8, "cake": 0.2}, None),  # a person with a cake is labelled cake
        ("cake", {"bowl": 0.3}, None),
        ("not_cake", {"cake": 0.7, "cup": 0.9}, "cake"),
        ("not_cake", {"cup": 0.9}, None),
    ],
)
def test_objects_that_contradict_the_label_are_a_finding(
    label: str, objects: dict[str, float], proposes: str | None
) -> None:
    """A class with the name of the label supports the label."""
    finding = Objects().examine(subject(label, objects=objects))
    assert (finding.proposes if finding else None) == proposes


def test_a_picture_classified_as_a_web_site_is_unusable() -> None:
    finding = ZeroShot().examine(subject(classes={"web site, website, internet site, site": 0.7}))
    assert finding is not None
    assert finding.proposes == "unusable"
    assert ZeroShot().examine(subject(classes={"candle, taper, wax light": 0.9})) is None


def test_an_odd_picture_among_many_is_novel() -> None:
    """A copy of it in the same cluster does not make it less odd."""
    rng = np.random.default_rng(4)
    vectors = np.abs(rng.normal(size=(60, 16))).astype(np.float32) + np.eye(16, dtype=np.float32)[0] * 8
    vectors[58:] = np.eye(16, dtype=np.float32)[3] * 9
    groups = np.arange(60)
    groups[59] = 58
    scores = novelty_of(fit_novelty(vectors, ["cake"] * 60, groups), vectors, ["cake"] * 60, groups)
    assert scores[58] == scores.max()
    assert scores[58] > Novelty.threshold
    assert np.median(scores[:58]) < 1.0
    assert not fit_novelty(vectors[:5], ["cake"] * 5, groups[:5])


def test_objects_without_a_detector_are_nan() -> None:
    cake = pack("cake")
    assert cake is not None
    assert all(np.isnan(object_measures(cake, None)))
    assert object_measures(cake, {"cake": 0.5, "pizza": 0.4, "cup": 0.2}) == [0.5, 0.0, 0.0, 0.4, 0.2]


def test_real_weights_recognise_coco_classes_and_a_teapot(shared: Path) -> None:
    """The detector scores COCO's classes; MobileNet's classes come from stored features."""
    photo = next(path for path in sorted((shared / "photos" / "objects").iterdir()) if path.stem.startswith("teapot"))
    picture = Image.open(photo).convert("RGB")
    seen = recognise(picture, detector(shared / "models" / DETECTOR_NAME))
    assert seen.objects is not None
    assert set(seen.objects) <= set(COCO)
    net = backbone(shared / "models" / WEIGHTS_NAME)
    (classes,) = net.classes(net.vector(picture)[None])
    assert next(iter(classes)).startswith("teapot")
    assert backbone(COLOUR_TEXTURE).classes(np.zeros((2, 3), dtype=np.float32)) == [{}, {}]
