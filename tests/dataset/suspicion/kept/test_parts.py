"""Triage of what is new alone: as if all were judged with what triage learned; and all anew where that changed.

Also tests dataset/suspicion/fitted/packed.py.
"""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from parts import MEASURED, NEW, Rows, again, give, judged_by, n_images, n_judged, newest_reason, rows, stored, take
from sqlalchemy import select

from dataset.catalog.tables import (
    clusters,
    decisions,
    findings,
    images,
    pairs,
    queue,
    sightings,
)
from dataset.curate import curate
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.project import Project
from dataset.suspicion.evidence import read_evidence
from dataset.suspicion.fitted import fit
from dataset.suspicion.fitted.packed import Packed, packed
from dataset.suspicion.variety import features_of
from networks.backbone import backbone

DERIVED = (clusters, findings, queue)


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


def test_every_label_has_a_say_in_a_large_library() -> None:
    """The sample has some of each; at its limit it is not halved."""
    evenly = fit._evenly(np.arange(10_001), 10_000)
    assert len(np.unique(evenly)) == 10_000
    assert fit._evenly(np.arange(50), 100).tolist() == list(range(50))


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
