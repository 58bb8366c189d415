"""All pictures are judged anew where triage would learn something else."""

from collections.abc import Callable

import pytest
from parts import Rows, give, n_images, n_judged, newest_reason, pair, rows, take
from sqlalchemy import delete, func, insert, select, update

from dataset.catalog.tables import (
    claims,
    clusters,
    images,
    judgements,
    names,
    pairs,
    queue,
    sightings,
    triage,
)
from dataset.curate import curate
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.project import Project
from dataset.suspicion.kept import reading
from labeling.answer_files import import_answers


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


def test_a_small_library_keeps_nothing(bakery: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "KEPT_FROM", 10_000)
    curate(bakery)
    assert rows(bakery, triage) == [[]]
    assert n_judged(bakery) == n_images(bakery)


def test_a_library_without_pictures(bakery: Project) -> None:
    """Every picture is gone: nothing is kept, and nothing fails."""
    with bakery.catalog.read() as connection:
        every = list(connection.execute(select(images.c.sha256)).scalars())
    taken = take(bakery, every)
    assert n_judged(bakery) == 0
    assert rows(bakery, triage) == [[]]
    give(bakery, taken)
    assert n_judged(bakery) == n_images(bakery)
