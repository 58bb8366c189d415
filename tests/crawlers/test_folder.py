"""Pictures on this disk."""

import contextlib
import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import here
from PIL import ExifTags, Image
from small_projects import SmallProject, drawn
from sqlalchemy import select

from crawlers.collect import collect
from crawlers.ledger.reports import last_reports
from dataset.catalog.claims import standing
from dataset.curate import curate
from dataset.duplicates import intake
from dataset.opening import open_project
from dataset.project import Project
from dataset.versions import published
from foundation.errors import CrawlError
from simulator.platforms import file_name
from simulator.world import World

CAKES, CUPS = "c c cake CC-BY-4.0", "n n not_cake CC0-1.0"


def folder_source(tmp_path: Path) -> Project:
    path = tmp_path / "isitcake.toml"
    path.write_text('[[sources]]\nname = "mine"\nkind = "folder"\nlabel = "cake"\npath = "photos"\n')
    return open_project(path)


def test_a_folder_is_collected_with_what_lies_below_it(tmp_path: Path, world: World) -> None:
    """Pictures are stored, other files are rejected; links are counted, hidden files left out; again: unchanged."""
    folder = tmp_path / "photos" / "inner"
    folder.mkdir(parents=True)
    for picture in world.bakers[0].gallery[:3]:
        (folder / file_name(picture)).write_bytes(picture.content)
    (folder / "notes.txt").write_text("not a picture")
    (folder / ".hidden.jpg").write_bytes(world.bakers[0].gallery[0].content)
    (folder / "link.jpg").symlink_to(folder / "notes.txt")
    project = folder_source(tmp_path)
    report = collect(project)
    assert report.sources[0].outcomes == {"stored": 3, "rejected": 2}
    assert {r.source for r in last_reports(project)} == {"mine"}
    assert collect(project).sources[0].outcomes == {"unchanged": 3, "rejected": 2}


@pytest.mark.parametrize(
    ("home", "root"),
    [("library", "."), ("deep/er/library", "."), ("elsewhere", "."), ("library", "way"), ("deep/library", "deep")],
)
def test_the_library_is_not_collected(home: str, root: str, tmp_path: Path) -> None:
    """A folder that has the project in it gives its own pictures, at every run; isitcake.toml is no candidate."""
    small = SmallProject(tmp_path / "p", 2)
    (small.folder / "deep").mkdir()
    (small.folder / "deep" / "a.jpg").write_bytes(drawn("cake", 1))
    (small.folder / "real").mkdir()
    (small.folder / "elsewhere").symlink_to("real")
    (tmp_path / "p" / "way").symlink_to(tmp_path / "p")
    small.configure(f"all {root} cake CC0", more=f'home = "{home}"')
    expected = {"stored": 1} if root == "deep" else {"stored": 5, "rejected": 2}
    again = {"unchanged" if name == "stored" else name: n for name, n in expected.items()}
    with contextlib.closing(open_project(small.folder)) as project:
        assert collect(project).sources[0].outcomes == expected
        curate(project)
        for _ in range(2):
            assert collect(project).sources[0].outcomes == again


@pytest.mark.parametrize("path", ["library", "library/blobs", "way"])
def test_a_folder_in_the_library_is_refused(path: str, tmp_path: Path) -> None:
    (tmp_path / "library" / "blobs").mkdir(parents=True)
    (tmp_path / "way").symlink_to("library/blobs")
    small = SmallProject(tmp_path, 1)
    small.configure(f"own {path} cake CC0")
    sentence = here(tmp_path, "collect").sentence()
    assert "this program writes its files there; name the folder that has your own pictures" in sentence


def test_a_folder_may_have_small_pictures(tmp_path: Path) -> None:
    """By default they are icons; `min_side` says from which size on they are not."""
    (tmp_path / "photos").mkdir()
    Image.effect_noise((60, 40), 90).convert("RGB").save(tmp_path / "photos" / "a.png")
    project = folder_source(tmp_path)
    assert collect(project).sources[0].reasons == {"rejected: too small": 1}
    project.close()
    path = tmp_path / "isitcake.toml"
    path.write_text(path.read_text() + "min_side = 40\n")
    assert collect(open_project(path)).sources[0].outcomes == {"stored": 1}


def test_a_folder_that_disappears_is_named(tmp_path: Path) -> None:
    """It was there when the project was opened, as a disk that is unplugged since."""
    (tmp_path / "photos").mkdir()
    project = folder_source(tmp_path)
    (tmp_path / "photos").rmdir()
    with pytest.raises(CrawlError, match=r"no folder .*photos"):
        collect(project).raise_for_failures()


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    """The sentence says that it is a file, and nothing about a disk; the line counts the source as failed."""
    (tmp_path / "photos").write_bytes(b"")
    report = collect(folder_source(tmp_path))
    assert report.line().startswith("0 sources, 0 candidates: ")
    assert report.line().endswith("; 1 source failed")
    with pytest.raises(CrawlError, match=r"photos is a file, not a folder; write the folder"):
        report.raise_for_failures()


def labels_of(small: SmallProject) -> dict[str, int]:
    """How many pictures of each label are in the newest version after curating and publishing."""
    small.run("curate", "publish")
    project = open_project(small.folder, reads_only=True)
    newest = published.newest(project.home)
    project.close()
    assert newest is not None
    return dict(Counter(row.label for row in newest.rows()))


EMPTIED: dict[str, Callable[[Path], object]] = {
    "nothing": lambda _: None,
    "what file managers leave": lambda folder: (folder / ".DS_Store").touch(),
    "an empty folder": lambda folder: (folder / "lost+found").mkdir(),
    "another file": lambda folder: (folder / "not-mounted.txt").write_text("attach the disk"),
}


@pytest.mark.parametrize("left", EMPTIED)
def test_an_emptied_folder_keeps_its_pictures(left: str, tmp_path: Path) -> None:
    """As where a disk is not mounted: no class is lost. The sentence names the command that ends the claims."""
    small = SmallProject(tmp_path)
    small.configure(CAKES, CUPS)
    small.run("collect")
    before = labels_of(small)
    (tmp_path / "c").rename(tmp_path / "away")
    (tmp_path / "c").mkdir()
    EMPTIED[left](tmp_path / "c")
    sentence = here(tmp_path, "collect").sentence()
    assert "no picture is left in the folder; the next version keeps the 4 images" in sentence
    assert "`isitcake sources retire c`" in sentence
    assert labels_of(small) == before
    small.run("sources retire c")
    assert "no picture is left" not in here(tmp_path, "collect").sentence()
    assert set(labels_of(small)) == {"not_cake"}


def test_a_folder_of_other_pictures_ends_the_claims_about_the_former(tmp_path: Path) -> None:
    """One picture is enough to know that the disk is there."""
    small = SmallProject(tmp_path)
    small.configure(CAKES, CUPS)
    small.run("collect")
    for path in (tmp_path / "c").iterdir():
        path.unlink()
    (tmp_path / "c" / "new.jpg").write_bytes(drawn("cake", 5))
    here(tmp_path, "collect")
    assert labels_of(small) == {"cake": 1, "not_cake": 4}


@pytest.fixture
def taken_in(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bytes of all pictures that are decoded to be taken in."""
    bodies: list[bytes] = []

    def take_in(content: bytes, **options: Any) -> intake.Intake:
        bodies.append(content)
        return real(content, **options)

    real = intake.take_in
    monkeypatch.setattr(intake, "take_in", take_in)
    return bodies


def test_files_that_are_as_they_were_are_not_decoded_again(tmp_path: Path, taken_in: list[bytes]) -> None:
    """New ones are, and those under whose name there is another picture now; all are seen again."""
    project, folder = folder_source(tmp_path), tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.jpg").write_bytes(drawn("cake", number))
    collect(project)
    assert len(taken_in) == 4
    assert collect(project).sources[0].outcomes == {"unchanged": 4}
    assert len(taken_in) == 4
    (folder / "0.jpg").write_bytes(drawn("cake", 10))
    (folder / "1.jpg").rename(folder / "9.jpg")
    (folder / "new.jpg").write_bytes(drawn("cake", 11))
    assert collect(project).sources[0].outcomes == {"stored": 2, "unchanged": 2, "duplicate": 1}
    assert set(taken_in[4:]) == {drawn("cake", number) for number in (10, 1, 11)}
    with project.catalog.read() as connection:
        standing_now = set(connection.execute(select(standing.c.sha256)).scalars())
    assert standing_now == {hashlib.sha256(drawn("cake", n)).hexdigest() for n in (1, 2, 3, 10, 11)}


def test_files_that_are_not_stored_whole_are_taken_in_again(tmp_path: Path, taken_in: list[bytes]) -> None:
    project, folder = folder_source(tmp_path), tmp_path / "photos"
    folder.mkdir()
    names = []
    for number in range(4):
        (folder / f"{number}.jpg").write_bytes(drawn("cake", number))
        names.append(hashlib.sha256(drawn("cake", number)).hexdigest())
    collect(project)
    originals = [project.blobs.path(name, "JPEG") for name in names]
    originals[0].unlink()
    originals[1].chmod(0o600)
    originals[1].write_bytes(b"cut")
    project.normalised.path(names[2]).unlink()
    collect(project)
    assert set(taken_in[4:]) == {drawn("cake", number) for number in (0, 1, 2)}
    assert originals[0].is_file()
    assert project.normalised.path(names[2]).is_file()


def test_what_a_file_says_of_its_use_is_read_again(tmp_path: Path, taken_in: list[bytes]) -> None:
    """And a picture that is too small for the source now is rejected."""
    project, folder = folder_source(tmp_path), tmp_path / "photos"
    folder.mkdir()
    exif = Image.Exif()
    exif[ExifTags.Base.Copyright] = "Ann"
    Image.effect_noise((300, 300), 90).save(folder / "noted.jpg", exif=exif)
    Image.effect_noise((300, 250), 90).save(folder / "small.jpg")
    collect(project)
    collect(project)
    assert taken_in[2:] == [(folder / "noted.jpg").read_bytes()]
    path = project.settings.config_path
    path.write_text(f"{path.read_text()}min_side = 280\n")
    assert collect(open_project(path)).sources[0].outcomes == {"unchanged": 1, "rejected": 1}
