"""What several people's answers say together: Dawid and Skene's model, with a prior and with known answers.

Every reviewer has a confusion matrix; every item a probability for each answer. Both are found in turns
(expectation-maximisation, Applied Statistics 28, 1979). New reviewers are taken to be right nineteen times in
twenty until their answers say otherwise, so that one answer settles an item, and a careless person's does not.
Pure functions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TRUSTED = 0.95  # how often somebody unknown is taken to be right
WORTH = 20.0  # answers that this belief weighs as much as
ROUNDS = 50
CLOSE = 1e-5
SETTLED = 0.88  # probability from which an answer holds


@dataclass(frozen=True)
class Vote:
    """One person's answer about one item."""

    item: str
    reviewer: str
    answer: str


@dataclass(frozen=True)
class Consensus:
    """answers: the columns of all that follows, k. posteriors: item → (k,) probabilities; evidence: the same by the
    votes alone, whatever is common. confusion: reviewer → (k, k), what was said (column) where this was true (row).
    """

    answers: tuple[str, ...]
    posteriors: Mapping[str, NDArray[np.float64]]
    evidence: Mapping[str, NDArray[np.float64]]
    confusion: Mapping[str, NDArray[np.float64]]

    def best(self, item: str) -> tuple[str, float]:
        """The likeliest answer of an item that was voted on, and its probability: what is common may help to choose,
        but it settles no quarrel.
        """
        found = self.posteriors[item]
        index = int(found.argmax())
        return self.answers[index], float(min(found[index], self.evidence[item][index]))

    def accuracy(self, reviewer: str) -> float:
        """How often the reviewer is right, averaged over what is true as often as it is."""
        matrix = self.confusion[reviewer]
        weights = sum(self.posteriors.values()) if self.posteriors else np.ones(len(self.answers))
        return float((np.diag(matrix) * weights).sum() / np.sum(weights))


def consensus(votes: Sequence[Vote], gold: Mapping[str, str] | None = None) -> Consensus:
    """Fit to the votes; a person's later vote on an item is for the caller to choose. gold: item → what is true."""
    known = dict(gold or {})
    answers = tuple(sorted({vote.answer for vote in votes} | set(known.values())))
    items = sorted({vote.item for vote in votes})
    people = sorted({vote.reviewer for vote in votes})
    k = len(answers)
    if not items:
        return Consensus(answers, {}, {}, {})
    item_of = {name: i for i, name in enumerate(items)}
    person_of = {name: i for i, name in enumerate(people)}
    column_of = {name: i for i, name in enumerate(answers)}
    item = np.array([item_of[vote.item] for vote in votes])
    person = np.array([person_of[vote.reviewer] for vote in votes])
    said = np.array([column_of[vote.answer] for vote in votes])
    fixed = np.array([column_of.get(known.get(name, ""), -1) for name in items])
    # An item that one person alone answered says nothing about that person.
    telling = (np.bincount(item, minlength=len(items)) > 1) | (fixed >= 0)
    i, p, s = (part[telling[item]] for part in (item, person, said))
    prior = np.full(k, 1 / k)
    counts = np.zeros((len(people), k, k))
    posterior: NDArray[np.float64] = np.zeros((len(items), k))
    for _ in range(ROUNDS):
        before = posterior
        posterior = _expect(item, person, said, prior, counts, posterior, telling, fixed)
        counts = np.zeros((len(people), k, k))
        for label in range(k):  # what was said, by person and answer, weighted by what is thought true
            np.add.at(counts, (p, label, s), posterior[i, label])
        prior = (posterior.sum(axis=0) + 1) / (len(items) + k)
        if np.abs(posterior - before).max() < CLOSE:
            break
    evidence = _expect(item, person, said, np.full(k, 1 / k), counts, posterior, telling, fixed)
    matrices = _matrices(counts)
    return Consensus(
        answers,
        dict(zip(items, posterior, strict=True)),
        dict(zip(items, evidence, strict=True)),
        dict(zip(people, matrices, strict=True)),
    )


def _matrices(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(people, k, k) confusion from counts."""
    matrices = counts + WORTH * _belief(counts)
    return np.asarray(matrices / matrices.sum(axis=2, keepdims=True))


def _belief(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(people, k, k): each row as often right as the person is at all, and that near what is believed of anybody."""
    k = counts.shape[1]
    if k == 1:
        return np.ones_like(counts)
    right = np.trace(counts, axis1=1, axis2=2)
    accuracy = (right + WORTH * TRUSTED) / (counts.sum(axis=(1, 2)) + WORTH)
    belief = np.tile(((1 - accuracy) / (k - 1))[:, None, None], (1, k, k))
    diagonal = np.arange(k)
    belief[:, diagonal, diagonal] = accuracy[:, None]
    return belief


def _expect(
    item: NDArray[np.int64],
    person: NDArray[np.int64],
    said: NDArray[np.int64],
    prior: NDArray[np.float64],
    counts: NDArray[np.float64],
    posterior: NDArray[np.float64],
    telling: NDArray[np.bool_],
    fixed: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(items, k) probabilities of the answers. What an item itself told of its voters is left out: four people who
    say four things must not explain each other away.
    """
    items = len(telling)
    odds = np.tile(np.log(prior), (items, 1))
    # One person's rare answer must hold by itself; what is common helps to choose from the third on.
    odds[np.bincount(item, minlength=items) < 3] = 0.0
    own = posterior[item] * telling[item][:, None]
    here = counts[person, :, said] - own + WORTH * _belief(counts)[person, :, said]
    rows = counts.sum(axis=2)[person] - own + WORTH
    np.add.at(odds, item, np.log(np.maximum(here, 1e-12) / rows))
    odds -= odds.max(axis=1, keepdims=True)
    found = np.exp(odds)
    found /= found.sum(axis=1, keepdims=True)
    held = fixed >= 0
    found[held] = 0.0
    found[held, fixed[held]] = 1.0
    return np.asarray(found)
