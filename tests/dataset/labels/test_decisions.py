"""From answers and sources to a label."""

import pytest

from dataset.labels.decisions import Answer, decide, opine

CAKE, BOTH = frozenset({"cake"}), frozenset({"cake", "not_cake"})


@pytest.mark.parametrize(
    ("answers", "sources", "doubt", "label", "origin"),
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
def test_decide(answers: list[str], sources: frozenset[str], doubt: float, label: str, origin: str) -> None:
    """People come before sources; who disagrees keeps a picture out."""
    decision = decide(
        opine({"c": [Answer(f"r{n}", a) for n, a in enumerate(answers)]}).get("c") if answers else None, sources, doubt
    )
    assert (decision.label, decision.origin) == (label, origin)
