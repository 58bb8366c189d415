"""Whatever runs at the moment of an erasure stores nothing about the picture. Names picture_lock.py and writes.py."""

import dataclasses
import hashlib
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from crawlers import folder
from crawlers.folder import collect_folder
from crawlers.ledger.ledger import Ledger
from crawlers.ledger.rows import Download, OutcomeRow, Sighting
from crawlers.source_health import Outcome
from dataset.catalog.tables import images, metadata, outcomes, plays, rounds, sightings, tombstones
from dataset.catalog.writes import append, insert_new
from dataset.curate import curate
from dataset.erasure.erase import EraseReport, erase
from dataset.erasure.selection import Kind, Selection
from dataset.opening import open_project
from dataset.pictures.normalised import NormalisedPictures
from dataset.pictures.originals import Blobs, LocalBlobs
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from dataset.versions.verify import verify
from foundation.errors import StorageError
from simulator import drawings

DEADLINE_S = 60
NOVEMBER = datetime(2026, 11, 24, tzinfo=UTC)
LEFT_IN = {"tombstones", "erasures"}  # tables that may name an erased image


class AtTheGate(LocalBlobs):
    """Originals whose next reading, or storing, tells that it began and waits for a sign."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def read(self, sha256: str, image_format: str) -> bytes:
        content = super().read(sha256, image_format)
        self.begun.set()
        assert self.go_on.wait(DEADLINE_S)
        return content


class WhileStoring(LocalBlobs):
    """Originals that call a function before each is stored."""

    def __init__(self, root: Path, act: Callable[[], object]) -> None:
        super().__init__(root)
        self._act = act

    def put(self, content: bytes, image_format: str) -> str:
        self._act()
        return super().put(content, image_format)


def wait_for(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < end
        threading.Event().wait(0.01)


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def has_tombstone(project: Project, sha256: str) -> bool:
    with project.catalog.read() as connection:
        return connection.execute(select(tombstones).where(tombstones.c.value == sha256)).first() is not None


def erase_in_thread(project: Project, sha256: str) -> threading.Thread:
    """Begin an erasure elsewhere; returns once its tombstone is there."""
    other = open_project(project.settings)
    thread = in_thread(lambda: erase(other, Selection(Kind.SHA256, sha256), "asked"))
    wait_for(lambda: has_tombstone(project, sha256))
    return thread


def tables_naming(project: Project, sha256: str) -> set[str]:
    with project.catalog.read() as connection:
        return {
            table.name
            for table in metadata.sorted_tables
            if any(sha256 in str(tuple(row)) for row in connection.execute(select(table)))
        }


def some_image(project: Project) -> tuple[str, str]:
    """SHA-256 and format of an image that a version would have."""
    with project.catalog.read() as connection:
        row = connection.execute(select(images.c.sha256, images.c.format).order_by(images.c.sha256)).first()
    assert row is not None
    return row.sha256, row.format


def test_a_picture_that_is_normalised_at_the_same_moment_does_not_stay(collected: Project) -> None:
    """Security 17: the original was read before it was erased; the picture is written after that, and removed."""
    sha256, image_format = some_image(collected)
    gate = AtTheGate(collected.home / "blobs")
    pictures = NormalisedPictures(collected.home, gate)
    pictures.path(sha256).unlink(missing_ok=True)
    maker = in_thread(lambda: pictures.make(sha256, image_format))
    assert gate.begun.wait(DEADLINE_S)
    eraser = erase_in_thread(collected, sha256)
    eraser.join(1.0)  # an erasure that does not wait for the maker is through by now
    gate.go_on.set()
    maker.join(DEADLINE_S)
    eraser.join(DEADLINE_S)
    assert not list(collected.home.glob(f"*/**/{sha256}*"))
    with pytest.raises(StorageError, match="is gone"):
        collected.normalised.make(sha256, image_format)


@pytest.fixture
def folder_project(tmp_path: Path) -> Project:
    """A project with a source of five pictures in a folder."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(5):
        (photos / f"{number}.jpg").write_bytes(drawings.cake(random.Random(number)))
    text = f'[project]\n[[sources]]\nname = "photos"\nkind = "folder"\nlabel = "cake"\npath = "{photos}"\n'
    (tmp_path / "isitcake.toml").write_text(text)
    return open_project(tmp_path / "isitcake.toml")


def photo(project: Project, number: int) -> tuple[str, str]:
    """SHA-256 and address of a picture of the folder."""
    path = project.settings.root / "photos" / f"{number}.jpg"
    return hashlib.sha256(path.read_bytes()).hexdigest(), f"folder:photos/{number}.jpg"


def collect_photos(project: Project, progress: Callable[[int, int], None] = lambda *_: None) -> None:
    collect_folder(project, project.settings.sources[0], NOVEMBER, progress)


def held(project: Project) -> set[str]:
    with project.catalog.read() as connection:
        return set(connection.execute(select(images.c.sha256)).scalars())


@pytest.mark.parametrize("kind", [Kind.SHA256, Kind.URL])
@pytest.mark.parametrize("number", [0, 3])
def test_an_erasure_in_the_middle_of_a_collection(
    folder_project: Project, kind: Kind, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Security 18: erased once two of five pictures are written, and all are decoded; it is not stored, nor seen
    again, nor published.
    """
    monkeypatch.setattr(folder, "BATCH", 2)
    sha256, address = photo(folder_project, number)
    value = sha256 if kind is Kind.SHA256 else address

    def erase_after_two(done: int, _expected: int) -> None:
        if done == 2:
            erase(folder_project, Selection(kind, value), "asked")

    collect_photos(folder_project, erase_after_two)
    assert held(folder_project) == {photo(folder_project, other)[0] for other in range(5) if other != number}
    assert not list((folder_project.home / "blobs").glob(f"*/{sha256}*"))
    with folder_project.catalog.read() as connection:
        assert connection.execute(select(sightings).where(sightings.c.sha256 == sha256)).all() == []
        reasons = select(outcomes.c.reason).where(outcomes.c.image_url == address)
        assert set(connection.execute(reasons).scalars()) <= {"erased: it stays out"}
    curate(folder_project)
    version = publish(folder_project, force=True).version
    assert version is not None
    assert sha256 not in {row.sha256 for row in published.load(folder_project.home, version).rows()}
    folder_project.close()


@pytest.mark.parametrize("kind", [Kind.SHA256, Kind.URL])
def test_an_erasure_between_a_look_at_the_tombstones_and_storing(folder_project: Project, kind: Kind) -> None:
    """Security 18: the bytes that were just about to be stored are removed again."""
    sha256, address = photo(folder_project, 0)
    other = open_project(folder_project.settings)
    done: list[threading.Thread] = []

    def act() -> None:
        if not done:
            value = sha256 if kind is Kind.SHA256 else address
            done.append(in_thread(lambda: erase(other, Selection(kind, value), "asked")))
            wait_for(lambda: _tombstones(folder_project) > 0)

    blobs: Blobs = WhileStoring(folder_project.home / "blobs", act)
    collect_photos(dataclasses.replace(folder_project, blobs=blobs))
    done[0].join(DEADLINE_S)
    assert sha256 not in held(folder_project)
    assert len(held(folder_project)) == 4
    assert not list((folder_project.home / "blobs").glob(f"*/{sha256}*"))
    folder_project.close()


def _tombstones(project: Project) -> int:
    with project.catalog.read() as connection:
        return connection.execute(select(func.count()).select_from(tombstones)).scalar_one()


def test_an_address_erased_during_its_download_does_not_take_the_same_picture_elsewhere(
    folder_project: Project,
) -> None:
    """The bytes stay that another address gave."""
    collect_photos(folder_project)
    sha256, _ = photo(folder_project, 0)
    content = (folder_project.settings.root / "photos" / "0.jpg").read_bytes()
    ledger = Ledger(folder_project, folder_project.settings.sources[0], NOVEMBER)
    erase(folder_project, Selection(Kind.URL, "https://b.example/x.jpg"), "asked")
    assert ledger.accept("https://b.example/x.jpg", "", Download(content, "https://b.example/x.jpg")) is None
    assert list((folder_project.home / "blobs").glob(f"*/{sha256}*"))
    folder_project.close()


def test_a_server_that_says_unchanged_does_not_bring_a_picture_back(folder_project: Project) -> None:
    """Security 18: a 304, and a second page that shows it, after the run began."""
    collect_photos(folder_project)
    sha256, address = photo(folder_project, 0)
    ledger = Ledger(folder_project, folder_project.settings.sources[0], NOVEMBER)
    erase(folder_project, Selection(Kind.SHA256, sha256), "asked")
    assert ledger.unchanged(address, "https://a.example/page") is None
    ledger.sight(sha256, [Sighting("https://a.example/other.jpg", "https://a.example/page", "a.example")])
    ledger.settle(OutcomeRow("https://a.example/o.jpg", "", Outcome.DUPLICATE, sha256=sha256))
    with folder_project.catalog.read() as connection:
        assert connection.execute(select(sightings).where(sightings.c.sha256 == sha256)).all() == []
        assert connection.execute(select(outcomes).where(outcomes.c.sha256 == sha256)).all() == []
    folder_project.close()


@pytest.mark.parametrize("step", ["pictures", "comparing", "triage"])
def test_an_erasure_in_the_middle_of_curating(collected: Project, step: str) -> None:
    """Security 18: no derived row, decision or question about it is written."""
    sha256, _ = some_image(collected)
    with collected.catalog.write() as connection:
        for name in ("fingerprints", "features", "seen", "compared", "clusters", "findings", "queue"):
            connection.execute(metadata.tables[name].delete())
    erased: list[EraseReport] = []

    def act(told: str, _done: int, _expected: int) -> None:
        if told == step and not erased:
            erased.append(erase(collected, Selection(Kind.SHA256, sha256), "asked"))

    curate(collected, act)
    assert erased
    assert tables_naming(collected, sha256) <= LEFT_IN


def test_an_erasure_in_the_middle_of_publishing(collected: Project) -> None:
    """Security 18: it waits until the version is there, and is then taken from it."""
    curate(collected)
    sha256, _ = some_image(collected)
    threads: list[threading.Thread] = []

    def act(_told: str, _done: int, _expected: int) -> None:
        if not threads:
            threads.append(erase_in_thread(collected, sha256))

    name = publish(collected, progress=act).version
    threads[0].join(DEADLINE_S)
    assert name is not None
    assert sha256 not in {row.sha256 for row in published.load(collected.home, name).rows()}
    assert verify(collected.home, name).problems == []
    assert not list(collected.home.glob(f"*/**/{sha256[:16]}*"))
    assert tables_naming(collected, sha256) <= LEFT_IN


def test_publishing_leaves_out_what_an_interrupted_erasure_names(collected: Project) -> None:
    """A program that opened the project before the kill goes on; its version does not have the picture."""
    sha256, _ = some_image(collected)
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from dataset.erasure.erase import erase; from dataset.erasure.selection import Kind, Selection\n"
        "from dataset.opening import open_project\n"
        "def kill(step):\n    'tombstones' in step or os.kill(os.getpid(), signal.SIGKILL)\n"
        "erase(open_project(Path(sys.argv[1])), Selection(Kind.SHA256, sys.argv[2]), 'asked', before=kill)\n"
    )
    command = [sys.executable, "-c", code, str(collected.settings.config_path), sha256]
    assert subprocess.run(command, check=False).returncode < 0
    name = publish(collected).version
    assert name is not None
    assert sha256 not in {row.sha256 for row in published.load(collected.home, name).rows()}


def test_no_table_takes_a_row_about_an_erased_picture(collected: Project) -> None:
    """Security 16: answers in the game and stored rounds too. Rows about other pictures of the same call are kept."""
    sha256, _ = some_image(collected)
    erase(collected, Selection(Kind.SHA256, sha256), "asked")
    play = {
        "round": "r", "slot": 0, "player": "p", "sha256": sha256, "version": "2026.11.0", "answer": "cake",
        "label": "cake", "model_answer": "", "played_at": NOVEMBER,
    }  # fmt: skip
    begun = {"player": "p", "nickname": "n", "version": "2026.11.0", "begun_at": NOVEMBER}
    with collected.catalog.write() as connection:
        assert insert_new(connection, plays, [play, {**play, "slot": 1, "sha256": "cd" * 32}]) == 1
        append(connection, rounds, [{"id": "a", "pictures": [["cd" * 32, "cake"], [sha256, "cake"]], **begun}])
        append(connection, rounds, [{"id": "b", "pictures": [["cd" * 32, "cake"]], **begun}])
        assert connection.execute(select(rounds.c.id)).scalars().all() == ["b"]
    assert tables_naming(collected, sha256) <= LEFT_IN


def test_a_name_without_a_row_loses_its_bytes(collected: Project) -> None:
    """A collection was killed between file and row: erasing by SHA-256 removes the file."""
    sha256 = collected.blobs.put(drawings.cake(random.Random(99)), "JPEG")
    assert erase(collected, Selection(Kind.SHA256, sha256), "asked").images == 0
    assert not list((collected.home / "blobs").glob(f"*/{sha256}*"))
