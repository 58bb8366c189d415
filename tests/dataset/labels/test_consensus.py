"""dataset.labels.consensus: several reviewers' answers together."""

import random
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from dataset.labels.consensus import SETTLED_PROBABILITY, Vote, consensus

ANSWERS = ("cake", "not_cake", "unusable", "unsure")


def test_one_answer_settles_an_item_and_two_different_ones_do_not() -> None:
    alone = consensus([Vote("a", "ann", "cake"), *(Vote(f"x{n}", "ann", "not_cake") for n in range(300))])
    assert alone.best("a") == ("cake", pytest.approx(0.95))  # type: ignore[comparison-overlap]
    assert alone.best("a")[1] > SETTLED_PROBABILITY
    split = consensus([Vote("a", "ann", "cake"), Vote("a", "bob", "not_cake")])
    assert split.best("a")[1] == pytest.approx(0.5)
    third = consensus([Vote("a", "ann", "cake"), Vote("a", "bob", "not_cake"), Vote("a", "eve", "cake")])
    assert third.best("a")[0] == "cake"
    assert third.best("a")[1] > SETTLED_PROBABILITY
    assert consensus([]).posteriors == {}


def test_gold_shows_which_reviewer_is_careless() -> None:
    """A reviewer who is wrong about half of the gold settles nothing alone."""
    gold = {f"g{n}": "cake" for n in range(40)}
    votes = [Vote(item, "ann", "cake") for item in gold]
    votes += [Vote(item, "bob", "cake" if n % 2 else "not_cake") for n, item in enumerate(gold)]
    model = consensus([*votes, Vote("a", "ann", "cake"), Vote("b", "bob", "cake")], gold)
    assert model.accuracy("ann") > 0.95
    assert model.accuracy("bob") < 0.7
    assert model.best("a")[1] > SETTLED_PROBABILITY > model.best("b")[1]


def test_the_consensus_beats_the_majority_and_every_reviewer() -> None:
    """Mean accuracy over twenty simulated teams of three reviewers, one of them careless."""
    scores = []
    for seed in range(20):
        rng = random.Random(seed)
        truth = {f"i{n}": rng.choices(ANSWERS, [0.6, 0.2, 0.12, 0.08])[0] for n in range(300)}
        votes, single = [], []
        for person, slips in (("ann", 0.03), ("bob", 0.05), ("eve", 0.15)):
            answers = {
                item: label if rng.random() > slips else rng.choice([a for a in ANSWERS if a != label])
                for item, label in truth.items()
            }
            votes += [Vote(item, person, answer) for item, answer in answers.items()]
            single.append(np.mean([answers[item] == label for item, label in truth.items()]))
        model = consensus(votes)
        by_item: dict[str, list[str]] = {}
        for vote in votes:
            by_item.setdefault(vote.item, []).append(vote.answer)
        majority = [Counter(rng.sample(by_item[i], 3)).most_common(1)[0][0] == label for i, label in truth.items()]
        ours = np.mean([model.best(item)[0] == label for item, label in truth.items()])
        scores.append((ours, np.mean(majority), max(single)))
        assert min(("ann", "bob", "eve"), key=model.accuracy) == "eve"
    ours, majority, best = np.mean(scores, axis=0)
    assert ours > majority > best


OTHER = {"cake": "not_cake", "not_cake": "cake"}


def outcome(people: dict[str, Callable[[str], str]], n_gold: int) -> Counter[str]:
    """How many of 300 items are right, wrong and open. people: the answer of each to a truth."""
    rng = random.Random(3)
    truth = {f"i{n}": rng.choice(("cake", "not_cake")) for n in range(300 + n_gold)}
    gold = dict(list(truth.items())[:n_gold])
    model = consensus([Vote(i, name, say(t)) for i, t in truth.items() for name, say in people.items()], gold)
    result: Counter[str] = Counter()
    for item, label in truth.items():
        if item not in gold:
            answer, probability = model.best(item)
            result["open" if probability < SETTLED_PROBABILITY else "right" if answer == label else "wrong"] += 1
    return result


GOOD: dict[str, Callable[[str], str]] = {"good": lambda truth: truth}
CONTRARY: dict[str, Callable[[str], str]] = {"c1": OTHER.__getitem__, "c2": OTHER.__getitem__}
ALWAYS_CAKE: dict[str, Callable[[str], str]] = {"a1": lambda _: "cake", "a2": lambda _: "cake"}


def test_gold_beats_the_majority() -> None:
    """Data F14: one good reviewer with 30 gold answers beats two who always say the contrary, or always cake."""
    assert outcome(GOOD | CONTRARY, 30)["right"] == 300
    assert outcome({"good2": lambda truth: truth} | GOOD | CONTRARY, 30)["right"] == 300
    assert outcome(GOOD | ALWAYS_CAKE, 30)["wrong"] <= 3


@pytest.mark.parametrize("others", [CONTRARY, ALWAYS_CAKE])
def test_a_contradiction_without_gold_stays_open(others: dict[str, Callable[[str], str]]) -> None:
    """Data F14: nobody can tell who is right, so nothing is settled wrong; two good ones still outvote a guesser."""
    assert outcome(GOOD | others, 0)["wrong"] == 0
    guess = random.Random(5)
    guesser: dict[str, Callable[[str], str]] = {"guesser": lambda _: guess.choice(("cake", "not_cake"))}
    assert outcome(GOOD | {"good2": lambda truth: truth} | guesser, 0)["right"] > 290
