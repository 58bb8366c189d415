"""Data F7: what was erased stays out, in whatever shape it comes back."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from black_box.library import STAGES, C, N, attempt, names, newest, published_once, reasons, versions, words
from commands import here
from PIL import Image
from small_projects import SmallProject

Turn = Image.Transpose
ERASED = "c0.jpg"


def framed(image: Image.Image, side: float, below: float, colour: str) -> Image.Image:
    """The picture on a ground, wider by these shares of its size."""
    w, h = image.size
    ground = Image.new("RGB", (round(w * (1 + 2 * side)), round(h * (1 + 2 * side + below))), colour)
    ground.paste(image, (round(w * side), round(h * side)))
    return ground


def cropped(image: Image.Image, share: float) -> Image.Image:
    """Without this share of width and height, at each side."""
    x, y = round(image.width * share), round(image.height * share)
    return image.crop((x, y, image.width - x, image.height - y))


CHANGED: dict[str, Callable[[Image.Image], Image.Image]] = {
    "resized": lambda image: image.resize((image.width * 3 // 4, image.height * 3 // 4)),
    "grey": lambda image: image.convert("L"),
    "border": lambda image: framed(image, 0.05, 0, "white"),
    "mirror": lambda image: image.transpose(Turn.FLIP_LEFT_RIGHT),
    "crop of 10 %": lambda image: cropped(image, 0.1),
    "crop of 20 %": lambda image: cropped(image, 0.2),
    "caption": lambda image: framed(image, 0, 0.12, "black"),
    "turned": lambda image: image.transpose(Turn.ROTATE_90),
}
VARIANTS = ("same bytes", "quality 40", *CHANGED)


def variant(path: Path, name: str) -> bytes:
    if name == "same bytes":
        return path.read_bytes()
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    if name in CHANGED:
        image = CHANGED[name](image)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=40 if name == "quality 40" else 90)
    return out.getvalue()


def erase(project: SmallProject, sha256: str) -> None:
    project.run(f"erase --sha256 {sha256} --reason asked")


def sha256_of(project: SmallProject) -> str:
    return hashlib.sha256((project.folder / "c" / ERASED).read_bytes()).hexdigest()


def stored(project: SmallProject) -> set[str]:
    return {name for name, (outcome, _) in reasons(project).items() if outcome in ("stored", "duplicate")}


@dataclass(frozen=True)
class CameBack:
    """What was collected after an erasure. stored, published: names of files."""

    stored: set[str]
    published: set[str]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    return published_once(SmallProject(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def came_back(home: SmallProject, tmp_path_factory: pytest.TempPathFactory) -> CameBack:
    """A published photo is erased; then all variants of it are collected, curated and published."""
    project = home.copy(tmp_path_factory.mktemp("came-back"))
    erase(project, sha256_of(project))
    original = project.folder / "c" / ERASED
    for name in VARIANTS:
        original.with_name(f"{name}.jpg").write_bytes(variant(original, name))
    attempt(project, *STAGES)
    return CameBack(stored(project), names(newest(project)))


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_stays_out(name: str, came_back: CameBack) -> None:
    """Data F7: it is not stored again, and in no version."""
    assert f"{name}.jpg" not in came_back.stored | came_back.published


@pytest.fixture(scope="module")
def erased_before_curation(tmp_path_factory: pytest.TempPathFactory) -> CameBack:
    """A photo and a resized copy of it are collected in one run; the photo is erased; another copy is collected."""
    project = SmallProject(tmp_path_factory.mktemp("early"))
    project.configure(N, C)
    original = project.folder / "c" / ERASED
    original.with_name("same run.jpg").write_bytes(variant(original, "resized"))
    project.run("collect")
    erase(project, sha256_of(project))
    attempt(project, "curate", "publish")
    original.with_name("later.jpg").write_bytes(variant(original, "quality 40"))
    attempt(project, "collect")
    return CameBack(stored(project), names(newest(project)))


def test_a_copy_of_the_same_run_is_not_published(erased_before_curation: CameBack) -> None:
    """Data F7: the erasure takes it along, though nothing was curated."""
    assert "same run.jpg" not in erased_before_curation.published


def test_a_copy_that_comes_later_is_not_stored(erased_before_curation: CameBack) -> None:
    """Data F7: the erased photo is known by its looks, though nothing was curated."""
    assert "later.jpg" not in erased_before_curation.stored


def test_the_first_digits_of_a_hash_erase(home: SmallProject, tmp_path: Path) -> None:
    """Data F7: sixteen digits, as names of files and `versions diff` show them."""
    project = home.copy(tmp_path)
    digits = sha256_of(project)[:16]
    here(project.folder, "erase", "--sha256", digits, "--reason", "asked")
    assert not list(versions(project)[0].glob(f"data/*/*/{digits}.jpg"))


@pytest.mark.parametrize("typed", ["00", "0123456789abcdef", "not-a-hash"])
def test_a_hash_that_is_mistyped_is_said(typed: str, home: SmallProject, tmp_path: Path) -> None:
    """Data F7: it is an error, not "0 images erased" with exit code 0."""
    project = home.copy(tmp_path)
    ended = here(project.folder, "erase", "--sha256", typed, "--reason", "asked")
    assert ended.returncode != 0, words(ended)
