"""Data F13: odd entries of a folder source. Each has an outcome with a reason, and none stops the rest."""

import base64
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mlcroissant
import pytest
from black_box.library import attempt, drawn_as, newest, published_once, reasons, rows, words
from commands import ENTRY, here
from small_projects import SmallProject, drawn

SECONDS = 20
HUGE_BYTES = 3 << 30
MEMORY_KB = 600_000


def collect_apart(folder: Path, *before: str) -> subprocess.CompletedProcess[str]:
    """Collect in a process of its own, started by `before`."""
    command = [*before, sys.executable, "-c", ENTRY, "collect", "--config", str(folder / "isitcake.toml")]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        pytest.fail(f"collect does not end in {SECONDS} s")


def test_a_fifo_does_not_hang(fresh: SmallProject) -> None:
    """Data F13: it is refused by its kind."""
    os.mkfifo(fresh.folder / "c" / "fifo.jpg")
    assert collect_apart(fresh.folder).returncode == 0
    assert "FIFO" in reasons(fresh)["fifo.jpg"][1]


def test_a_name_that_is_not_utf_8(fresh: SmallProject) -> None:
    """Data F13: a folder `gâteaux` in Latin-1; its picture is in the version."""
    folder = os.fsencode(fresh.folder / "c") + b"/g\xe2teaux"
    os.mkdir(folder)  # noqa: PTH102  bytes
    Path(os.fsdecode(folder + b"/x.jpg")).write_bytes(drawn("cake", 9))
    for ended in attempt(fresh, "collect", "curate", "publish"):
        assert ended.returncode == 0, words(ended)
    assert len(list(newest(fresh).glob("data/*/cake/*.jpg"))) == 3


def test_a_closed_folder_is_said(fresh: SmallProject) -> None:
    """Data F13: collect names a folder that it may not read."""
    closed = fresh.folder / "c" / "closed"
    closed.mkdir()
    for number in range(3):
        (closed / f"{number}.jpg").write_bytes(drawn("cake", 20 + number))
    closed.chmod(0)
    without = "-dac_override,-dac_read_search"
    powerless = ["setpriv", "--bounding-set", without, "--inh-caps", without] if os.geteuid() == 0 else []
    ended = collect_apart(fresh.folder, *powerless)
    closed.chmod(0o700)
    assert "closed" in words(ended)


@pytest.mark.parametrize("is_folder", [False, True])
def test_links_are_counted(fresh: SmallProject, *, is_folder: bool) -> None:
    """Data F13: a link to a file or to a folder is passed over, and listed."""
    (fresh.folder / "c" / "link").symlink_to(fresh.folder / "n" if is_folder else "c0.jpg")
    fresh.run("collect")
    outcome, reason = reasons(fresh).get("link", ("", "is listed nowhere"))
    assert (outcome, reason.split(":")[0]) == ("rejected", "link")


NOTHING: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda folder: None, "empty"),
    "links": (lambda folder: (folder / "a.jpg").symlink_to("/nowhere"), "1 link"),
    "JPEG XL": (lambda folder: (folder / "a.jxl").write_bytes(b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100)), "JPEG XL"),
}


@pytest.mark.parametrize("what", NOTHING)
def test_a_folder_of_nothing_usable(what: str, fresh: SmallProject) -> None:
    """Data F13: the message says what the folder holds, and speaks of no website."""
    fill, holds = NOTHING[what]
    for path in (fresh.folder / "c").iterdir():
        path.unlink()
    fill(fresh.folder / "c")
    printed = words(here(fresh.folder, "collect"))
    assert "site changed" not in printed
    assert holds in printed


ARITHMETIC = (  # 320 x 320 grey pixels in four fields, by `cjpeg -arithmetic`: Pillow cannot write one
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVGZIhlbXd7gYKBTmCNl4"
    "x9lnN+gXz/yQALCAFAAUABAREA/8wABgAQEAX/2gAIAQEAAD8A/i64R9LSLL6eJHpfe375scJ4jH+kXmorWoDOIMuqRudPdzp7udPdzp7udPdz"
    "p7udPdzp7udPdzqIy06VNiqLUt1cuNOMD1lny7DdfvSh1PNG8AHgfk27RMCrnjfNUK4H/rWnjAGFCM3kHPi9QsLi4GxrJHaemReykP/Z"
)

# The first bytes do for a name.
FORMATS: dict[str, tuple[Callable[[], bytes], str]] = {
    "HEIC": (lambda: base64.b64decode("AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAVY="), "HEIF"),
    "JPEG XL": (lambda: b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100), "JPEG XL"),
    "JPEG 2000": (lambda: drawn_as("JPEG2000"), "JPEG 2000"),
    "PSD": (lambda: b"8BPS\0\1" + bytes(100), "PSD"),
    "ICO": (lambda: drawn_as("ICO"), "ICO"),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_format_is_named(kind: str, fresh: SmallProject) -> None:
    """Data F13: the reason of a refused file has the name of its format, not "unknown bytes" or "damaged"."""
    make, named = FORMATS[kind]
    (fresh.folder / "c" / "other").write_bytes(make())
    here(fresh.folder, "collect")
    outcome, reason = reasons(fresh)["other"]
    assert outcome == "rejected"
    assert named in reason


def test_an_arithmetic_jpeg_is_read(fresh: SmallProject) -> None:
    """Data F13: it is a picture like others, and not "damaged"."""
    (fresh.folder / "c" / "other.jpg").write_bytes(base64.b64decode(ARITHMETIC))
    fresh.run("collect")
    assert reasons(fresh)["other.jpg"] == ("stored", "")


def test_a_refused_file_is_named(fresh: SmallProject) -> None:
    """Data F13: some command says which file was refused, and why."""
    (fresh.folder / "c" / "cut.jpg").write_bytes(drawn("cake", 1)[:500])
    printed = "".join(map(words, attempt(fresh, "collect", "outcomes c", "status")))
    assert "cut.jpg" in printed


def test_a_huge_file_costs_nothing(fresh: SmallProject) -> None:
    """Data F13: a sparse film of 3 GB is not read into memory."""
    with (fresh.folder / "c" / "movie.mp4").open("wb") as file:
        file.truncate(HUGE_BYTES)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fresh.run("collect")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KB


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    return published_once(SmallProject(tmp_path_factory.mktemp("home"), pictures=3))


@pytest.mark.filterwarnings("ignore")  # mlcroissant's own
@pytest.mark.parametrize("where", ["manifest", "COCO", "Croissant"])
def test_no_path_of_the_machine_is_published(where: str, home: SmallProject, tmp_path: Path) -> None:
    """Data F13: neither in the rows of the version, nor in an export, nor in what readers of Croissant get."""
    version = newest(home)
    if where == "COCO":
        home.run(f"versions export {version.name} --format coco --to {tmp_path / 'coco'}")
        content = b"".join(path.read_bytes() for path in (tmp_path / "coco").glob("**/*.json"))
    elif where == "Croissant":
        described = mlcroissant.Dataset(str(version / "croissant.json"))
        content = json.dumps(list(described.records("rows")), default=str).encode()
    else:
        content = json.dumps(rows(version), default=str).encode()
    assert b"c0.jpg" in content
    assert b"file://" not in content
    assert str(home.folder).encode() not in content
