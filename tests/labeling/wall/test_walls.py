"""Walls in the catalog: leases, answers, confirmations, and what they are worth."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from dataset.catalog.tables import judgements, wall_pictures
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.labels import label_ledger
from dataset.labels.audit import sampled_answers
from dataset.names.rename import rename_label
from dataset.project import Project
from labeling.answer_files import export_answers, import_answers
from labeling.queue import next_items, status
from labeling.reviewers import reviewers, table_rows
from labeling.wall import walls
from labeling.wall.answers import Finished, NoSuchWall, confirm, reopen, tap
from labeling.wall.walls import LEASE, Wall, next_wall

NOW = datetime.now(UTC) - timedelta(hours=2)  # the fixtures' own answers were given before


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def rows(project: Project) -> list[tuple[str, str, str]]:
    """Reviewer, answer and origin of every row of the ledger that came from a wall."""
    with project.catalog.read() as connection:
        found = connection.execute(select(judgements).order_by(judgements.c.id)).all()
    return [(row.reviewer, row.answer, row.origin) for row in found if row.origin in ("wall", "confirmed")]


def wall_of(project: Project, reviewer: str, now: datetime = NOW, most: int = 12) -> Wall:
    wall = next_wall(project, reviewer, now, most)
    assert wall is not None
    return wall


def finish(project: Project, wall: Wall, odd: Mapping[int, str] | None = None, now: datetime = NOW) -> None:
    confirm(project, wall.reviewer, wall.id, Finished(odd or {}, seconds=30.0), now)


def test_a_reviewer_keeps_the_wall_until_it_ends(collected: Project) -> None:
    """The same pictures, also after the browser died, with what was tapped."""
    wall = wall_of(collected, "ann")
    tap(collected, "ann", (wall.id, 3), "unusable", ms(NOW), NOW)
    again = wall_of(collected, "ann", NOW + timedelta(minutes=10))
    assert (again.id, again.pictures) == (wall.id, wall.pictures)
    assert again.tapped == {3: "unusable"}


def test_a_page_that_is_opened_twice_at_once_shows_one_wall(
    collected: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one request chooses pictures, the other makes the wall: both get that one."""
    made: list[Wall] = []
    choose = walls._pick

    def overtaken(*arguments: Any) -> Any:
        picked = choose(*arguments)
        monkeypatch.setattr(walls, "_pick", choose)
        made.append(wall_of(collected, "ann"))
        return picked

    monkeypatch.setattr(walls, "_pick", overtaken)
    assert wall_of(collected, "ann") == made[0]


def test_two_reviewers_never_get_the_same_pictures(collected: Project) -> None:
    walls = [wall_of(collected, name) for name in ("ann", "bob")]
    assert not set(walls[0].pictures.values()) & set(walls[1].pictures.values())


def test_a_wall_that_was_left_is_given_to_others(collected: Project) -> None:
    """After the lease; its reviewer then gets another one, and is told that nothing of the first one is confirmed."""
    left = wall_of(collected, "ann")
    later = NOW + LEASE + timedelta(minutes=1)
    others = wall_of(collected, "bob", later)
    assert set(left.pictures.values()) & set(others.pictures.values())
    assert wall_of(collected, "ann", later).id != left.id
    with pytest.raises(NoSuchWall, match="others have its pictures"):
        finish(collected, left, now=later)
    assert rows(collected) == []


def test_answers_sent_twice_or_late_change_nothing(collected: Project) -> None:
    """The later one of two answers holds, in whatever order they arrive."""
    wall = wall_of(collected, "ann")
    for at, answer in ((2000, "unusable"), (1000, "unsure"), (2000, "unusable")):
        tap(collected, "ann", (wall.id, 0), answer, ms(NOW) + at, NOW + timedelta(seconds=9))
    assert [answer for _, answer, _ in rows(collected)] == ["unusable", "unsure"]
    assert wall_of(collected, "ann").tapped == {0: "unusable"}


def test_a_confirmed_wall_is_evidence_and_no_answers(collected: Project) -> None:
    """It settles labels, but is counted, exported and measured apart from answers."""
    wall = wall_of(collected, "ann")
    finish(collected, wall, {0: "unusable"})
    finish(collected, wall, {0: "unusable", 1: "unsure"})  # again: nothing changes
    assert [origin for _, _, origin in rows(collected)].count("confirmed") == len(wall.pictures) - 1
    label_ledger.settle_answers(collected.catalog, NOW)
    with collected.catalog.read() as connection:
        decided = label_ledger.latest(connection)
        opinions = label_ledger.opinions_of(connection)
    assert decided[wall.pictures[0]].label == "unusable"
    second = decided[wall.pictures[1]]
    assert (second.label, second.reason) == (wall.label, "1 of 1 answers, 1 of them confirmed on walls")
    assert all(opinion.probability < 0.99 for opinion in opinions.values())
    state = status(collected)
    assert (state.judgements, state.confirmed) == (1, len(wall.pictures) - 1)
    assert export_answers(collected, collected.home / "answers.csv") == 1
    header, table = table_rows(reviewers(collected))
    assert header[-2] == "misses on walls"
    assert len(table[0]) == len(header)
    assert reviewers(collected).reviewers[0].confirmed == len(wall.pictures) - 1


def test_confirming_does_not_replace_what_was_said_alone(collected: Project) -> None:
    """A known odd picture that its own reviewer misses on a wall keeps its answer."""
    sha256 = next_items(collected, 1)[0]["sha256"]
    path = collected.home / "a.csv"
    path.write_text(f"sha256,label,reviewer\n{sha256},unusable,ann\n")
    import_answers(collected, path)
    with collected.catalog.write() as connection:
        from dataset.catalog.writes import append

        append(connection, judgements, [
            {"sha256": sha256, "reviewer": "ann", "answer": "cake", "answered_at": datetime.now(UTC),
             "origin": "confirmed", "external_id": "w/1@1", "recorded_at": datetime.now(UTC)}])  # fmt: skip
        answers = label_ledger.newest_answers(connection)
    assert [[a.answer for a in given] for given in answers.values()] == [["unusable"]]


def test_the_audit_waits_for_answers_about_pictures_alone(collected: Project) -> None:
    """Confirmed pictures of the sample do not count: the ones that were missed would make the error look small."""
    seen: set[str] = set()
    while (wall := next_wall(collected, "ann", NOW)) is not None and not wall.is_alone:
        finish(collected, wall)
        seen |= set(wall.pictures.values())
    with collected.catalog.read() as connection:
        sampled = set(
            connection.execute(select(wall_pictures.c.sha256).where(wall_pictures.c.purpose == "audit")).scalars()
        )
        assert sampled & seen
        assert sampled_answers(connection) == frozenset()
    assert next_items(collected, 5, of_audit=True)


def test_after_a_wall_come_pictures_alone(collected: Project) -> None:
    """No label is shown with them, and each answer counts."""
    finish(collected, wall_of(collected, "ann"))
    alone = wall_of(collected, "ann")
    assert alone.is_alone
    finish(collected, alone, dict.fromkeys(alone.pictures, "cake"))
    assert [origin for _, _, origin in rows(collected)].count("wall") == len(alone.pictures)
    assert wall_of(collected, "ann").id != alone.id


def test_a_tap_and_a_wall_can_be_taken_back(collected: Project) -> None:
    wall = wall_of(collected, "ann")
    tap(collected, "ann", (wall.id, 0), "unusable", ms(NOW), NOW)
    tap(collected, "ann", (wall.id, 0), "", ms(NOW) + 5, NOW + timedelta(seconds=1))
    assert wall_of(collected, "ann").tapped == {}
    finish(collected, wall, {1: "unusable"}, NOW + timedelta(seconds=2))
    with collected.catalog.read() as connection:
        assert len(label_ledger.newest_answers(connection)) == len(wall.pictures)
    reopen(collected, "ann", wall.id, NOW + timedelta(seconds=3))
    again = wall_of(collected, "ann", NOW + timedelta(seconds=4))
    assert (again.id, again.tapped) == (wall.id, {1: "unusable"})
    with collected.catalog.read() as connection:
        assert len(label_ledger.newest_answers(connection)) == 1


def test_unseen_pictures_are_not_confirmed(collected: Project) -> None:
    wall = wall_of(collected, "ann")
    done = confirm(collected, "ann", wall.id, Finished(odd={0: "unusable"}, unseen=[2, 3]), NOW)
    assert (done.confirmed, done.odd) == (len(wall.pictures) - 3, 1)
    assert confirm(collected, "ann", wall.id, Finished(), NOW) == done
    with collected.catalog.read() as connection:
        answered = set(connection.execute(select(judgements.c.sha256)).scalars())
    assert not {wall.pictures[2], wall.pictures[3]} & answered


def test_only_its_reviewer_answers_on_a_wall(collected: Project) -> None:
    wall = wall_of(collected, "ann")
    for place, answer in (((wall.id, 0), "unusable"), (("0" * 16, 0), "cake")):
        with pytest.raises(NoSuchWall):
            tap(collected, "bob", place, answer, ms(NOW), NOW)
    for place, answer in (((wall.id, 999), "cake"), ((wall.id, 0), "other")):
        with pytest.raises(NoSuchWall):
            tap(collected, "ann", place, answer, ms(NOW), NOW)
    with pytest.raises(NoSuchWall):
        confirm(collected, "bob", wall.id, Finished(), NOW)
    with pytest.raises(NoSuchWall):
        reopen(collected, "ann", wall.id, NOW)


def test_a_second_look_is_at_what_others_confirmed(collected: Project) -> None:
    first = wall_of(collected, "ann")
    finish(collected, first)
    second = next_wall(collected, "bob", NOW, is_second=True)
    assert second is not None
    assert set(second.pictures.values()) <= set(first.pictures.values())
    assert next_wall(collected, "ann", NOW, is_second=True) is None


def test_an_erased_picture_leaves_the_walls(collected: Project) -> None:
    wall = wall_of(collected, "ann")
    erase(collected, Selection(Kind.SHA256, wall.pictures[0]), "asked")
    again = wall_of(collected, "ann")
    assert 0 not in again.pictures
    finish(collected, again)


def test_a_renamed_label_is_renamed_on_walls(collected: Project) -> None:
    wall = wall_of(collected, "ann")
    rename_label(collected, wall.label, "gateau")
    assert wall_of(collected, "ann").label == "gateau"


def test_a_known_picture_that_is_confirmed_reopens_nothing(collected: Project) -> None:
    """It tests its reviewer: the miss is measured, and the label stays settled."""
    items = next_items(collected, 100)
    labels = {item["source_label"] for item in items}
    names = [i["sha256"] for label in labels for i in [i for i in items if i["source_label"] == label][:3]]
    path = collected.home / "known.csv"
    path.write_text("\n".join(["sha256,label,reviewer", *(f"{name},unusable,expert" for name in names)]) + "\n")
    import_answers(collected, path)
    wall = wall_of(collected, "ann")
    finish(collected, wall)
    hidden = set(wall.pictures.values()) & set(names)
    assert hidden
    with collected.catalog.read() as connection:
        opinions = label_ledger.opinions_of(connection)
        cluster_of = label_ledger.clusters_by_image(connection)
    assert all(not opinions[cluster_of[name]].is_open for name in hidden)
    measured = next(one for one in reviewers(collected).reviewers if one.reviewer == "ann")
    assert measured.misses is not None
    assert measured.misses > 0.1  # more than a new reviewer is assumed to miss
