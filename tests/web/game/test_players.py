"""What the answers of players change in the review queue: dataset/labels/players.py on a published project."""

from datetime import UTC, datetime

import pytest

from dataset.catalog.tables import judgements, plays
from dataset.catalog.writes import append
from dataset.curate import curate
from dataset.labels.players import Play, agreements, network, objections, reliability
from dataset.project import Project
from dataset.versions import published
from labeling.queue import next_items
from web.game.plays import PlayerIds


def test_a_picture_that_most_players_disagree_about_is_asked_first(bakery: Project) -> None:
    """Five players disagree with a label: its picture is the first of the queue, with the reason. The label stays.

    Once a person has answered, the picture leaves the queue.
    """
    version = published.newest(bakery.home)
    assert version is not None
    rows = [row for row in version.rows() if row.split != "train"]
    wrong = rows[0]
    other = next(label for label in version.labels if label != wrong.label)
    with bakery.catalog.write() as connection:
        known = [
            {"round": f"r{player}", "slot": slot, "player": f"p{player}", "sha256": row.sha256, "label": row.label,
             "version": version.name, "answer": row.label, "played_at": datetime.now(UTC)}
            for player in range(5) for slot, row in enumerate(rows[1:9])
        ]  # fmt: skip
        dissent = [
            {"round": f"r{player}", "slot": 20, "player": f"p{player}", "sha256": wrong.sha256, "label": wrong.label,
             "version": version.name, "answer": other, "played_at": datetime.now(UTC)}
            for player in range(5)
        ]  # fmt: skip
        append(connection, plays, known + dissent)
        assert [mind.answer for mind in objections(connection).values()] == [other]
    curate(bakery)
    (first, *_) = next_items(bakery, 3)
    assert first["sha256"] == wrong.sha256
    assert first["suggested_label"] == other
    assert first["reasons"][0] == f"players: 5 of 5 say {other}"
    with bakery.catalog.write() as connection:
        append(connection, judgements, [
            {"sha256": wrong.sha256, "reviewer": "ann", "answer": wrong.label, "answered_at": datetime.now(UTC),
             "origin": "import", "external_id": "again", "recorded_at": datetime.now(UTC)}])  # fmt: skip
    curate(bakery)
    assert wrong.sha256 not in {item["sha256"] for item in next_items(bakery, 10)}


def test_players_who_beat_the_model_bring_a_picture_forward(bakery: Project) -> None:
    """They agree with a label that no reviewer confirmed, and the default model does not."""
    version = published.newest(bakery.home)
    assert version is not None
    row, *known = (row for row in version.rows() if row.split == "test")
    other = next(label for label in version.labels if label != row.label)
    with bakery.catalog.write() as connection:
        connection.execute(judgements.delete().where(judgements.c.sha256 == row.sha256))
        append(connection, plays, [
            {"round": f"k{n}", "slot": slot, "player": f"p{n}", "sha256": k.sha256, "label": k.label, "version": "v",
             "answer": k.label, "played_at": datetime.now(UTC)}
            for n in range(4) for slot, k in enumerate(known[:8])])  # fmt: skip
        append(connection, plays, [
            {"round": f"r{n}", "slot": 0, "player": f"p{n}", "sha256": row.sha256, "label": row.label, "version": "v",
             "answer": row.label, "model_answer": other, "played_at": datetime.now(UTC)}
            for n in range(4)])  # fmt: skip
    curate(bakery)
    (first, *_) = next_items(bakery, 1)
    assert first["sha256"] == row.sha256
    assert first["reasons"][0] == f"players: 4 of 4 say {row.label}, and the model says {other}"


def test_players_weigh_what_they_get_right() -> None:
    """Players who are wrong on known pictures decide nothing, and one player who answers five times counts once."""
    known = [Play("bad", f"k{n}", "a", "b", True) for n in range(8)]
    known += [Play("good", f"k{n}", "b", "b", True) for n in range(8)]
    worth = reliability(known)
    assert worth["bad"] < 0.5 < worth["good"]
    votes = [Play(player, "x", "a", "b", False) for player in ("bad", "bad2", "bad3")]
    assert agreements(votes, dict.fromkeys(("bad", "bad2", "bad3"), worth["bad"])) == {}
    assert agreements([Play("good", "x", "a", "b", False)] * 5, worth) == {}


@pytest.mark.parametrize("networks", [1, 6])
def test_invented_players_move_nothing_in_the_queue(bakery: Project, networks: int) -> None:
    """Security 32: six new players contradict labels that nobody judged; the queue stays, wherever they come from."""
    version = published.newest(bakery.home)
    assert version is not None
    rows = version.rows()[::7]
    with bakery.catalog.write() as connection:
        connection.execute(judgements.delete().where(judgements.c.sha256.in_([row.sha256 for row in rows])))
    curate(bakery)
    before = [item["sha256"] for item in next_items(bakery, 1000)]
    wrong = {label: next(other for other in version.labels if other != label) for label in version.labels}
    with bakery.catalog.write() as connection:
        append(connection, plays, [
            {"round": f"r{n}", "slot": slot, "player": f"{n:020x}{n % networks:04x}{n:08x}", "sha256": row.sha256,
             "label": row.label, "version": version.name, "answer": wrong[row.label],
             "played_at": datetime.now(UTC)}
            for n in range(6) for slot, row in enumerate(rows)])  # fmt: skip
        assert objections(connection) == {}
    curate(bakery)
    assert [item["sha256"] for item in next_items(bakery, 1000)] == before


def test_ids_of_players_cannot_be_made_up() -> None:
    """Security 32: a browser cannot choose its network, and an id tells no address."""
    ids, others = PlayerIds(b"key"), PlayerIds(b"other key")
    one, same, other = ids.new("192.0.2.1"), ids.new("192.0.2.1"), ids.new("192.0.2.2")
    assert one != same
    assert network(one) == network(same) != network(other)
    assert all(ids.is_ours(player) for player in (one, same, other))
    made_up = [one[:20] + other[20:], "0" * 32, one[:-1] + "x", others.new("192.0.2.1"), "", "é" * 32]
    assert not any(ids.is_ours(player) for player in made_up)
    assert network(others.new("192.0.2.1")) != network(one)
