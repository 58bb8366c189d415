"""The network for explicit pictures: its form, and what is said where it is missing or something else."""

from pathlib import Path

import pytest
from PIL import Image
from zoo_networks import redness

from foundation.errors import StorageError
from networks.explicit import explicit_network


def test_without_a_name_nothing_searches() -> None:
    assert explicit_network("") is None


def test_a_network_of_the_form_scores_pictures(tmp_path: Path) -> None:
    """Made up: the redder, the more explicit. Colours come in the order that the network expects."""
    path = tmp_path / "red.onnx"
    path.write_bytes(redness())
    network = explicit_network(path)
    assert network is not None
    red, blue = (network.score(Image.new("RGB", (300, 200), colour)) for colour in ("red", "blue"))
    assert red > 0.95
    assert blue < 0.05
    assert network.name.startswith("red@")


def test_another_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "no.onnx"
    path.write_bytes(b"nothing")
    with pytest.raises(StorageError, match=r"\[safety\] nsfw: .*no.onnx is not a usable network"):
        explicit_network(path)
    with pytest.raises(StorageError, match=r"gone.onnx"):
        explicit_network(tmp_path / "gone.onnx")


def test_without_the_extra_its_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("networks.explicit.PACKAGE", "a_package_that_is_not_there")
    with pytest.raises(ModuleNotFoundError):
        explicit_network("opennsfw")
