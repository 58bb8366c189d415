"""Machines that share a catalog share the pictures to measure; each picture is measured once, whoever is killed."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from servers.postgresql import USER, running_postgresql
from small_projects import SmallProject
from sqlalchemy import delete, select

from crawlers.collect import collect
from dataset.catalog.tables import features, fingerprints, images, seen
from dataset.curate import CURATE_LOCK, curate
from dataset.opening import open_project
from dataset.pictures.originals import LocalBlobs
from dataset.project import Project
from dataset.suspicion import measure_new

MEASURED = (fingerprints, features, seen)


class LoggedBlobs(LocalBlobs):
    """A store of originals that counts what is read."""

    def __init__(self, root: Path, log: list[str]) -> None:
        super().__init__(root)
        self._log = log

    def read(self, sha256: str, image_format: str) -> bytes:
        self._log.append(sha256)
        return super().read(sha256, image_format)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The configuration of a project on PostgreSQL, whose pictures are collected."""
    folder = tmp_path_factory.mktemp("measured-together")
    with running_postgresql() as port:
        project = SmallProject(folder, pictures=12)
        url = f'[catalog]\nurl = "postgresql+psycopg://{USER}@127.0.0.1:{port}/postgres"'
        project.configure("n n not_cake -", "c c cake -", more=url)
        opened = open_project(folder / "isitcake.toml")
        collect(opened).raise_for_failures()
        opened.close()
        yield folder / "isitcake.toml"


@pytest.fixture
def log() -> list[str]:
    """SHA-256s of the originals that were read to measure them."""
    return []


@pytest.fixture
def machines(shared: Path, log: list[str]) -> Iterator[list[Project]]:
    """Two machines, before anything is measured."""
    opened = [open_project(shared) for _ in range(2)]
    with opened[0].catalog.write() as connection:
        for table in MEASURED:
            connection.execute(delete(table))
    yield [replace(project, blobs=LoggedBlobs(project.home / "blobs", log)) for project in opened]
    for project in opened:
        project.close()


def names(project: Project) -> set[str]:
    with project.catalog.read() as connection:
        return set(connection.execute(select(images.c.sha256)).scalars())


def measured(project: Project) -> set[str]:
    """The pictures that have every row."""
    with project.catalog.read() as connection:
        return set.intersection(*(set(connection.execute(select(table.c.sha256)).scalars()) for table in MEASURED))


def silent(_step: str, _done: int, _total: int) -> None: ...


def test_two_machines_at_once_measure_each_picture_once(machines: list[Project], log: list[str]) -> None:
    """And one compares and triages after the other, which finds nothing to do."""
    with ThreadPoolExecutor(2) as threads:
        reports = list(threads.map(curate, machines))
    assert measured(machines[0]) == names(machines[0])
    assert set(Counter(log)) == names(machines[0])
    assert max(Counter(log).values()) <= 2  # once to measure, once more where two hashes need the pictures
    first, second = (replace(report, cost=None, decided=0) for report in reports)
    assert first == second
    assert sorted(report.decided for report in reports) == [0, len(names(machines[0]))]


def test_what_another_machine_measures_is_waited_for_and_taken_if_it_dies(
    machines: list[Project], log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine holds a shard, measures nothing, and its lock goes: as if it were killed."""
    monkeypatch.setattr(measure_new, "WAIT_S", 0.05)
    first, second = machines
    taken = min(names(first))
    held = next(shard for shard in measure_new.SHARDS if shard.low <= taken < shard.high)
    is_held, goes = threading.Event(), threading.Event()

    def hold() -> None:
        with second.alone(f"measure {held.low}"):
            is_held.set()
            goes.wait(60)

    told: list[tuple[int, int]] = []
    with ThreadPoolExecutor(2) as threads:
        threads.submit(hold)
        assert is_held.wait(60)
        done = threads.submit(curate, first, lambda step, n, of: told.append((n, of)) if step == "pictures" else None)
        while len(measured(first)) + len([name for name in names(first) if held.low <= name < held.high]) < len(
            names(first)
        ):
            assert not done.done()
        assert taken not in log
        assert not done.done()
        goes.set()
        done.result(60)
    assert measured(first) == names(first)
    assert told[-1] == (len(names(first)), len(names(first)))


def test_a_second_curate_says_that_it_waits(machines: list[Project]) -> None:
    first, second = machines
    curate(first)
    steps: list[str] = []
    with ThreadPoolExecutor(1) as threads:
        with first.alone(CURATE_LOCK):
            done = threads.submit(curate, second, lambda step, _done, _total: steps.append(step))
            while "waiting for another `curate`" not in steps:
                assert not done.done()
        assert done.result(60).images == len(names(first))
