"""Decide the label of a cluster from people's answers, sources and detectors. Pure functions."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataset.labels.vocabulary import EXCLUDED, UNSURE, UNUSABLE, WITHDRAWN, DecisionOrigin

if TYPE_CHECKING:
    from dataset.labels.consensus import Consensus
    from dataset.labels.wall_rates import WallRates

__all__ = [
    "EXCLUDED", "UNSURE", "UNUSABLE", "WITHDRAWN", "Answer", "Decision", "DecisionOrigin", "Opinion", "decide",
    "fit_consensus", "opine",
]  # fmt: skip

EXCLUDING_ERROR_PROBABILITY = 0.9  # from this error probability on, an image without an answer is excluded
MAX_ANSWERS = 5  # so many answers about a picture that settle nothing stop it: docs/triage.md, "When a picture is done"


@dataclass(frozen=True)
class Decision:
    """label: one of the project's, or UNUSABLE, UNSURE, EXCLUDED of dataset.labels.vocabulary."""

    label: str
    origin: DecisionOrigin
    reason: str

    @property
    def is_exclusion(self) -> bool:
        """Whether it keeps the image out without a person."""
        return self.label == EXCLUDED or self.origin == DecisionOrigin.DETECTOR


@dataclass(frozen=True)
class Answer:
    """The newest answer of one reviewer about one cluster. is_final: it is gold or from an adjudicator.

    is_confirmed: the reviewer did not call it odd on a wall of this answer; where the reviewer also answered about it
    alone, that answer holds.
    """

    reviewer: str
    answer: str
    is_final: bool = False
    is_confirmed: bool = False


@dataclass(frozen=True)
class Opinion:
    """What reviewers together say about one cluster.

    label: the likeliest answer, or UNSURE if it is not settled. probability: of the likeliest answer, given how
    reliable each reviewer is. counts: answers by label. is_settled: the likeliest answer is probable enough to hold.
    confirmed: how many of the answers were given by confirming a wall.
    """

    label: str
    probability: float
    counts: Mapping[str, int]
    is_settled: bool = True
    confirmed: int = 0

    @property
    def n_single(self) -> int:
        """How many answered about the picture alone, not by confirming a wall."""
        return sum(self.counts.values()) - self.confirmed

    @property
    def has_single(self) -> bool:
        """Whether somebody answered about the picture alone."""
        return self.n_single > 0

    @property
    def is_settled_alone(self) -> bool:
        """Whether answers about the picture alone settle it, or stopped it; what was confirmed on walls does not."""
        return self.has_single and not self.is_open

    @property
    def is_weak(self) -> bool:
        """Whether it rests on confirmed walls alone, and these are too few: then the sources' label stays."""
        return self.is_open and not self.has_single

    @property
    def is_stopped(self) -> bool:
        """Whether nobody else is asked, though nothing is settled. The adjudicator's answer still decides."""
        return not self.is_settled and self.n_single >= MAX_ANSWERS

    @property
    def is_open(self) -> bool:
        """Whether it needs one more answer."""
        return not self.is_settled and not self.is_stopped

    @property
    def reason(self) -> str:
        """The reason of a decision. It omits the probability: a new probability alone is no new decision."""
        counts = ", ".join(f"{label} {n}" for label, n in sorted(self.counts.items()))
        n = sum(self.counts.values())
        if self.is_stopped:
            return f"stopped after {n} answers that settle nothing: {counts}"
        if self.is_open:
            return f"reviewers disagree: {counts}" if len(self.counts) > 1 else f"not settled by {n} answers: {counts}"
        on_walls = f", {self.confirmed} of them confirmed on walls" if self.confirmed else ""
        return f"{self.counts.get(self.label, 0)} of {n} answers{on_walls}"


def opine(
    answers: Mapping[str, Sequence[Answer]], walls: "Mapping[str, WallRates] | None" = None
) -> dict[str, Opinion]:
    """The opinion about each cluster. answers: cluster → the newest answer of every reviewer. walls: see consensus."""
    from dataset.labels.consensus import SETTLED_PROBABILITY  # imports numpy, which decisions do not need

    if not answers:
        return {}
    model = fit_consensus(answers, walls)
    opinions = {}
    for cluster, cluster_answers in answers.items():
        best, probability = model.best(cluster)
        is_settled = probability >= SETTLED_PROBABILITY
        counts = Counter(answer.answer for answer in cluster_answers)
        confirmed = sum(answer.is_confirmed for answer in cluster_answers)
        opinions[cluster] = Opinion(best if is_settled else UNSURE, probability, counts, is_settled, confirmed)
    return opinions


def fit_consensus(
    answers: Mapping[str, Sequence[Answer]], walls: "Mapping[str, WallRates] | None" = None
) -> "Consensus":
    """The consensus model of all answers; its items are clusters. Final answers are known to be true."""
    from dataset.labels.consensus import Vote, consensus

    pairs = [(cluster, answer) for cluster, cluster_answers in answers.items() for answer in cluster_answers]
    known = {cluster: answer.answer for cluster, answer in pairs if answer.is_final}
    votes = [Vote(cluster, answer.reviewer, answer.answer, answer.is_confirmed) for cluster, answer in pairs]
    return consensus(votes, known, walls)


def decide(
    opinion: Opinion | None,
    source_labels: frozenset[str],
    error_probability: float,
    certain_reason: str = "",
    withheld: str = "",
) -> Decision:
    """The decision for one cluster: people's answers first, then certain findings, then sources.

    Sources that disagree, or a high error probability, exclude the cluster. certain_reason: why a detector is certain
    that the cluster is unusable; empty: it is not certain. withheld: why a person has to look first.
    """
    if opinion and not opinion.is_weak:
        is_one_person = sum(opinion.counts.values()) == 1
        origin = DecisionOrigin.HUMAN if is_one_person else DecisionOrigin.CONSENSUS
        return Decision(opinion.label, origin, opinion.reason)
    if withheld:
        return Decision(EXCLUDED, DecisionOrigin.DETECTOR, f"{withheld}, not looked at yet")
    if certain_reason:
        return Decision(UNUSABLE, DecisionOrigin.DETECTOR, certain_reason)
    if not source_labels:
        return Decision(EXCLUDED, DecisionOrigin.SOURCE, "no source claims it any more")
    if len(source_labels) != 1:
        return Decision(EXCLUDED, DecisionOrigin.SOURCE, f"sources say {' and '.join(sorted(source_labels))}")
    if error_probability >= EXCLUDING_ERROR_PROBABILITY:
        reason = f"wrong with probability {error_probability:.2f}, not looked at yet"
        return Decision(EXCLUDED, DecisionOrigin.DETECTOR, reason)
    (label,) = source_labels
    return Decision(label, DecisionOrigin.SOURCE, "every source says so")
