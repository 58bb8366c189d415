"""crawlers/folder.py: every entry of a folder ends in one listed outcome, and none stops or slows the rest."""

import os
import random
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from crawlers.collect import collect
from crawlers.ledger.listing import list_outcomes
from dataset.catalog.folder_addresses import folder_address
from dataset.catalog.tables import fetches, outcomes, sightings
from dataset.opening import open_project
from dataset.project import Project
from foundation.errors import CrawlError, UsageError
from simulator import drawings

SECONDS = 60


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project whose folder `photos` has one picture."""
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cake.jpg").write_bytes(drawings.cake(random.Random(1)))
    (tmp_path / "isitcake.toml").write_text(
        '[[sources]]\nname = "mine"\nkind = "folder"\nlabel = "cake"\npath = "photos"\n'
    )
    opened = open_project(tmp_path)
    yield opened
    opened.close()


def listed(project: Project) -> dict[str, tuple[str, str]]:
    return {one.address: (one.outcome, one.reason) for one in list_outcomes(project, "mine")}


def make_socket(path: Path) -> None:
    server = socket.socket(socket.AF_UNIX)
    os.chdir(path.parent)  # a socket's path is short
    server.bind(path.name)
    server.close()


ENTRIES: dict[str, tuple[Callable[[Path], object], str]] = {
    "fifo.jpg": (lambda path: os.mkfifo(path), "not a file: a FIFO"),
    "socket.jpg": (make_socket, "not a file: a socket"),
    "link.jpg": (lambda path: path.symlink_to("cake.jpg"), "link: not followed"),
    "broken.jpg": (lambda path: path.symlink_to("nothing"), "link: not followed"),
    "folder-link": (lambda path: path.symlink_to("/usr"), "link: not followed"),
    "empty.jpg": (lambda path: path.touch(), "empty"),
    "clip.mp4": (lambda path: path.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(99)), "not an image: video"),
    "page.jpg": (lambda path: path.write_text("<html>404</html>"), "not an image: HTML"),
    "small.png": (lambda path: path.write_bytes(drawings.cake(random.Random(2))[:300]), "truncated"),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_has_an_outcome_and_a_reason(name: str, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data F13: Use 18: a FIFO does not hang, a link is counted, a refused file is named."""
    monkeypatch.chdir(project.settings.root)  # and back, after the socket
    make, reason = ENTRIES[name]
    make(project.settings.root / "photos" / name)
    report = collect(project)
    report.raise_for_failures()
    assert listed(project)["folder:mine/cake.jpg"] == ("stored", "")
    outcome, found = listed(project)[f"folder:mine/{name}"]
    assert outcome == "rejected"
    assert found.startswith(reason)
    assert report.sources[0].candidates == 2
    assert [one.address for one in list_outcomes(project, "mine", "rejected")] == [f"folder:mine/{name}"]


@pytest.mark.parametrize("head", [b"", b"\xff\xd8\xff\xe0"])
def test_a_huge_file_costs_nothing(head: bytes, project: Project) -> None:
    """Data F13: 3 GB are neither read nor held in memory, whatever the file says it is."""
    with (project.settings.root / "photos" / "movie.mp4").open("wb") as file:
        file.write(head)
        file.truncate(3 << 30)
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    collect(project)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB
    assert time.monotonic() - begun < SECONDS
    assert listed(project)["folder:mine/movie.mp4"][0] == "rejected"


def test_names_that_are_not_utf_8(project: Project) -> None:
    """Data F13: stored, with an address that is printable and different for different names."""
    names = [b"g\xe2teaux", "g\u00e2teaux".encode(), b"g%E2teaux", b"two\nlines", b"a ?#b"]
    for number, name in enumerate(names):
        folder = os.fsencode(project.settings.root / "photos") + b"/" + name
        os.mkdir(folder)  # noqa: PTH102  bytes
        Path(os.fsdecode(folder + b"/x.jpg")).write_bytes(drawings.cake(random.Random(9 + number)))
    report = collect(project)
    report.raise_for_failures()
    assert report.sources[0].outcomes == {"stored": 1 + len(names)}
    addresses = set(listed(project)) - {"folder:mine/cake.jpg"}
    assert addresses == {
        "folder:mine/g%E2teaux/x.jpg", "folder:mine/g\u00e2teaux/x.jpg", "folder:mine/g%25E2teaux/x.jpg",
        "folder:mine/two%0Alines/x.jpg", "folder:mine/a %3F%23b/x.jpg",
    }  # fmt: skip
    assert all(address.isprintable() for address in addresses)
    assert collect(project).sources[0].outcomes == {"unchanged": 1 + len(names)}


CLOSED = """
import sys
from pathlib import Path
from crawlers.collect import collect
from crawlers.ledger.listing import list_outcomes
from dataset.opening import open_project
project = open_project(Path(sys.argv[1]))
report = collect(project)
for one in list_outcomes(project, "mine"):
    print(one.outcome, one.address, one.reason, sep="|")
print(report.sources[0].status, report.sources[0].notes, sep="|")
"""


def test_what_cannot_be_read_is_said(project: Project) -> None:
    """Data F13: a folder and a file without permission are listed, and the source is not simply done."""
    photos = project.settings.root / "photos"
    (photos / "closed").mkdir()
    (photos / "closed" / "in.jpg").write_bytes(drawings.cake(random.Random(3)))
    (photos / "closed").chmod(0)
    (photos / "secret.jpg").write_bytes(drawings.cake(random.Random(4)))
    (photos / "secret.jpg").chmod(0)
    without = "-dac_override,-dac_read_search"
    powerless = ["setpriv", "--bounding-set", without, "--inh-caps", without] if os.geteuid() == 0 else []
    ended = subprocess.run(
        [*powerless, sys.executable, "-c", CLOSED, str(project.settings.root)],
        capture_output=True, text=True, timeout=SECONDS * 5, check=False,
    )  # fmt: skip
    (photos / "closed").chmod(0o700)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert "failed|folder:mine/closed|unreadable folder: Permission denied" in lines
    assert "failed|folder:mine/secret.jpg|unreadable: Permission denied" in lines
    assert "stored|folder:mine/cake.jpg|" in lines
    assert lines[-1].startswith("unhealthy|['a folder could not be read: folder:mine/closed (Permission denied)'")


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({}, "the folder is empty"),
        ({"a.jpg": "link", "b.jpg": "link"}, "the folder holds 2 link"),
        ({"a.jp2": b"\0\0\0\x0cjP  \r\n\x87\n", "b.txt": b"hello"}, "1 JPEG 2000 is not read"),
    ],
)
def test_a_folder_of_nothing_usable_says_what_it_holds(
    entries: dict[str, bytes | str], says: str, project: Project
) -> None:
    """Use 17: instead of a website that changed, and of a command that takes web addresses."""
    photos = project.settings.root / "photos"
    (photos / "cake.jpg").unlink()
    for name, content in entries.items():
        if isinstance(content, str):
            (photos / name).symlink_to("/nowhere")
        else:
            (photos / name).write_bytes(content)
    with pytest.raises(CrawlError) as error:
        collect(project).raise_for_failures()
    assert says in str(error.value)
    assert "source probe" not in str(error.value)
    assert "site changed" not in str(error.value)


def test_no_path_of_the_machine_is_in_the_catalog(project: Project) -> None:
    """Data F13: Use 44: addresses are folder:NAME/relative/path in every table."""
    (project.settings.root / "photos" / "notes.txt").write_text("not a picture")
    collect(project)
    with project.catalog.read() as connection:
        rows = [row for table in (sightings, outcomes, fetches) for row in connection.execute(select(table))]
        assert rows
        assert not [row for row in rows if str(project.settings.root) in str(row)]
        sighting = connection.execute(select(sightings)).one()
    assert (sighting.image_url, sighting.page_url) == ("folder:mine/cake.jpg", "folder:mine")


def test_an_erased_file_stays_out_under_its_old_address(project: Project) -> None:
    """Data F13: a tombstone of the time when addresses were paths of the machine."""
    from dataset.erasure.erase import erase
    from dataset.erasure.selection import Kind, Selection

    path = (project.settings.root / "photos" / "cake.jpg").resolve()
    erase(project, Selection(Kind.URL, path.as_uri()), "asked for")
    collect(project)
    assert listed(project)["folder:mine/cake.jpg"][1].startswith("erased")


def test_an_unknown_source_is_named(project: Project) -> None:
    assert list_outcomes(project, "mine") == []
    with pytest.raises(UsageError, match="no source 'yours'"):
        list_outcomes(project, "yours")


@pytest.mark.parametrize(
    ("path", "address"),
    [(b"", "folder:mine"), (b"a/b c.jpg", "folder:mine/a/b c.jpg"), (b"\xff.jpg", "folder:mine/%FF.jpg")],
)
def test_addresses(path: bytes, address: str) -> None:
    assert folder_address("mine", path) == address
