"""From judgements and sources to the label that is published, and why. A ledger: changes are appended."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataset.labels.consensus import SETTLED, Consensus, Vote, consensus

SET_ASIDE = "set_aside"
WITHDRAWN = ""  # the answer of a judgement that takes an earlier one back
FINAL = ("gold", "adjudicator")  # origins of judgements that settle by themselves
SET_ASIDE_FROM = 0.9  # error probability from which an image nobody looked at stays out


@dataclass(frozen=True)
class Decision:
    """label: one of the project's, `unusable`, `unsure` or `set_aside`. origin: source, human, consensus, detector."""

    label: str
    origin: str
    reason: str


@dataclass(frozen=True)
class Answer:
    """The newest answer of one reviewer about one picture. is_final: said by who has the last word."""

    reviewer: str
    answer: str
    is_final: bool = False


@dataclass(frozen=True)
class Opinion:
    """What people say of one cluster. label: `unsure` where they are not of one mind. counts: answers by label.

    probability: of the likeliest answer, as each person's reliability has it. is_open: another answer could settle it.
    """

    label: str
    probability: float
    counts: Mapping[str, int]
    is_open: bool = False

    @property
    def reason(self) -> str:
        """Without the probability: a decision is not another one because that moved."""
        told = ", ".join(f"{label} {n}" for label, n in sorted(self.counts.items()))
        n = sum(self.counts.values())
        if self.is_open:
            return f"reviewers disagree: {told}" if len(self.counts) > 1 else f"not settled by {n} answers: {told}"
        return f"{self.counts.get(self.label, 0)} of {n} answers"


def opine(answers: Mapping[str, Sequence[Answer]]) -> dict[str, Opinion]:
    """What people say of each cluster, from the newest answers about it, by reviewer."""
    found = _fit(answers)
    opinions = {}
    for cluster, given in answers.items():
        best, probability = found.best(cluster)
        is_settled = probability >= SETTLED
        counts = Counter(said.answer for said in given)
        opinions[cluster] = Opinion(best if is_settled else "unsure", probability, counts, not is_settled)
    return opinions


def _fit(answers: Mapping[str, Sequence[Answer]]) -> Consensus:
    gold = {cluster: said.answer for cluster, given in answers.items() for said in given if said.is_final}
    votes = [Vote(cluster, said.reviewer, said.answer) for cluster, given in answers.items() for said in given]
    return consensus(votes, gold)


def decide(
    opinion: Opinion | None, source_labels: frozenset[str], error_probability: float, certain: str = ""
) -> Decision:
    """The label of one cluster. People come before sources; who disagrees keeps it out.

    certain: why it is unusable without anybody's answer; empty where it is not.
    """
    if opinion:
        origin = "human" if sum(opinion.counts.values()) == 1 else "consensus"
        return Decision(opinion.label, origin, opinion.reason)
    if certain:
        return Decision("unusable", "detector", certain)
    if len(source_labels) != 1:
        return Decision(SET_ASIDE, "source", f"sources say {' and '.join(sorted(source_labels))}")
    if error_probability >= SET_ASIDE_FROM:
        return Decision(SET_ASIDE, "detector", f"wrong with probability {error_probability:.2f}, not looked at yet")
    (label,) = source_labels
    return Decision(label, "source", "every source says so")
