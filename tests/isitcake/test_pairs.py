"""A project whose network is a pair of towers: from `models fetch` to `predict`."""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from commands import here
from PIL import Image
from zoo_networks import put_pair

from foundation.settings import CLIP, SIGLIP2, TEXT_TOWER

TINTS = {"red": (190, 45, 45), "blue": (45, 60, 190)}
FOLDERS, PICTURES = 4, 8  # folders of each label; pictures in each
ODD = "red-0-odd.jpg"  # a blue picture that its folder calls red


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of red and of blue pictures; a file of one of them is wrong. The pair's files are in `weights`."""
    monkeypatch.delenv("ISITCAKE_MODELS_NETWORK")
    rng = np.random.default_rng(0)
    lines = ["[project]", 'labels = ["red", "blue"]', 'contact = "https://example.org"']
    lines += ["[models]", f'network = "{SIGLIP2}"', 'folder = "weights"']
    for label, tint in TINTS.items():
        for number in range(FOLDERS):
            name = f"{label}-{number}"
            (tmp_path / name).mkdir()
            for picture in range(PICTURES):
                draw(rng, tint).save(tmp_path / name / f"{name}-{picture}.jpg", quality=92)
            lines += ["[[sources]]", f'name = "{name}"', 'kind = "folder"', f'label = "{label}"', f'path = "{name}"']
    draw(rng, TINTS["blue"]).save(tmp_path / "red-0" / ODD, quality=92)
    (tmp_path / "isitcake.toml").write_text("\n".join(lines) + "\n")
    put_pair(tmp_path / "weights", SIGLIP2)
    return tmp_path


def draw(rng: np.random.Generator, tint: tuple[int, int, int]) -> Image.Image:
    """A pattern of its own in one tint."""
    light = Image.fromarray(rng.integers(0, 256, (7, 9), dtype=np.uint8)).resize((320, 260), Image.Resampling.BICUBIC)
    pixels = np.array(tint) + (np.asarray(light, dtype=float)[..., None] - 128) * 0.3
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def run(folder: Path, *arguments: str) -> str:
    ended = here(folder, *arguments)
    assert ended.returncode == 0, ended.stderr or ended.stdout
    return ended.stdout


@pytest.mark.slow  # it goes through all stages
def test_from_curating_to_predicting(project: Path) -> None:
    """The wrong picture is found without any answer; models are one graph each, and answer like the training code."""
    run(project, "collect")
    report = json.loads(run(project, "curate", "--json"))
    assert report["backbone"].startswith("siglip2@")
    assert report["findings"]["zero_shot"] == 1
    assert "siglip2@" in run(project, "doctor", "--json")
    run(project, "publish")
    trained = json.loads(run(project, "train", "--model", "mobilenet-zero-shot", "--model", "linear", "--json"))
    assert sorted(trained["new"]) == ["linear", "mobilenet-zero-shot"]
    for model in trained["trained"]:
        assert model["backbone"] == report["backbone"]
        assert model["costs"]["parity"] < 1e-3
        graph = onnx.load(next((project / "library" / "models" / model["name"]).rglob("model.onnx"))).graph
        assert [entry.name for entry in graph.input] == ["pixels"]
    draw(np.random.default_rng(7), TINTS["blue"]).save(project / "new.png")
    for name in ("mobilenet-zero-shot", "linear"):
        (answer,) = json.loads(run(project, "predict", str(project / "new.png"), "--model", name, "--json"))
        assert answer["label"] == "blue"
    (card,) = (project / "library" / "models" / "mobilenet-zero-shot").rglob("card.md")
    assert "red, blue" in card.read_text()


@pytest.mark.slow  # it goes through all stages
def test_another_pair_gives_features_of_its_own(project: Path) -> None:
    """They have another name, so that nothing mixes them, though the towers of this test are the same."""
    run(project, "collect")
    first = json.loads(run(project, "curate", "--json"))
    config = project / "isitcake.toml"
    config.write_text(config.read_text().replace(SIGLIP2, CLIP))
    put_pair(project / "weights", CLIP)
    second = json.loads(run(project, "curate", "--json"))
    assert (first["backbone"].split("@")[0], second["backbone"].split("@")[0]) == (SIGLIP2, CLIP)
    assert first["findings"]["zero_shot"] == second["findings"]["zero_shot"] == 1


@pytest.mark.slow  # it trains
def test_without_texts_a_pair_gives_features_only(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Curating goes on without zero-shot scores; the attempt and `doctor` name what is missing, and the fix."""
    run(project, "collect")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    fix = 'the package tokenizers; pip install "isitcake[pairs]"'
    report = json.loads(run(project, "curate", "--json"))
    assert "zero_shot" not in report["findings"]
    checks = {check["name"]: check for check in json.loads(run(project, "doctor", "--json"))}
    assert f"zero-shot needs {fix}" in str(checks["network"])
    run(project, "publish")
    ended = here(project, "train", "--model", "mobilenet-zero-shot")
    assert ended.sentence().endswith(f"mobilenet-zero-shot cannot be trained: needs {fix}")
    (project / "weights" / TEXT_TOWER.format(SIGLIP2)).unlink()
    ended = here(project, "train", "--model", "mobilenet-zero-shot")
    assert ended.sentence().endswith("needs siglip2_text.onnx; run `isitcake models fetch siglip2`")


def test_unknown_name_to_fetch(project: Path) -> None:
    sentence = here(project, "models", "fetch", "resnet").sentence(2)
    assert sentence.endswith("there are mobilenet_v2, ssd_mobilenet_v1, siglip2, clip")
