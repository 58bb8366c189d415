"""The map in the catalog: it changes only where pictures did, and is made again where it is damaged."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from small_projects import SmallProject
from sqlalchemy import delete, select, update

from dataset.catalog.tables import features, images, positions
from dataset.catalog.writes import append
from dataset.curate import curate
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.layout import keep
from dataset.layout.keep import keep_map, sampled
from dataset.opening import open_project
from dataset.project import Project
from networks.backbone import backbone

Places = dict[str, tuple[float, float]]
LOOKS = 3


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project with an empty catalog."""
    small = SmallProject(tmp_path / "small")
    small.configure("cakes c cake x")
    opened = open_project(small.folder / "isitcake.toml")
    yield opened
    opened.close()


def names(first: int, last: int) -> list[str]:
    return [hashlib.sha256(f"{number}".encode()).hexdigest() for number in range(first, last)]


def add(project: Project, some: Sequence[str]) -> None:
    """Images with features of a few looks."""
    net = backbone(project.settings.network).name
    rng = np.random.default_rng(len(some))
    centres = np.random.default_rng(0).normal(size=(LOOKS, 24)) * 4
    vectors = [(centres[int(name[:4], 16) % LOOKS] + rng.normal(size=24)).astype(np.float16) for name in some]
    now = datetime(2026, 11, 24, tzinfo=UTC)
    with project.catalog.write() as connection:
        append(connection, images, [
            {"sha256": name, "format": "JPEG", "width": 8, "height": 8, "has_alpha": 0, "size_bytes": 9,
             "first_seen": now, "copyright_notice": ""} for name in some
        ])  # fmt: skip
        append(connection, features, [
            {"sha256": name, "backbone": net, "vector": vector.tobytes()}
            for name, vector in zip(some, vectors, strict=True)
        ])  # fmt: skip


def kept(project: Project) -> Places:
    """The map after it was brought up to date."""
    keep_map(project, backbone(project.settings.network).name, lambda *_: None)
    with project.catalog.read() as connection:
        return {row.sha256: (row.x, row.y) for row in connection.execute(select(positions)).all()}


def test_nothing_is_computed_where_nothing_changed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    add(project, names(0, 40))
    before = kept(project)
    assert len(before) == 40
    monkeypatch.setattr(keep, "laid_out", None)
    monkeypatch.setattr(keep, "among", None)
    assert kept(project) == before


def test_what_stands_stays_when_pictures_come_and_go(project: Project) -> None:
    add(project, names(0, 60))
    before = kept(project)
    add(project, names(60, 70))
    after = kept(project)
    assert len(after) == 70
    assert {name: after[name] for name in before} == before
    erase(project, Selection(Kind.SHA256, names(0, 1)[0]), "asked")
    left = kept(project)
    assert left == {name: place for name, place in after.items() if name != names(0, 1)[0]}


def test_many_new_pictures_are_laid_out_with_the_others(project: Project) -> None:
    """Otherwise they would stand on heaps."""
    add(project, names(0, 40))
    kept(project)
    add(project, names(40, 70))
    kept(project)
    with project.catalog.read() as connection:
        assert set(connection.execute(select(positions.c.laid_out)).scalars()) == {1}


@pytest.mark.parametrize("damage", ["gone", "not finite", "text", "another recipe"])
def test_a_damaged_map_is_made_again(project: Project, damage: str) -> None:
    add(project, names(0, 40))
    before = kept(project)
    hurt = names(0, 3)
    these = positions.c.sha256.in_(hurt)
    with project.catalog.write() as connection:
        if damage == "gone":
            connection.execute(delete(positions).where(these))
        elif damage == "not finite":
            connection.execute(update(positions).where(these).values(x=float("inf")))
        elif damage == "text":
            connection.exec_driver_sql(f"UPDATE positions SET x = 'far' WHERE sha256 = '{hurt[0]}'")
        else:
            connection.execute(update(positions).values(recipe="tsne-0 old"))
    after = kept(project)
    assert set(after) == set(before)
    assert all(abs(x) <= 1.0001 and abs(y) <= 1.0001 for x, y in after.values())
    if damage == "another recipe":
        assert after == before  # everything anew, of the same pictures
    else:
        assert {name: after[name] for name in after if name not in hurt} == {
            name: before[name] for name in before if name not in hurt
        }


def test_of_many_pictures_a_sample_is_drawn_that_hardly_changes(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep, "sampled", lambda some, most=30: sampled(some, min(most, 30)))
    add(project, names(0, 60))
    before = kept(project)
    assert len(before) == 30
    add(project, names(60, 66))
    after = kept(project)
    assert len(after) == 30
    same = set(before) & set(after)
    assert len(same) >= 24
    assert all(after[name] == before[name] for name in same)


def test_of_many_pictures_some_are_laid_out_together_and_the_others_stand_among_them(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others do not move the first ones, and nothing is laid out anew because there are many others."""
    monkeypatch.setattr(keep, "TOGETHER", 30)
    add(project, names(0, 90))
    before = kept(project)
    together = set(sampled(names(0, 90), 30))
    with project.catalog.read() as connection:
        laid_out = set(connection.execute(select(positions.c.sha256).where(positions.c.laid_out == 1)).scalars())
    assert (len(before), laid_out) == (90, together)
    add(project, names(90, 100))
    after = kept(project)
    assert {name: after[name] for name in before} == before
    add(project, names(100, 180))
    anew = kept(project)
    assert len(anew) == 180
    with project.catalog.read() as connection:
        laid_out = set(connection.execute(select(positions.c.sha256).where(positions.c.laid_out == 1)).scalars())
    assert laid_out == set(sampled(names(0, 180), 30))


def test_curate_keeps_the_map(collected: Project) -> None:
    """Every image with features is on it; the tables of before are filled by the next curate."""
    with collected.catalog.write() as connection:
        before = connection.execute(select(positions).order_by(positions.c.sha256)).all()
        measured = set(connection.execute(select(features.c.sha256)).scalars())
        connection.execute(positions.delete())
    curate(collected)
    with collected.catalog.read() as connection:
        after = connection.execute(select(positions).order_by(positions.c.sha256)).all()
    assert {row.sha256 for row in after} == measured
    assert [tuple(row) for row in after] == [tuple(row) for row in before]
