"""Triage of what is new alone: as if all were judged with what triage learned; and all anew where that changed.

Also tests dataset/suspicion/fitted/packed.py.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, func, insert, select, update

from dataset.catalog.tables import (
    audit,
    claims,
    clusters,
    compared,
    decisions,
    features,
    findings,
    fingerprints,
    images,
    judgements,
    names,
    pairs,
    queue,
    seen,
    sightings,
    triage,
)
from dataset.curate import curate
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.project import Project
from dataset.suspicion.derive import Derived, derive
from dataset.suspicion.evidence import read_evidence
from dataset.suspicion.fitted import fit
from dataset.suspicion.fitted.packed import Packed, packed
from dataset.suspicion.kept import reading
from dataset.suspicion.kept.ledger import Kept, read_kept
from dataset.suspicion.meanings import meanings
from dataset.suspicion.variety import features_of
from labeling.answer_files import import_answers
from networks.backbone import backbone

MEASURED = (images, sightings, fingerprints, features, seen, compared)
DERIVED = (clusters, findings, queue)
NEW = 6

Rows = dict[Any, list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _kept_in_small_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "BY_NAME_FROM", 1)
    monkeypatch.setattr(reading, "KEPT_FROM", 1)


def pair(a: str, b: str) -> dict[str, Any]:
    return {"a": a, "b": b, "by": "phash16", "distance": 2.0, "agreement": 1.0}


@pytest.fixture
def asking(bakery: Project) -> Project:
    """The bakery's project; half of its pictures have no answer."""
    with bakery.catalog.read() as connection:
        by_name = list(connection.execute(select(clusters.c.sha256).order_by(clusters.c.cluster)).scalars())
    with bakery.catalog.write() as connection:
        for table in (judgements, decisions, audit):
            connection.execute(delete(table).where(table.c.sha256.in_(by_name[::2])))
        first, second, third, *_ = sorted(by_name[::2])
        connection.execute(delete(pairs))
        connection.execute(insert(pairs).values([pair(first, second), pair(second, third)]))
    curate(bakery)
    return bakery


@pytest.fixture
def earlier(asking: Project) -> Rows:
    """That project is curated without some of its pictures; these are their rows, one of them of a copy.

    Nobody has answered about them.
    """
    with asking.catalog.read() as connection:
        queued = connection.execute(select(queue.c.sha256).order_by(queue.c.sha256)).scalars().all()
        copies = [row.b for row in connection.execute(select(pairs).order_by(pairs.c.a)).all()]
    kept = take(asking, [*copies[:1], *(name for name in queued if name not in copies)][:NEW])
    curate(asking)
    return kept


def take(project: Project, taken: Iterable[str]) -> Rows:
    """Take pictures out of the library. Returns their rows."""
    of_them: Rows = {}
    with project.catalog.write() as connection:
        for table in MEASURED:
            these = table.c.sha256.in_(taken)
            of_them[table] = [dict(row._mapping) for row in connection.execute(select(table).where(these))]
            connection.execute(delete(table).where(these))
        touched = pairs.c.a.in_(taken) | pairs.c.b.in_(taken)
        of_them[pairs] = [dict(row._mapping) for row in connection.execute(select(pairs).where(touched))]
        connection.execute(delete(pairs).where(touched))
        connection.execute(delete(decisions).where(decisions.c.sha256.in_(taken)))
    return of_them


def give(project: Project, rows: Rows) -> None:
    """Put pictures into the library, as if they came now."""
    with project.catalog.write() as connection:
        for table, of_table in rows.items():
            for row in of_table:
                connection.execute(insert(table).values({**row, **({"id": None} if table is sightings else {})}))


def n_judged(project: Project) -> int:
    """Curate. Returns how many pictures triage judged."""
    judged: list[int] = []

    def tell(step: str, done: int, total: int) -> None:
        if step == "triage" and not done:
            judged.append(total)

    curate(project, tell)
    return judged[0]


def rows(project: Project, *tables: Any) -> list[list[tuple[Any, ...]]]:
    """All rows of the tables, in one order."""
    with project.catalog.read() as connection:
        return [sorted(map(tuple, connection.execute(select(table))), key=repr) for table in tables]


def n_images(project: Project) -> int:
    with project.catalog.read() as connection:
        return int(connection.execute(select(func.count()).select_from(images)).scalar_one())


def stored(project: Project) -> Kept:
    with project.catalog.read() as connection:
        recipe = connection.execute(select(triage.c.recipe)).scalar_one()
        kept = read_kept(connection, recipe)
    assert kept
    return kept


def judged_by(project: Project, kept: Kept | None) -> Derived:
    """What triage derives about all pictures, by a model that was kept, or by one that is fitted now."""
    net = backbone(project.settings.network)
    with project.catalog.read() as connection:
        evidence = read_evidence(connection, net.name, project.home)
        model = kept.model_for(connection, net.name, evidence) if kept else None
    return derive(evidence, meanings(project.settings), net, model)


def test_new_pictures_are_judged_as_they_would_be_among_all(asking: Project, earlier: Rows) -> None:
    """By the model that was kept: clusters, findings and questions are those of all pictures judged with it."""
    kept, before = stored(asking), rows(asking, queue)[0]
    give(asking, earlier)
    judged = n_judged(asking)
    assert NEW <= judged < n_images(asking)
    expected = judged_by(asking, kept)
    assert rows(asking, clusters)[0] == sorted((tuple(row.values()) for row in expected.clusters), key=repr)
    names_of_new = {row["sha256"] for row in earlier[images]}
    found = [row for row in rows(asking, findings)[0] if row[0] in names_of_new]
    assert found == sorted(
        (tuple(row.values()) for row in expected.findings if row["sha256"] in names_of_new), key=repr
    )
    asked = {row[0]: row for row in rows(asking, queue)[0]}
    wanted = {row["sha256"]: row for row in expected.queue}
    assert asked.keys() == wanted.keys()
    for sha256 in names_of_new & wanted.keys():
        assert asked[sha256][2:] == tuple(wanted[sha256].values())[2:]
    assert sorted(row[1] for row in asked.values()) == pytest.approx(sorted(row["priority"] for row in wanted.values()))
    assert len(before) <= len(asked)


def test_a_copy_that_connects_others_is_judged_with_them(asking: Project) -> None:
    """Without it, the other two are clusters of their own. Decisions are those of a library that came at once."""
    newest = "SELECT sha256, label, origin FROM decisions WHERE id IN (SELECT max(id) FROM decisions GROUP BY sha256)"
    (first, second), _ = (row[:2] for row in rows(asking, pairs)[0])
    with asking.catalog.read() as connection:
        at_once = sorted(map(tuple, connection.exec_driver_sql(newest)))
    whole = rows(asking, clusters)
    taken = take(asking, [second])
    curate(asking)
    assert len({row[1] for row in rows(asking, clusters)[0]}) == len({row[1] for row in whole[0]}) + 1
    give(asking, taken)
    assert n_judged(asking) == 3
    assert rows(asking, clusters) == whole
    assert first in {row[1] for row in whole[0]}
    with asking.catalog.read() as connection:
        assert sorted(map(tuple, connection.exec_driver_sql(newest))) == at_once


def test_nothing_new_is_nothing_to_do(asking: Project, earlier: Rows) -> None:
    del earlier
    before = rows(asking, *DERIVED, decisions)
    assert n_judged(asking) == 0
    assert rows(asking, *DERIVED, decisions) == before


def test_a_kept_model_says_the_same(asking: Project, earlier: Rows) -> None:
    """After it was packed and read, about the pictures that it was fitted to."""
    del earlier
    fresh, again = judged_by(asking, None), judged_by(asking, stored(asking))
    assert fresh.model
    assert again.model
    assert asdict(fresh.model.scale) == asdict(again.model.scale)
    assert {i: s.findings for i, s in again.suspicions.items()} == {i: s.findings for i, s in fresh.suspicions.items()}
    for image, suspicion in fresh.suspicions.items():
        assert again.suspicions[image].signals() == pytest.approx(suspicion.signals(), abs=1e-4)
    assert packed(again.model, again.clustering.sha256) == packed(fresh.model, fresh.clustering.sha256)


def answer(project: Project) -> None:
    path = project.home.parent / "answers.csv"
    sha256 = rows(project, queue)[0][0][0]
    path.write_text(f"sha256,label,reviewer\n{sha256},unusable,bea\n")
    import_answers(project, path)


def erase_one(project: Project) -> None:
    erase(project, Selection(Kind.SHA256, rows(project, queue)[0][0][0]), "asked")
    assert rows(project, triage) == [[]]  # what was learned from it may name it


def lose_questions(project: Project) -> None:
    with project.catalog.write() as connection:
        connection.execute(delete(queue))


def learn_a_name(project: Project) -> None:
    with project.catalog.write() as connection:
        first = select(func.min(judgements.c.id)).scalar_subquery()
        connection.execute(update(judgements).where(judgements.c.id == first).values(reviewer="zoe"))


def lose_clusters(project: Project) -> None:
    with project.catalog.write() as connection:
        connection.execute(delete(clusters))


def rename(project: Project) -> None:
    with project.catalog.write() as connection:
        connection.execute(insert(names).values(kind="source", name="x", position=9, state="renamed", became="y",
                                                since=rows(project, images)[0][0][6]))  # fmt: skip


def lose_a_sighting(project: Project) -> None:
    with project.catalog.write() as connection:
        connection.execute(
            delete(sightings).where(sightings.c.id == select(func.min(sightings.c.id)).scalar_subquery())
        )


def pair_earlier_ones(project: Project) -> None:
    with project.catalog.read() as connection:
        a, b = connection.execute(select(clusters.c.sha256).order_by(clusters.c.sha256.desc()).limit(2)).scalars()
    with project.catalog.write() as connection:
        connection.execute(insert(pairs).values(pair(b, a)))


def other_recipe(project: Project) -> None:
    with project.catalog.write() as connection:
        connection.execute(update(triage).values(recipe="0" * 64))


@pytest.mark.parametrize(
    "change",
    [
        answer,
        erase_one,
        learn_a_name,
        lose_clusters,
        lose_questions,
        rename,
        lose_a_sighting,
        pair_earlier_ones,
        other_recipe,
    ],
)
def test_all_is_judged_anew_where_more_than_new_pictures_changed(
    asking: Project, earlier: Rows, change: Callable[[Project], None]
) -> None:
    change(asking)
    give(asking, earlier)
    assert n_judged(asking) == n_images(asking)
    assert n_judged(asking) == 0


def test_many_new_pictures_are_learned_from(bakery: Project) -> None:
    """More than a tenth: triage learns anew."""
    with bakery.catalog.read() as connection:
        some = connection.execute(select(images.c.sha256).order_by(images.c.sha256)).scalars().all()
    taken = take(bakery, some[: len(some) // 5])
    curate(bakery)
    give(bakery, taken)
    assert n_judged(bakery) == n_images(bakery)


def again(project: Project, sha256: str, **changes: Any) -> None:
    """A source shows a picture on another page."""
    with project.catalog.read() as connection:
        row = connection.execute(select(sightings).where(sightings.c.sha256 == sha256)).first()
    assert row
    with project.catalog.write() as connection:
        values = {**row._mapping, "id": None, "page_url": "https://other.example/", **changes}
        connection.execute(insert(sightings).values(values))


def newest_reason(project: Project, sha256: str) -> str:
    with project.catalog.read() as connection:
        reasons = select(decisions.c.reason).where(decisions.c.sha256 == sha256).order_by(decisions.c.id.desc())
        return str(connection.execute(reasons.limit(1)).scalar())


def test_what_sources_show_again_is_judged_again(asking: Project, earlier: Rows) -> None:
    """A picture that another page shows, and no other; if it claims another label, triage learns anew."""
    del earlier
    first, second = (row[0] for row in rows(asking, queue)[0][:2])
    again(asking, first)
    assert 1 <= n_judged(asking) < 10
    with asking.catalog.read() as connection:
        label = connection.execute(select(sightings.c.source_label).where(sightings.c.sha256 == second)).scalar()
    again(asking, second, source_label={"cake": "not_cake", "not_cake": "cake"}[str(label)])
    assert n_judged(asking) == n_images(asking)
    assert newest_reason(asking, second) == "sources say cake and not_cake"


def test_a_claim_that_ends_is_learned(asking: Project, earlier: Rows) -> None:
    del earlier
    sha256 = rows(asking, queue)[0][0][0]
    with asking.catalog.read() as connection:
        row = connection.execute(select(sightings).where(sightings.c.sha256 == sha256)).first()
    assert row
    ended = {"sha256": sha256, "source": row.source, "image_url": row.image_url, "label": "", "licence": ""}
    with asking.catalog.write() as connection:
        connection.execute(insert(claims).values({**ended, "creator": "", "asserted_at": row.seen_at}))
    assert n_judged(asking) == n_images(asking)
    assert newest_reason(asking, sha256) == "no source claims it any more"


def test_a_fold_stays_when_a_copy_gives_its_cluster_another_name(asking: Project) -> None:
    """In the second part as well: a model that has seen a picture never judges its copy."""
    first, second = rows(asking, pairs)[0][0][:2]
    taken = take(asking, [first])
    curate(asking)
    fold = stored_folds(asking)[second]
    give(asking, taken)
    curate(asking)
    again(asking, second)
    curate(asking)
    net = backbone(asking.settings.network)
    with asking.catalog.read() as connection:
        evidence = read_evidence(connection, net.name, asking.home)
    folds = dict(zip(evidence.clustering.sha256, fit.fold_numbers(evidence, stored_folds(asking)), strict=True))
    assert (folds[first], folds[second]) == (fold, fold)
    assert fit.fold_numbers(evidence, {first: fold, second: (fold + 1) % 5})[list(folds).index(first)] == -1


def stored_folds(project: Project) -> dict[str, int]:
    """The fold of each picture that models learned from."""
    return dict(Packed.read(stored(project).model).model({}, (), all_features(project)).fitted.taught)


def all_features(project: Project) -> dict[str, Any]:
    with project.catalog.read() as connection:
        names_of_all = [row[0] for row in rows(project, images)[0]]
        return features_of(connection, names_of_all, backbone(project.settings.network).name)


def test_a_copy_between_answers_is_learned(asking: Project) -> None:
    """It joins clusters that people answered about: who is trusted with what may change."""
    with asking.catalog.read() as connection:
        judged = sorted(connection.execute(select(judgements.c.sha256).distinct()).scalars())
        queued = connection.execute(select(queue.c.sha256).limit(1)).scalar_one()
    taken = take(asking, [queued])
    curate(asking)
    taken[pairs] = [pair(*sorted((queued, name))) for name in judged[:2]]
    give(asking, taken)
    assert n_judged(asking) == n_images(asking)


def test_every_label_has_a_say_in_a_large_library() -> None:
    """The sample has some of each; at its limit it is not halved."""
    evenly = fit._evenly(np.arange(10_001), 10_000)
    assert len(np.unique(evenly)) == 10_000
    assert fit._evenly(np.arange(50), 100).tolist() == list(range(50))


def test_a_small_library_keeps_nothing(bakery: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "KEPT_FROM", 10_000)
    curate(bakery)
    assert rows(bakery, triage) == [[]]
    assert n_judged(bakery) == n_images(bakery)


def test_a_picture_that_comes_while_new_ones_are_judged_is_not_lost(asking: Project, earlier: Rows) -> None:
    """Another process measured it meanwhile."""
    first = {table: of_table[:1] if table is not pairs else [] for table, of_table in earlier.items()}
    sha256 = first[images][0]["sha256"]
    first = {table: [row for row in earlier[table] if row.get("sha256") == sha256] for table in MEASURED}
    rest: Rows = {table: [row for row in earlier[table] if row not in first.get(table, [])] for table in earlier}
    give(asking, first)
    waiting = [lambda: give(asking, rest)]

    def interrupt(step: str, done: int, _total: int) -> None:
        if step == "triage" and done == 0 and waiting:
            waiting.pop()()

    curate(asking, interrupt)
    with asking.catalog.read() as connection:
        judged = set(connection.execute(select(clusters.c.sha256)).scalars())
    assert judged >= {row["sha256"] for row in earlier[images]}


def test_a_picture_that_is_erased_while_it_is_judged(asking: Project, earlier: Rows) -> None:
    give(asking, earlier)
    sha256 = earlier[images][0]["sha256"]
    waiting = [lambda: erase(asking, Selection(Kind.SHA256, sha256), "asked")]

    def interrupt(step: str, done: int, _total: int) -> None:
        if step == "triage" and done == 0 and waiting:
            waiting.pop()()

    curate(asking, interrupt)
    assert sha256 not in {row[0] for row in rows(asking, clusters)[0] + rows(asking, queue)[0]}
    assert len(rows(asking, clusters)[0]) == n_images(asking)


def test_a_library_without_pictures(bakery: Project) -> None:
    """Every picture is gone: nothing is kept, and nothing fails."""
    with bakery.catalog.read() as connection:
        every = list(connection.execute(select(images.c.sha256)).scalars())
    taken = take(bakery, every)
    assert n_judged(bakery) == 0
    assert rows(bakery, triage) == [[]]
    give(bakery, taken)
    assert n_judged(bakery) == n_images(bakery)
