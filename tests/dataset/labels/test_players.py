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
    """A catalog with one image in a cluster of its own, and twenty whose label is known."""
    opened = Catalog("sqlite", tmp_path)
    with opened.write() as connection:
        of_known, judgements_ = known(20)
        append(connection, clusters, [{"sha256": IMAGE, "cluster": IMAGE, "representative": IMAGE}, *of_known])
        append(connection, judgements, judgements_)
    yield opened
    opened.close()


def played(answers: list[str], model: str = "", network: str = "") -> list[dict[str, object]]:
    return [
        {"round": f"r{n}", "slot": 0, "player": player(n, network), "sha256": IMAGE, "version": "v",
         "label": "cake", "answer": answer, "model_answer": model, "played_at": NOW}
        for n, answer in enumerate(answers)
    ]  # fmt: skip


def proven(count: int, right: int = 8, wrong: int = 0, network: str = "") -> list[dict[str, object]]:
    """Answers of the first players about pictures that reviewers judged. network: four digits of their ids."""
    return [
        {"round": f"k{n}", "slot": slot, "player": player(n, network), "sha256": f"{slot:064x}", "version": "v",
         "label": "cake", "answer": "cake" if slot < right else "not_cake", "model_answer": "", "played_at": NOW}
        for n in range(count) for slot in range(right + wrong)
    ]  # fmt: skip


def player(number: int, network: str = "") -> str:
    return f"{number:020x}{network}{0:08x}" if network else f"p{number}"


def known(count: int) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Clusters and judgements of pictures whose label is known."""
    shas = [f"{slot:064x}" for slot in range(count)]
    return (
        [{"sha256": sha256, "cluster": sha256, "representative": sha256} for sha256 in shas],
        [{**judged(NOW), "sha256": sha256, "external_id": sha256} for sha256 in shas],
    )


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
        append(connection, plays, proven(4) + played(["not_cake"] * 4))
        objection = objections(connection)[IMAGE]
    assert objection.is_dissent
    assert objection.reason == "players: 4 of 4 say not_cake"


def test_players_object_to_the_answer_of_a_model(catalog: Catalog) -> None:
    with catalog.write() as connection:
        append(connection, plays, proven(4) + played(["cake"] * 4, model="not_cake"))
        objection = objections(connection)[IMAGE]
    assert not objection.is_dissent
    assert objection.reason == "players: 4 of 4 say cake, and the model says not_cake"


def test_players_who_agree_with_label_and_model_object_to_nothing(catalog: Catalog) -> None:
    with catalog.write() as connection:
        append(connection, plays, proven(4) + played(["cake"] * 4, model="cake"))
        assert objections(connection) == {}


def test_answers_before_the_last_judgement_do_not_count(catalog: Catalog) -> None:
    """The reviewer has seen the objection and has answered it."""
    with catalog.write() as connection:
        append(connection, plays, proven(4) + played(["not_cake"] * 4))
        append(connection, judgements, [judged(NOW + timedelta(hours=1))])
        assert objections(connection) == {}


@pytest.mark.parametrize(
    ("right", "wrong", "has_say"),
    [
        (0, 0, False),  # invented a moment ago
        (7, 0, False),
        (8, 0, True),
        (7, 1, True),  # guesses do as well once in 28 times
        (6, 2, False),  # once in 7 times
        (0, 20, False),
        (10, 10, False),
        (15, 5, True),
    ],
)
def test_only_players_with_evidence_have_a_say(catalog: Catalog, right: int, wrong: int, has_say: bool) -> None:
    """Security 32: anybody can invent players; right answers about pictures that reviewers judged take some play."""
    with catalog.write() as connection:
        append(connection, plays, proven(6, right, wrong) + played(["not_cake"] * 6))
        assert bool(objections(connection)) is has_say


def test_the_first_answer_about_a_known_picture_is_the_evidence(catalog: Catalog) -> None:
    """Security 32: the truth comes after it, and may be repeated as often as one likes."""
    again = [
        {**play, "round": f"again-{n}-{play['round']}", "answer": "cake"}
        for n in range(20) for play in proven(6, 1, 3)
    ]  # fmt: skip
    with catalog.write() as connection:
        append(connection, plays, proven(6, 1, 3) + again + played(["not_cake"] * 6))
        assert objections(connection) == {}


def test_many_players_of_one_network_are_few_voices(catalog: Catalog) -> None:
    """Security 32: fifty players with evidence from one address decide nothing; with one of another they do."""
    with catalog.write() as connection:
        append(connection, plays, proven(50, network="abcd") + played(["not_cake"] * 50, network="abcd"))
        assert objections(connection) == {}
        elsewhere = [*proven(1, network="0123"), *played(["not_cake"], network="0123")]
        append(connection, plays, [{**play, "round": f"{play['round']}-elsewhere"} for play in elsewhere])
        assert objections(connection)[IMAGE].reason == "players: 3 of 3 say not_cake"
