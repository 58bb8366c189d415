"""Data F14: sizes and pixels of odd TIFFs, and normalised pictures that were damaged."""

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from black_box.library import STAGES, C, N, answers, attempt, newest, published_once, reasons, rows, words
from commands import here
from numpy.typing import NDArray
from PIL import Image
from small_projects import SmallProject, drawn

WIDTH, HEIGHT = 320, 240
PIXEL_ERROR = 8  # mean difference per channel, of 255, that JPEG and resizing make at most
BACK = {  # what turns an upright picture into one that this Exif orientation turns upright
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
Grey = NDArray[np.uint8]


def grey(number: int) -> Grey:
    with Image.open(io.BytesIO(drawn("cake", number))) as image:
        return np.asarray(image.convert("L").resize((WIDTH, HEIGHT)))


DEEP: dict[str, Callable[[Grey], Image.Image]] = {
    "float to 1": lambda pixels: Image.fromarray(pixels.astype(np.float32) / 255),
    "float to 65535": lambda pixels: Image.fromarray(pixels.astype(np.float32) * 257),
    "8 bits in 32": lambda pixels: Image.fromarray(pixels.astype(np.int32)),
    "16 bits in 32": lambda pixels: Image.fromarray(pixels.astype(np.int32) * 257),
    "12 bits in 16": lambda pixels: Image.fromarray(pixels.astype(np.uint16) * 16),
}


@pytest.fixture(scope="module")
def tiffs(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    """A project that collected and published TIFFs of every kind, each of another drawing."""
    project = SmallProject(tmp_path_factory.mktemp("tiffs"), pictures=2)
    for turn, back in BACK.items():
        exif = Image.Exif()
        exif[0x0112] = turn
        path = project.folder / "c" / f"turned-{turn}.tif"
        Image.fromarray(grey(turn)).convert("RGB").transpose(back).save(path, "TIFF", exif=exif)
    for number, (name, made) in enumerate(DEEP.items()):
        made(grey(20 + number)).save(project.folder / "c" / f"{name}.tif", "TIFF")
    project.configure(N, C)
    attempt(project, *STAGES)
    return project


def sha256_of(project: SmallProject, name: str) -> str:
    return hashlib.sha256((project.folder / "c" / name).read_bytes()).hexdigest()


@pytest.mark.parametrize("turn", BACK)
def test_a_turned_tiff_has_its_upright_size(turn: int, tiffs: SmallProject) -> None:
    """Data F14: Pillow turns a TIFF itself, so nothing may exchange width and height once more."""
    said = words(here(tiffs.folder, "why", sha256_of(tiffs, f"turned-{turn}.tif")))
    assert f"{WIDTH}×{HEIGHT}" in said


@pytest.mark.parametrize("name", DEEP)
def test_a_deep_tiff_is_not_black(name: str, tiffs: SmallProject) -> None:
    """Data F14: its normalised picture has the brightness of the original, or it is refused."""
    if reasons(tiffs)[f"{name}.tif"][0] == "rejected":
        return
    (path,) = (tiffs.folder / "library" / "derived").glob(f"*/*/{sha256_of(tiffs, f'{name}.tif')}.jpg")
    with Image.open(path) as image:
        found = np.asarray(image.convert("L").resize((WIDTH, HEIGHT)), dtype=float)
    assert np.abs(found - grey(20 + [*DEEP].index(name))).mean() < PIXEL_ERROR


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    return published_once(SmallProject(tmp_path_factory.mktemp("home")))


def damage(path: Path, *, is_longer: bool, is_dated_back: bool) -> None:
    """Change a byte in the middle of a file, in place."""
    state, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(content) + b"x" * is_longer)
    if is_dated_back:
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


@pytest.mark.parametrize("is_longer", [False, True])
@pytest.mark.parametrize("is_dated_back", [False, True])
def test_a_damaged_normalised_picture_is_not_published(
    home: SmallProject, tmp_path: Path, *, is_longer: bool, is_dated_back: bool
) -> None:
    """Data F14: a byte of it is flipped between two versions: the second one verifies, and has the right bytes."""
    project = home.copy(tmp_path)
    out, damaged = rows(newest(project))[:2]
    (path,) = (project.folder / "library" / "derived").glob(f"*/*/{damaged['sha256']}.jpg")
    right = path.read_bytes()
    damage(path, is_longer=is_longer, is_dated_back=is_dated_back)
    assert answers(project, [f"{out['sha256']},unusable,ann"]).returncode == 0
    project.run("publish")
    version = newest(project)
    assert here(project.folder, "versions", "verify", version.name).returncode == 0
    assert (version / damaged["file"]).read_bytes() == right
