"""networks.objects: both forms of COCO detectors."""

from pathlib import Path

import pytest
from PIL import Image
from zoo_networks import boxes, cells

from foundation.errors import StorageError
from networks.objects import CLASS_EXPONENT, CLASS_OF_NUMBER, COCO, OBJECTNESS_EXPONENT, ObjectDetector, detector


def test_coco_has_80_classes_under_numbers_up_to_90() -> None:
    assert len(COCO) == len(CLASS_OF_NUMBER) == 80
    assert (CLASS_OF_NUMBER[1], CLASS_OF_NUMBER[61], CLASS_OF_NUMBER[90]) == ("person", "cake", "toothbrush")


def test_a_detector_of_tensorflows_form_gives_its_best_boxes() -> None:
    boxed = ObjectDetector("boxed", boxes())
    assert boxed.is_boxed
    assert boxed.scores(Image.new("RGB", (60, 40), (204, 204, 204))) == {"cake": 0.8, "person": 0.3}
    assert boxed.scores(Image.new("RGB", (60, 40), (2, 2, 2))) == {"person": 0.3}  # a low score is left out


def test_fastestdets_form_multiplies_objectness_and_class() -> None:
    """The detector gets blue, green, red: here objectness is blue and the class is red."""
    fastest = ObjectDetector("fastest", cells())
    assert not fastest.is_boxed
    scores = fastest.scores(Image.new("RGB", (60, 40), (102, 0, 204)))
    assert set(scores) == set(COCO)
    assert scores["cake"] == pytest.approx(0.8**OBJECTNESS_EXPONENT * 0.4**CLASS_EXPONENT, abs=6e-4)
    assert fastest.scores(Image.new("RGB", (60, 40), (255, 255, 0))) == {}


def test_another_file_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "detector.onnx"
    broken.write_bytes(b"not a network")
    with pytest.raises(StorageError, match="not a usable COCO detector"):
        detector(broken)


def test_without_weights_there_is_no_detector() -> None:
    assert detector(None) is None
