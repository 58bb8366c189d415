"""The stage curate: each original is read once, triage holds no lock while it decides, and nothing that others write
meanwhile is lost.

Also tests dataset/suspicion/measure_new.py, evidence.py and derive.py, and dataset/duplicates/compare_new.py.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from dataset.catalog.tables import clusters, decisions, features, findings, fingerprints, images, pairs, queue, seen
from dataset.curate import CurateReport, curate
from dataset.pictures.originals import LocalBlobs
from dataset.project import Project
from labeling.answer_files import import_answers

DERIVED = (fingerprints, features, seen, pairs, clusters, findings, queue)


class LoggedBlobs(LocalBlobs):
    """A store of originals that writes down what is read, as the log of a server does."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.log: list[str] = []

    def read(self, sha256: str, image_format: str) -> bytes:
        self.log.append(sha256)
        return super().read(sha256, image_format)


@pytest.fixture
def logged(collected: Project) -> LoggedBlobs:
    return LoggedBlobs(collected.home / "blobs")


@pytest.fixture
def uncurated(collected: Project, logged: LoggedBlobs) -> Project:
    """A project with images and sightings only."""
    with collected.catalog.write() as connection:
        for table in DERIVED:
            connection.execute(table.delete())
    return replace(collected, blobs=logged)


def rows(project: Project, *tables: Any) -> list[list[tuple[Any, ...]]]:
    """All rows of the tables, in one order."""
    with project.catalog.read() as connection:
        return [sorted(map(tuple, connection.execute(select(table))), key=repr) for table in tables]


def decided(project: Project, sha256: str) -> tuple[str, str]:
    """Label and origin of the newest decision about an image."""
    newest = select(decisions).where(decisions.c.sha256 == sha256).order_by(decisions.c.id.desc()).limit(1)
    with project.catalog.read() as connection:
        row = connection.execute(newest).one()
    return row.label, row.origin


def curate_and_interrupt(project: Project, *actions: Any) -> CurateReport:
    """Curate; each action runs once, in turn, when triage has read the catalog and not decided yet."""
    waiting = list(actions)

    def interrupt(step: str, done: int, _total: int) -> None:
        if step == "triage" and done == 0 and waiting:
            waiting.pop(0)()

    report = curate(project, interrupt)
    assert waiting == []
    return report


def test_rebuilt_tables_are_the_same_and_each_original_is_read_once(uncurated: Project, logged: LoggedBlobs) -> None:
    """One read for fingerprint, features and text together; more only for pairs whose hashes do not decide."""
    curate(uncurated)
    first = rows(uncurated, *DERIVED)
    (stored,) = rows(uncurated, images)
    reads = Counter(logged.log[: len(stored)])
    assert reads == Counter(row[0] for row in stored)
    assert len(logged.log) < 2 * len(stored)
    with uncurated.catalog.write() as connection:
        for table in DERIVED:
            connection.execute(table.delete())
    curate(uncurated)
    assert rows(uncurated, *DERIVED) == first


@pytest.mark.parametrize("table", [fingerprints, features, seen], ids=lambda table: str(table.name))
def test_only_missing_rows_are_computed(collected: Project, logged: LoggedBlobs, table: Any) -> None:
    """After a crash between two batches: the images that lack a row of any of the three tables are read, no others."""
    before = rows(collected, fingerprints, features, seen)
    with collected.catalog.read() as connection:
        lost = list(connection.execute(select(images.c.sha256).order_by(images.c.sha256).limit(3)).scalars())
    with collected.catalog.write() as connection:
        connection.execute(delete(table).where(table.c.sha256.in_(lost)))
    curate(replace(collected, blobs=logged))
    assert sorted(logged.log) == lost
    assert rows(collected, fingerprints, features, seen) == before


def test_a_damaged_original_is_named(uncurated: Project, logged: LoggedBlobs) -> None:
    """Other bytes than those that were stored; everything else is curated."""
    with uncurated.catalog.read() as connection:
        image = connection.execute(select(images).order_by(images.c.sha256).limit(1)).one()
    path = logged.path(image.sha256, image.format)
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[-100] ^= 0xFF
    path.write_bytes(content)
    report = curate(uncurated)
    assert report.quarantined == [f"{path} is not what was stored"]
    assert f"originals are missing or damaged: {path} is not what was stored;" in report.line()
    assert "until you collect them again" in report.line()
    assert len(rows(uncurated, images)[0]) == report.images + 1


def test_an_original_that_was_cut_is_named(collected: Project, logged: LoggedBlobs) -> None:
    with collected.catalog.write() as connection:
        image = connection.execute(select(images).order_by(images.c.sha256).limit(1)).one()
        connection.execute(delete(features).where(features.c.sha256 == image.sha256))
    path = logged.path(image.sha256, image.format)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:2000])
    assert curate(collected).quarantined == [f"{path} has 2000 bytes, not {image.size_bytes}"]


def test_an_answer_that_comes_during_triage_is_written_at_once_and_counts(collected: Project, tmp_path: Path) -> None:
    """Another writer does not wait for triage, and the decision that triage writes is about its answer."""
    with collected.catalog.read() as connection:
        sha256 = connection.execute(select(queue.c.sha256).order_by(queue.c.sha256).limit(1)).scalar_one()
    path = tmp_path / "answers.csv"
    path.write_text(f"sha256,label,reviewer\n{sha256},unusable,ann\n")
    taken: list[int] = []
    curate_and_interrupt(collected, lambda: taken.append(import_answers(collected, path).new))
    assert taken == [1]
    assert decided(collected, sha256) == ("unusable", "human")
    curate(collected)
    assert decided(collected, sha256) == ("unusable", "human")


@pytest.fixture
def erased_during_triage(collected: Project) -> Iterator[list[str]]:
    """SHA-256s of images that an erasure takes, one at a time."""
    with collected.catalog.read() as connection:
        yield list(connection.execute(select(images.c.sha256).order_by(images.c.sha256).limit(5)).scalars())


@pytest.mark.parametrize("times", [1, 3], ids=["once", "each time"])
def test_an_image_that_is_erased_during_triage_does_not_come_back(
    collected: Project, erased_during_triage: list[str], times: int
) -> None:
    """Triage starts again on what is left; after three tries it keeps others waiting, and ends."""

    def erase(sha256: str) -> None:
        with collected.catalog.write() as connection:
            for table in (fingerprints, features, seen, clusters, findings, queue, decisions, images):
                connection.execute(delete(table).where(table.c.sha256 == sha256))

    gone = erased_during_triage[:times]
    report = curate_and_interrupt(collected, *(lambda sha256=sha256: erase(sha256) for sha256 in gone))
    for table in (clusters, findings, queue, decisions):
        with collected.catalog.read() as connection:
            assert connection.execute(select(table).where(table.c.sha256.in_(gone))).all() == []
    assert report.images == len(rows(collected, images)[0])


def test_a_project_without_images_has_an_empty_report(uncurated: Project) -> None:
    with uncurated.catalog.write() as connection:
        connection.execute(images.delete())
        connection.execute(decisions.delete())
    report = curate(uncurated)
    assert (report.images, report.clusters, report.queued, report.findings) == (0, 0, 0, {})
    assert report.line() == "0 images, 0 near-duplicates, 0 to review, 0 excluded automatically"
