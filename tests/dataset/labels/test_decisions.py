"""dataset.labels.decisions: from answers and sources to a label."""

import pytest

from dataset.labels.decisions import Answer, Decision, DecisionOrigin, decide, opine

CAKE, BOTH = frozenset({"cake"}), frozenset({"cake", "not_cake"})


@pytest.mark.parametrize(
    ("answers", "sources", "error_probability", "label", "origin"),
    [
        ([], CAKE, 0.1, "cake", "source"),
        ([], CAKE, 0.95, "set_aside", "detector"),
        ([], BOTH, 0.1, "set_aside", "source"),
        (["not_cake"], CAKE, 0.1, "not_cake", "human"),
        (["cake"], BOTH, 0.99, "cake", "human"),
        (["cake", "cake", "not_cake"], CAKE, 0.1, "cake", "consensus"),
        (["cake", "not_cake"], CAKE, 0.1, "unsure", "consensus"),
        (["unusable"], CAKE, 0.1, "unusable", "human"),
    ],
)
def test_people_come_before_sources_and_a_disagreement_excludes(
    answers: list[str], sources: frozenset[str], error_probability: float, label: str, origin: str
) -> None:
    opinions = opine({"c": [Answer(f"r{n}", a) for n, a in enumerate(answers)]} if answers else {})
    decision = decide(opinions.get("c"), sources, error_probability)
    assert (decision.label, decision.origin) == (label, origin)


def test_a_certain_finding_comes_before_sources_and_after_people() -> None:
    assert decide(None, CAKE, 0.1, "one colour") == Decision("unusable", DecisionOrigin.DETECTOR, "one colour")
    opinion = opine({"c": [Answer("ann", "cake")]})["c"]
    assert decide(opinion, CAKE, 0.1, "one colour").label == "cake"


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (["cake", "cake", "not_cake"], "2 of 3 answers"),
        (["cake", "not_cake"], "reviewers disagree: cake 1, not_cake 1"),
        (
            ["cake", "not_cake", "cake", "not_cake", "unsure"],
            "stopped after 5 answers that settle nothing: cake 2, not_cake 2, unsure 1",
        ),
    ],
)
def test_the_reason_counts_the_answers(answers: list[str], reason: str) -> None:
    opinion = opine({"c": [Answer(f"r{n}", a) for n, a in enumerate(answers)]})["c"]
    assert decide(opinion, CAKE, 0.0).reason == reason


@pytest.mark.parametrize(
    ("answers", "label", "settled", "open_", "stopped"),
    [
        (["cake"], "cake", True, False, False),
        (["unsure"], "unsure", True, False, False),  # a person says that nobody can tell
        (["cake", "not_cake"], "unsure", False, True, False),
        (["cake", "not_cake", "cake", "not_cake"], "unsure", False, True, False),
        (["cake", "not_cake", "cake", "not_cake", "unsure"], "unsure", False, False, True),
        (["cake", "not_cake", "cake", "not_cake", "unsure", "unsure"], "unsure", False, False, True),
        (["cake", "not_cake", "cake", "not_cake", "unsure", "cake", "cake"], "cake", True, False, False),
    ],
)
def test_a_picture_is_done_when_it_is_settled_or_has_enough_answers(
    answers: list[str], label: str, settled: bool, open_: bool, stopped: bool
) -> None:
    """An answer that comes after the stop still counts."""
    opinion = opine({"c": [Answer(f"r{n}", a) for n, a in enumerate(answers)]})["c"]
    assert (opinion.label, opinion.is_settled, opinion.is_open, opinion.is_stopped) == (label, settled, open_, stopped)


def test_a_final_answer_settles_a_stopped_picture() -> None:
    answers = [Answer(f"r{n}", a) for n, a in enumerate(["cake", "not_cake", "cake", "not_cake", "unsure"])]
    opinion = opine({"c": [*answers, Answer("judge", "not_cake", is_final=True)]})["c"]
    assert (opinion.label, opinion.is_settled) == ("not_cake", True)
