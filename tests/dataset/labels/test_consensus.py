"""What several people say together."""

import random
from collections import Counter

import numpy as np
import pytest

from dataset.labels.consensus import SETTLED, Vote, consensus

ANSWERS = ("cake", "not_cake", "unusable", "unsure")


def test_one_answer_settles_and_two_that_differ_do_not() -> None:
    alone = consensus([Vote("a", "ann", "cake"), *(Vote(f"x{n}", "ann", "not_cake") for n in range(300))])
    assert alone.best("a") == ("cake", pytest.approx(0.95))  # type: ignore[comparison-overlap]
    assert alone.best("a")[1] > SETTLED
    split = consensus([Vote("a", "ann", "cake"), Vote("a", "bob", "not_cake")])
    assert split.best("a")[1] == pytest.approx(0.5)
    third = consensus([Vote("a", "ann", "cake"), Vote("a", "bob", "not_cake"), Vote("a", "eve", "cake")])
    assert third.best("a")[0] == "cake"
    assert third.best("a")[1] > SETTLED
    assert consensus([]).posteriors == {}


def test_known_answers_show_who_is_careless() -> None:
    """A person who is wrong on half of the gold settles nothing alone."""
    gold = {f"g{n}": "cake" for n in range(40)}
    votes = [Vote(item, "ann", "cake") for item in gold]
    votes += [Vote(item, "bob", "cake" if n % 2 else "not_cake") for n, item in enumerate(gold)]
    found = consensus([*votes, Vote("a", "ann", "cake"), Vote("b", "bob", "cake")], gold)
    assert found.accuracy("ann") > 0.95
    assert found.accuracy("bob") < 0.7
    assert found.best("a")[1] > SETTLED > found.best("b")[1]


def test_better_than_the_majority_and_than_everybody() -> None:
    """Twenty made-up teams of three, one careless: mean accuracy."""
    scores = []
    for seed in range(20):
        rng = random.Random(seed)
        truth = {f"i{n}": rng.choices(ANSWERS, [0.6, 0.2, 0.12, 0.08])[0] for n in range(300)}
        votes, single = [], []
        for person, slips in (("ann", 0.03), ("bob", 0.05), ("eve", 0.15)):
            given = {
                item: said if rng.random() > slips else rng.choice([a for a in ANSWERS if a != said])
                for item, said in truth.items()
            }
            votes += [Vote(item, person, said) for item, said in given.items()]
            single.append(np.mean([given[item] == said for item, said in truth.items()]))
        found = consensus(votes)
        by_item: dict[str, list[str]] = {}
        for vote in votes:
            by_item.setdefault(vote.item, []).append(vote.answer)
        majority = [Counter(rng.sample(by_item[i], 3)).most_common(1)[0][0] == said for i, said in truth.items()]
        ours = np.mean([found.best(item)[0] == said for item, said in truth.items()])
        scores.append((ours, np.mean(majority), max(single)))
        assert min(("ann", "bob", "eve"), key=found.accuracy) == "eve"
    ours, majority, best = np.mean(scores, axis=0)
    assert ours > majority > best
