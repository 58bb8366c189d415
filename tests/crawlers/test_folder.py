"""Pictures on this disk."""

from pathlib import Path

import pytest
from PIL import Image

from crawlers.collect import collect
from crawlers.ledger.reports import last_reports
from dataset.opening import open_project
from dataset.project import Project
from foundation.errors import CrawlError
from simulator.platforms import file_name
from simulator.world import World


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
