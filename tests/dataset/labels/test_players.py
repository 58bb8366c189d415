"""dataset.labels.players: weights of players, their agreements, and what they object to in a catalog."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dataset.catalog.engine import Catalog
from dataset.catalog.tables import clusters, judgements, plays
from dataset.catalog.writes import append
from dataset.labels.players import Agreement, Play, agreements, objections, reliability

NOW = datetime(2026, 11, 24, tzinfo=UTC)
IMAGE = "ab" * 32


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """A catalog with one image in a cluster of its own."""
    opened = Catalog("sqlite", tmp_path)
    with opened.write() as connection:
        append(connection, clusters, [{"sha256": IMAGE, "cluster": IMAGE, "representative": IMAGE}])
    yield opened
    opened.close()


def played(answers: list[str], label: str = "cake", model: str = "", at: datetime = NOW) -> list[dict[str, object]]:
    return [
        {"round": f"r{at:%H%M}-{n}", "slot": 0, "player": f"p{n}", "sha256": IMAGE, "version": "v", "label": label,
         "answer": answer, "model_answer": model, "played_at": at}
        for n, answer in enumerate(answers)
    ]  # fmt: skip


def judged(at: datetime) -> dict[str, object]:
    return {"sha256": IMAGE, "reviewer": "ann", "answer": "cake", "answered_at": at, "origin": "import",
            "external_id": "1", "recorded_at": at}  # fmt: skip


def test_a_new_player_is_right_three_times_in_five() -> None:
    """Answers about pictures without a known label change nothing."""
    assert reliability([Play("new", "a", "cake", "not_cake", False)] * 9) == {"new": 0.6}


def test_known_pictures_measure_a_player() -> None:
    plays_ = [Play("good", f"k{n}", "cake", "cake", True) for n in range(5)]
    plays_ += [Play("bad", f"k{n}", "not_cake", "cake", True) for n in range(5)]
    assert reliability(plays_) == {"good": 0.8, "bad": 0.3}


def test_three_reliable_players_agree() -> None:
    answers = [Play(player, "x", "cake", "not_cake", False) for player in "abc"]
    assert agreements(answers, dict.fromkeys("abc", 0.8)) == {"x": Agreement("cake", 1.0, 3, 3)}


@pytest.mark.parametrize(
    ("answers", "weights"),
    [
        ({"a": "cake", "b": "cake"}, {"a": 0.8, "b": 0.8}),  # two players are too few
        ({"a": "cake", "b": "cake", "c": "cake"}, {}),  # players of unknown reliability have no weight
        ({"a": "cake", "b": "cake", "c": "cake"}, dict.fromkeys("abc", 0.4)),  # often wrong: no weight, not a hint
        ({"a": "cake", "b": "cake", "c": "no", "d": "no"}, dict.fromkeys("abcd", 0.8)),  # half is no agreement
    ],
)
def test_there_is_no_agreement(answers: dict[str, str], weights: dict[str, float]) -> None:
    assert agreements([Play(p, "x", a, "no", False) for p, a in answers.items()], weights) == {}


def test_only_the_last_answer_of_a_player_counts() -> None:
    answers = [Play("a", "x", "no", "no", False), *(Play(player, "x", "cake", "no", False) for player in "abc")]
    assert agreements(answers, dict.fromkeys("abc", 0.8))["x"].votes == 3


def test_the_weight_of_one_player_is_limited() -> None:
    """A player who is nearly always right cannot outvote three good ones."""
    answers = [Play("star", "x", "no", "no", False), *(Play(player, "x", "cake", "no", False) for player in "abc")]
    agreed = agreements(answers, {"star": 0.9999, **dict.fromkeys("abc", 0.8)})
    assert agreed["x"].answer == "cake"


def test_players_object_to_a_label(catalog: Catalog) -> None:
    with catalog.write() as connection:
        append(connection, plays, played(["not_cake"] * 4))
        objection = objections(connection)[IMAGE]
    assert objection.is_dissent
    assert objection.reason == "players: 4 of 4 say not_cake"


def test_players_object_to_the_answer_of_a_model(catalog: Catalog) -> None:
    with catalog.write() as connection:
        append(connection, plays, played(["cake"] * 4, model="not_cake"))
        objection = objections(connection)[IMAGE]
    assert not objection.is_dissent
    assert objection.reason == "players: 4 of 4 say cake, and the model says not_cake"


def test_players_who_agree_with_label_and_model_object_to_nothing(catalog: Catalog) -> None:
    with catalog.write() as connection:
        append(connection, plays, played(["cake"] * 4, model="cake"))
        assert objections(connection) == {}


def test_answers_before_the_last_judgement_do_not_count(catalog: Catalog) -> None:
    """The reviewer has seen the objection and has answered it."""
    with catalog.write() as connection:
        append(connection, plays, played(["not_cake"] * 4))
        append(connection, judgements, [judged(NOW + timedelta(hours=1))])
        assert objections(connection) == {}
