"""Combine several people's answers: the model of Dawid and Skene, with a prior and with known answers.

Every reviewer has a confusion matrix, and every item has a probability for each answer. Both are estimated in turn
(expectation-maximisation, Applied Statistics 28, 1979). New reviewers count as right in 19 of 20 answers until their
answers show otherwise. So one answer of a new reviewer settles an item, and one answer of a careless reviewer does
not. The estimate starts from known answers (gold): they say whom to believe before the majority does. Where there are
none, and the reviewers of an item agree no better than chance, the item is left open. A picture that was confirmed on a
wall is weaker evidence, by the rate at which its reviewer misses odd pictures (wall_rates.py). Pure functions. See
docs/decisions/0014 and 0029.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset.labels.vocabulary import UNSURE
from dataset.labels.wall_rates import NEW_REVIEWER, WallRates

PRIOR_ACCURACY = 0.95  # share of right answers that a new reviewer is assumed to give
PRIOR_ANSWERS = 20.0  # weight of that assumption, in answers
MAX_ITERATIONS = 50
MAX_CHANGE = 1e-5  # of any probability in the last iteration
SETTLED_PROBABILITY = 0.88  # an answer with at least this probability holds
COMMON_ANSWERS_FROM = 3  # votes about an item; with fewer, how common an answer is does not count
MIN_PROBABILITY = 1e-12
MIN_SHARED_ITEMS = 10  # of two reviewers, before their agreement is compared with chance
MIN_KNOWN_ITEMS = 20  # of a reviewer, before known answers say enough about the reviewer
MIN_KAPPA = 0.1  # Cohen's kappa of two reviewers; below it, they agree no better than by chance
CONTRARY_KAPPA = -0.2  # below it, one of them says the contrary
GOOD_KAPPA = 0.5  # from it on, two reviewers who agree outvote a third who answers by chance
CONTRADICTED_PROBABILITY = 0.5  # highest probability of an answer that a contradiction leaves open


@dataclass(frozen=True)
class Vote:
    """One reviewer's answer about one item. is_confirmed: the item was one of a wall that was confirmed in one go."""

    item: str
    reviewer: str
    answer: str
    is_confirmed: bool = False


@dataclass(frozen=True)
class Consensus:
    """The fitted model.

    answers: the k answers, in the order of the columns below. posteriors: item → (k,) probabilities. evidence: the
    same from the votes alone, without how common each answer is; at most CONTRADICTED_PROBABILITY where reviewers
    contradict each other. confusion: reviewer → (k, k) probabilities of the given answer (column) for each true answer
    (row).
    """

    answers: tuple[str, ...]
    posteriors: Mapping[str, NDArray[np.float64]]
    evidence: Mapping[str, NDArray[np.float64]]
    confusion: Mapping[str, NDArray[np.float64]]

    def best(self, item: str) -> tuple[str, float]:
        """The likeliest answer of an item with votes, and its probability.

        How common answers are helps to choose the answer, but it cannot settle a disagreement: the probability is the
        lower one of `posteriors` and `evidence`.
        """
        posterior = self.posteriors[item]
        index = int(posterior.argmax())
        return self.answers[index], float(min(posterior[index], self.evidence[item][index]))

    def accuracy(self, reviewer: str) -> float:
        """Probability that an answer of the reviewer is right, averaged over how often each answer is true."""
        matrix = self.confusion[reviewer]
        weights = sum(self.posteriors.values()) if self.posteriors else np.ones(len(self.answers))
        return float((np.diag(matrix) * weights).sum() / np.sum(weights))


@dataclass(frozen=True)
class _Votes:
    """n votes as indices. item, reviewer, answer: (n,). is_informative: (items,), whether the votes about the item say
    something about its reviewers. known: (items,), index of the known answer, or -1. confirmed: (items, k),
    log-likelihood of what was confirmed on walls.
    """

    item: NDArray[np.int64]
    reviewer: NDArray[np.int64]
    answer: NDArray[np.int64]
    is_informative: NDArray[np.bool_]
    known: NDArray[np.int64]
    confirmed: NDArray[np.float64]

    def votes_per_item(self) -> NDArray[np.int64]:
        return np.bincount(self.item, minlength=len(self.known))


def consensus(
    votes: Sequence[Vote], gold: Mapping[str, str] | None = None, walls: Mapping[str, WallRates] | None = None
) -> Consensus:
    """Fit the model. votes: at most one per reviewer and item. gold: item → the answer that is known to be true.

    walls: how often each reviewer misses an odd picture of a wall; the default for a reviewer who is not in it.
    """
    gold = gold or {}
    named = {vote.answer for vote in votes} | set(gold.values())
    if len(named) == 1 and any(vote.is_confirmed for vote in votes):
        named.add(UNSURE)  # what was confirmed can be wrong, though nobody has given another answer yet
    answers = tuple(sorted(named))
    items = sorted({vote.item for vote in votes})
    reviewers = sorted({vote.reviewer for vote in votes})
    k = len(answers)
    if not items:
        return Consensus(answers, {}, {}, {})
    indexed = _index([v for v in votes if not v.is_confirmed], items, reviewers, answers, gold)
    _add_confirmed(indexed, [v for v in votes if v.is_confirmed], items, answers, walls or {})
    is_used = indexed.is_informative[indexed.item]
    prior = np.full(k, 1 / k)
    posterior: NDArray[np.float64] = _as_known(indexed, np.zeros((len(items), k)))
    counts = _counts(indexed, is_used, posterior, len(reviewers))
    for _ in range(MAX_ITERATIONS):
        before = posterior
        posterior = _posterior(indexed, prior, counts, posterior)
        counts = _counts(indexed, is_used, posterior, len(reviewers))
        prior = (posterior.sum(axis=0) + 1) / (len(items) + k)
        if np.abs(posterior - before).max() < MAX_CHANGE:
            break
    evidence = _posterior(indexed, np.full(k, 1 / k), counts, posterior)
    is_open = _contradicted(indexed, len(reviewers), k) & (indexed.known < 0)
    evidence[is_open] = np.minimum(evidence[is_open], CONTRADICTED_PROBABILITY)
    return Consensus(
        answers,
        dict(zip(items, posterior, strict=True)),
        dict(zip(items, evidence, strict=True)),
        dict(zip(reviewers, _confusion(counts), strict=True)),
    )


def _counts(
    votes: _Votes, is_used: NDArray[np.bool_], posterior: NDArray[np.float64], n_reviewers: int
) -> NDArray[np.float64]:
    """(reviewers, k, k): answers (column) of each reviewer, weighted by the probability of each true answer (row)."""
    item, k = votes.item[is_used], posterior.shape[1]
    cell = votes.reviewer[is_used] * k + votes.answer[is_used]
    by_truth = [np.bincount(cell, posterior[item, truth], n_reviewers * k) for truth in range(k)]
    return np.stack([weights.reshape(n_reviewers, k) for weights in by_truth], axis=1)


def _contradicted(votes: _Votes, n_reviewers: int, k: int) -> NDArray[np.bool_]:
    """(items,): whether the votes differ, and two reviewers who differ agree no better than by chance.

    Then one of them is useless or says the contrary, and without known answers nobody can tell which one. A reviewer
    with MIN_KNOWN_ITEMS known answers is measured by them instead.
    """
    order = np.argsort(votes.item * n_reviewers + votes.reviewer)
    item, reviewer, answer = votes.item[order], votes.reviewer[order], votes.answer[order]
    n_known = np.bincount(reviewer[votes.known[item] >= 0], minlength=n_reviewers)
    firsts, seconds = [], []
    for distance in range(1, int(votes.votes_per_item().max(initial=0))):
        first = np.flatnonzero(item[distance:] == item[:-distance])
        firsts.append(first)
        seconds.append(first + distance)
    if not firsts:
        return np.zeros(len(votes.known), dtype=bool)
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    pairs, pair = np.unique(reviewer[first] * n_reviewers + reviewer[second], return_inverse=True)
    shared = np.bincount(pair, minlength=len(pairs))
    agreed = np.bincount(pair, answer[first] == answer[second], len(pairs)) / shared
    shares = [
        np.bincount(pair * k + answer[one], minlength=len(pairs) * k).reshape(-1, k) / shared[:, None]
        for one in (first, second)
    ]
    chance = (shares[0] * shares[1]).sum(axis=1)
    is_measured = np.minimum(n_known[pairs // n_reviewers], n_known[pairs % n_reviewers]) >= MIN_KNOWN_ITEMS
    beyond = np.where(chance < 1, (agreed - chance) / np.maximum(1 - chance, MIN_PROBABILITY), 0.0)[pair]
    is_counted = (shared >= MIN_SHARED_ITEMS)[pair]
    is_same = answer[first] == answer[second]
    outvotes = _marked(item[first], is_counted & is_same & (beyond >= GOOD_KAPPA), len(votes.known))
    is_doubtful = (beyond < CONTRARY_KAPPA) | ((beyond < MIN_KAPPA) & ~outvotes[item[first]])
    return _marked(item[first], is_counted & ~is_same & is_doubtful & ~is_measured[pair], len(votes.known))


def _marked(item: NDArray[np.int64], is_marked: NDArray[np.bool_], n_items: int) -> NDArray[np.bool_]:
    """(n_items,): the items that are marked at least once. item, is_marked: (n,)."""
    return np.bincount(item[is_marked], minlength=n_items) > 0


def _as_known(votes: _Votes, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same probabilities, with certainty for items whose answer is known. Changes its argument."""
    is_known = votes.known >= 0
    probabilities[is_known] = 0.0
    probabilities[is_known, votes.known[is_known]] = 1.0
    return probabilities


def _index(
    votes: Sequence[Vote], items: list[str], reviewers: list[str], answers: tuple[str, ...], gold: Mapping[str, str]
) -> _Votes:
    item_of = {name: i for i, name in enumerate(items)}
    reviewer_of = {name: i for i, name in enumerate(reviewers)}
    answer_of = {name: i for i, name in enumerate(answers)}
    item = np.array([item_of[vote.item] for vote in votes], dtype=np.int64)
    known = np.array([answer_of.get(gold.get(name, ""), -1) for name in items])
    return _Votes(
        item,
        np.array([reviewer_of[vote.reviewer] for vote in votes], dtype=np.int64),
        np.array([answer_of[vote.answer] for vote in votes], dtype=np.int64),
        # An item with one vote and without a known answer says nothing about its reviewer.
        (np.bincount(item, minlength=len(items)) > 1) | (known >= 0),
        known,
        np.zeros((len(items), len(answers))),
    )


def _add_confirmed(
    votes: _Votes, confirmed: Sequence[Vote], items: list[str], answers: tuple[str, ...], walls: Mapping[str, WallRates]
) -> None:
    """Add what was confirmed on walls to `votes.confirmed`."""
    item_of = {name: i for i, name in enumerate(items)}
    answer_of = {name: i for i, name in enumerate(answers)}
    believed: dict[tuple[int, int], float] = {}  # what speaks for a label before anybody looks counts once
    for vote in confirmed:
        item, answer, rates = item_of[vote.item], answer_of[vote.answer], walls.get(vote.reviewer, NEW_REVIEWER)
        votes.confirmed[item] += rates.log_likelihoods(len(answers), answer)
        believed[item, answer] = min(rates.believed_odds, believed.get((item, answer), math.inf))
    for (item, answer), odds in believed.items():
        votes.confirmed[item, answer] += math.log(odds)


def _confusion(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(reviewers, k, k) confusion matrices from (reviewers, k, k) weighted counts."""
    matrices = counts + PRIOR_ANSWERS * _prior_confusion(counts)
    return np.asarray(matrices / matrices.sum(axis=2, keepdims=True))


def _prior_confusion(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(reviewers, k, k): every row has the reviewer's overall accuracy, which is held near PRIOR_ACCURACY."""
    k = counts.shape[1]
    if k == 1:
        return np.ones_like(counts)
    right = np.trace(counts, axis1=1, axis2=2)
    accuracy = (right + PRIOR_ANSWERS * PRIOR_ACCURACY) / (counts.sum(axis=(1, 2)) + PRIOR_ANSWERS)
    confusion = np.tile(((1 - accuracy) / (k - 1))[:, None, None], (1, k, k))
    diagonal = np.arange(k)
    confusion[:, diagonal, diagonal] = accuracy[:, None]
    return confusion


def _posterior(
    votes: _Votes, prior: NDArray[np.float64], counts: NDArray[np.float64], posterior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(items, k) probabilities of the answers.

    prior: (k,). counts: (reviewers, k, k), made from `posterior`. What an item itself adds to the counts of its
    reviewers is subtracted: four reviewers with four answers must not explain each other away.
    """
    n_items = len(votes.known)
    log_odds = np.tile(np.log(prior), (n_items, 1))
    log_odds[votes.votes_per_item() < COMMON_ANSWERS_FROM] = 0.0  # a single reviewer's rare answer must hold
    own = posterior[votes.item] * votes.is_informative[votes.item][:, None]
    prior_counts = PRIOR_ANSWERS * _prior_confusion(counts)[votes.reviewer, :, votes.answer]
    answered = counts[votes.reviewer, :, votes.answer] - own + prior_counts
    rows = counts.sum(axis=2)[votes.reviewer] - own + PRIOR_ANSWERS
    logs = np.log(np.maximum(answered, MIN_PROBABILITY) / rows)
    for truth in range(len(prior)):
        log_odds[:, truth] += np.bincount(votes.item, logs[:, truth], n_items)
    log_odds += votes.confirmed
    return _as_known(votes, _softmax(log_odds))


def _softmax(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each row as probabilities. Three lines of our own: importing scipy.special takes longer than all of `status`."""
    powers = np.exp(log_odds - log_odds.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
