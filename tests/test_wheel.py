"""The package installs outside its checkout, and its commands work there."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

ROOT = Path(__file__).parents[1]
COMMANDS = (
    "init", "doctor", "demo", "run", "serve", "status", "collect", "curate", "publish", "erase", "train", "predict",
    "report", "why", "source probe", "review push", "review pull", "review status", "review next", "review import",
    "versions list", "versions show", "versions diff", "versions verify", "versions export", "models list",
    "models show", "models promote", "models fetch",
)  # fmt: skip
Command = Callable[..., str]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment that holds the wheel and what it depends on, without any extra."""
    folder = tmp_path_factory.mktemp("wheel")
    skip = shutil.ignore_patterns(".*", "build", "demo", "library", "site", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, folder / "copy", ignore=skip)  # building writes beside the sources
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, folder / "copy"],
        check=True, capture_output=True,
    )  # fmt: skip
    shutil.rmtree(folder / "copy")
    (wheel,) = folder.glob("*.whl")
    uv = Path(sys.prefix) / "bin" / "uv"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, folder / "env"], check=True, capture_output=True)
    subprocess.run(
        [uv, "pip", "install", "-q", "--python", folder / "env/bin/python", wheel, "-c", ROOT / "locks/runtime.txt"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "env" / "bin" / "isitcake"


@pytest.fixture(scope="module")
def isitcake(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The installed command, in a folder of its own that knows nothing of the checkout."""
    folder = tmp_path_factory.mktemp("project")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [installed, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    return run


def test_the_wheel_has_the_subject_packs(installed: Path) -> None:
    """Use A3: pack.toml, guideline and priors of every pack are package data."""
    packs = ROOT / "dataset" / "suspicion" / "packs"
    expected = {path.relative_to(packs) for path in packs.rglob("*") if path.suffix in (".toml", ".md", ".npz")}
    (there,) = (installed.parents[1] / "lib").glob("python*/site-packages/dataset/suspicion/packs")
    assert expected
    assert {name for name in expected if not (there / name).is_file()} == set()


def draw(folder: Path, colour: str, seed: int) -> None:
    """Forty pictures that differ: discs of one colour on noise."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for number in range(40):
        image = Image.fromarray(rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)).resize((320, 320))
        x, y = rng.integers(20, 120, 2).tolist()
        ImageDraw.Draw(image).ellipse((x, y, x + 160, y + 160), fill=colour)
        image.save(folder / f"{number}.jpg", quality=90)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(isitcake: Command, command: str) -> None:
    assert "Usage: isitcake" in isitcake(*command.split(), "--help")


def test_from_init_to_a_prediction(isitcake: Command, installed: Path, tmp_path: Path) -> None:
    """init, doctor, collect from folders, curate, publish, train, predict, report."""
    draw(tmp_path / "mugs", "red", 1)
    draw(tmp_path / "bowls", "blue", 2)
    config = tmp_path / "isitcake.toml"
    isitcake("init", "--config", str(config))
    assert "[[sources]]" in config.read_text()
    config.write_text(
        '[project]\nname = "mugs"\nlabels = ["mug", "bowl"]\ncontact = "me@example.org"\n'
        f'[[sources]]\nname = "mugs"\nkind = "folder"\nlabel = "mug"\npath = {json.dumps(str(tmp_path / "mugs"))}\n'
        f'[[sources]]\nname = "bowls"\nkind = "folder"\nlabel = "bowl"\npath = {json.dumps(str(tmp_path / "bowls"))}\n'
    )
    at = ("--config", str(config))
    assert {check["name"]: check["ok"] for check in json.loads(isitcake("doctor", "--json", *at))}["catalog"]
    isitcake("collect", "--json", *at)
    assert json.loads(isitcake("curate", "--json", *at))["images"] == 80
    version = json.loads(isitcake("publish", "--json", *at))["version"]
    isitcake("versions", "verify", version, *at)
    isitcake("train", "--model", "linear", *at)
    (answer,) = json.loads(isitcake("predict", str(tmp_path / "mugs" / "1.jpg"), "--json", *at))
    assert set(answer["probabilities"]) == {"mug", "bowl"}
    isitcake("report", *at)
    assert (tmp_path / "library" / "reports" / f"{version}.html").is_file()
    assert json.loads(isitcake("status", "--json", *at))
