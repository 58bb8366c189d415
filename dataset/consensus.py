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
    """answers: the columns of all that follows, k. posteriors: item → (k,) probabilities. confusion: reviewer →
    (k, k), what was said (column) where this was true (row).
    """

    answers: tuple[str, ...]
    posteriors: Mapping[str, NDArray[np.float64]]
    confusion: Mapping[str, NDArray[np.float64]]

    def best(self, item: str) -> tuple[str, float]:
        """The likeliest answer of an item that was voted on, and its probability."""
        found = self.posteriors[item]
        index = int(found.argmax())
        return self.answers[index], float(found[index])

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
        return Consensus(answers, {}, {})
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
    matrices = _matrices(np.zeros((len(people), k, k)))
    posterior = _expect(item, person, said, len(items), prior, matrices, fixed)
    for _ in range(ROUNDS):
        counts = np.zeros((len(people), k, k))
        for label in range(k):  # what was said, by person and answer, weighted by what is thought true
            np.add.at(counts, (p, label, s), posterior[i, label])
        matrices = _matrices(counts)
        prior = (posterior.sum(axis=0) + 1) / (len(items) + k)
        before, posterior = posterior, _expect(item, person, said, len(items), prior, matrices, fixed)
        if np.abs(posterior - before).max() < CLOSE:
            break
    return Consensus(answers, dict(zip(items, posterior, strict=True)), dict(zip(people, matrices, strict=True)))


def _matrices(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Confusion from (people, k, k) counts: each row held near how often the person is right at all, and that near
    what is believed of somebody unknown.
    """
    k = counts.shape[1]
    if k == 1:
        return np.ones_like(counts)
    right = np.trace(counts, axis1=1, axis2=2)
    accuracy = (right + WORTH * TRUSTED) / (counts.sum(axis=(1, 2)) + WORTH)
    belief = np.tile(((1 - accuracy) / (k - 1))[:, None, None], (1, k, k))
    diagonal = np.arange(k)
    belief[:, diagonal, diagonal] = accuracy[:, None]
    matrices = counts + WORTH * belief
    return np.asarray(matrices / matrices.sum(axis=2, keepdims=True))


def _expect(
    item: NDArray[np.int64],
    person: NDArray[np.int64],
    said: NDArray[np.int64],
    items: int,
    prior: NDArray[np.float64],
    matrices: NDArray[np.float64],
    fixed: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(items, k) probabilities of the answers, given everybody's confusion matrix."""
    odds = np.tile(np.log(prior), (items, 1))
    odds[np.bincount(item, minlength=items) < 2] = 0.0  # one person's rare answer must hold by itself
    np.add.at(odds, item, np.log(matrices[person, :, said]))
    odds -= odds.max(axis=1, keepdims=True)
    posterior = np.exp(odds)
    posterior /= posterior.sum(axis=1, keepdims=True)
    held = fixed >= 0
    posterior[held] = 0.0
    posterior[held, fixed[held]] = 1.0
    return np.asarray(posterior)
