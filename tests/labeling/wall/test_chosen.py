"""Walls of pictures that a reviewer chose on the map: they decide labels, and never count as the audit."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from dataset.catalog.tables import audit, clusters, judgements, quarantined, queue, wall_pictures, walls
from dataset.catalog.writes import append
from dataset.labels import label_ledger
from dataset.labels.audit import not_reached, residual, sampled_answers
from dataset.project import Project
from labeling.answer_files import import_answers
from labeling.wall.answers import Finished, confirm
from labeling.wall.chosen import walls_of
from labeling.wall.walls import MOST_PICTURES, Wall, next_wall

NOW = datetime.now(UTC) - timedelta(hours=2)


@pytest.fixture
def unsampled(collected: Project) -> Project:
    """A project without an audit sample, whose queue doubts the sources a little."""
    with collected.catalog.write() as connection:
        connection.execute(audit.delete())
        connection.execute(update(queue).values(error_probability=0.1))
    return collected


def claimed(project: Project, label: str) -> list[str]:
    """Representatives that are decided to be this."""
    with project.catalog.read() as connection:
        decided = label_ledger.latest(connection)
        names = sorted(set(connection.execute(select(clusters.c.representative)).scalars()))
    return [name for name in names if decided[name].label == label]


def shown(project: Project, reviewer: str, now: datetime = NOW) -> Wall:
    wall = next_wall(project, reviewer, now)
    assert wall is not None
    return wall


def answered(project: Project, names: Sequence[str], label: str, reviewer: str) -> None:
    path = project.home / "answers.csv"
    path.write_text("\n".join(["sha256,label,reviewer", *(f"{name},{label},{reviewer}" for name in names)]) + "\n")
    import_answers(project, path)


def test_the_chosen_pictures_are_a_wall_of_their_reviewer_alone(unsampled: Project) -> None:
    names = claimed(unsampled, "cake")[:5]
    made = walls_of(unsampled, "ann", names, NOW)
    assert (made.walls, made.pictures, made.missing) == (1, 5, 0)
    wall = shown(unsampled, "ann")
    assert set(names) <= set(wall.pictures.values())
    assert wall.label == "cake"
    others = shown(unsampled, "bob")
    assert not set(names) & set(others.pictures.values())
    taken = walls_of(unsampled, "bob", names, NOW)
    assert (taken.walls, taken.taken) == (0, 5)


def test_each_label_has_a_wall_of_its_own_and_the_largest_comes_first(unsampled: Project) -> None:
    cakes, others = claimed(unsampled, "cake")[:5], claimed(unsampled, "not_cake")[:3]
    made = walls_of(unsampled, "ann", [*others, *cakes], NOW)
    assert (made.walls, made.pictures) == (2, 8)
    first = shown(unsampled, "ann")
    assert first.label == "cake"
    confirm(unsampled, "ann", first.id, Finished(), NOW)
    second = shown(unsampled, "ann")
    assert (second.label, set(others) <= set(second.pictures.values())) == ("not_cake", True)


def test_pictures_with_a_known_answer_are_hidden_among_them(unsampled: Project) -> None:
    """They look like the label of the wall, and measure what is missed there, too."""
    odd, names = claimed(unsampled, "cake")[:2], claimed(unsampled, "cake")[2:8]
    for reviewer in ("bob", "carl"):
        answered(unsampled, odd, "not_cake", reviewer)
    made = walls_of(unsampled, "ann", names, NOW)
    assert made.pictures == 6
    wall = shown(unsampled, "ann")
    assert set(wall.pictures.values()) == {*odd, *names}
    with unsampled.catalog.read() as connection:
        purposes = dict(connection.execute(select(wall_pictures.c.sha256, wall_pictures.c.purpose)).all())
    assert {purposes[name] for name in odd} == {"gold"}
    assert {purposes[name] for name in names} == {"chosen"}


def test_pictures_that_the_audit_waits_for_are_left_out(unsampled: Project) -> None:
    """Their answers must not follow from a map that shows what the program suspects."""
    names = claimed(unsampled, "cake")[:6]
    with unsampled.catalog.write() as connection:
        append(connection, audit, [
            {"sha256": name, "ticket": f"{place:016x}", "label": "cake", "drawn_at": NOW}
            for place, name in enumerate(names[:2])
        ])  # fmt: skip
    made = walls_of(unsampled, "ann", names, NOW)
    assert (made.pictures, made.waiting) == (4, 2)
    assert not set(names[:2]) & set(shown(unsampled, "ann").pictures.values())


def test_answers_of_a_chosen_wall_are_no_random_ones(unsampled: Project) -> None:
    """Drawn into the sample afterwards, they count with their label; for what the queue has not reached they do not."""
    names = claimed(unsampled, "cake")[:6]
    walls_of(unsampled, "ann", names, NOW)
    wall = shown(unsampled, "ann")
    confirm(unsampled, "ann", wall.id, Finished(dict.fromkeys(wall.pictures, "not_cake")), NOW)
    with unsampled.catalog.write() as connection:
        append(connection, audit, [
            {"sha256": name, "ticket": f"{place:016x}", "label": "not_cake", "drawn_at": NOW}
            for place, name in enumerate(names)
        ])  # fmt: skip
    with unsampled.catalog.read() as connection:
        cluster_of = label_ledger.clusters_by_image(connection)
        assert len(sampled_answers(connection, cluster_of)) == 6
        assert not_reached(connection, cluster_of) == frozenset()


def test_confirmed_ones_are_no_answers_of_the_audit(unsampled: Project) -> None:
    names = claimed(unsampled, "cake")[:4]
    walls_of(unsampled, "ann", names, NOW)
    confirm(unsampled, "ann", shown(unsampled, "ann").id, Finished(), NOW)
    with unsampled.catalog.write() as connection:
        append(connection, audit, [
            {"sha256": name, "ticket": f"{place:016x}", "label": "cake", "drawn_at": NOW}
            for place, name in enumerate(names)
        ])  # fmt: skip
    with unsampled.catalog.read() as connection:
        assert residual(connection) is None


def test_what_people_decided_is_the_label_of_the_wall(unsampled: Project) -> None:
    """Not what sources claim."""
    names = claimed(unsampled, "cake")[:3]
    for reviewer in ("bob", "carl"):
        answered(unsampled, names, "not_cake", reviewer)
    label_ledger.settle_answers(unsampled.catalog, NOW)
    walls_of(unsampled, "ann", names, NOW)
    assert shown(unsampled, "ann").label == "not_cake"


def test_what_cannot_be_asked_is_counted(unsampled: Project) -> None:
    """A picture without a usable original, and one that nobody knows; copies are asked about once."""
    names = claimed(unsampled, "cake")[:4]
    with unsampled.catalog.write() as connection:
        append(connection, quarantined, [{"sha256": names[0], "reason": "missing", "found_at": NOW}])
    made = walls_of(unsampled, "ann", [*names, "0" * 64], NOW)
    assert (made.pictures, made.missing) == (3, 2)
    nothing = walls_of(unsampled, "bob", ["0" * 64], NOW)
    assert (nothing.walls, nothing.missing) == (0, 1)


def test_a_wall_holds_no_more_than_a_hundred_chosen_ones(bakery: Project) -> None:
    with bakery.catalog.write() as connection:
        for table in (audit, judgements, walls):
            connection.execute(table.delete())
        names = sorted(set(connection.execute(select(clusters.c.representative)).scalars()))
    assert len(names) > MOST_PICTURES
    assert walls_of(bakery, "ann", names, NOW).pictures <= MOST_PICTURES
