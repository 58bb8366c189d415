"""From judgements and sources to the label that is published, and why. A ledger: changes are appended."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from dataset.blocks import blocks, within
from dataset.catalog import append
from dataset.consensus import SETTLED, Consensus, Vote, consensus
from dataset.detectors.certain import Certain
from dataset.tables import clusters, decisions, findings, judgements, queue, sightings

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


def fitted(connection: Connection) -> Consensus:
    """The consensus model of all answers: items are clusters."""
    return _fit(newest_answers(connection))


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


def settle(connection: Connection, now: datetime) -> int:
    """Append a decision for every image whose label changed. Returns how many."""
    opinions = opinions_of(connection)
    return sum(_settle(connection, now, where, opinions) for where in blocks(connection))


def _settle(connection: Connection, now: datetime, where: ColumnElement[bool], opinions: Mapping[str, Opinion]) -> int:
    members: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(select(clusters.c.sha256, clusters.c.cluster).where(where)):
        members[row.cluster].append(row.sha256)
    labels: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(within(select(sightings.c.sha256, sightings.c.source_label), sightings, where)):
        labels[row.sha256].add(row.source_label)
    doubted = within(select(clusters.c.cluster, queue.c.error_probability).select_from(queue), queue, where)
    doubts = {row.cluster: row.error_probability for row in connection.execute(doubted)}
    certain = {
        row.cluster: row.evidence
        for row in connection.execute(
            select(clusters.c.cluster, findings.c.evidence)
            .join(findings, findings.c.sha256 == clusters.c.representative)
            .where(findings.c.detector == Certain.name, where)
        )
    }
    last = latest(connection, where)
    rows = []
    for cluster, images in members.items():
        said = frozenset(label for image in images for label in labels[image])
        decision = decide(opinions.get(cluster), said, doubts.get(cluster, 0.0), certain.get(cluster, ""))
        rows += [
            {"sha256": image, "decided_at": now, **decision.__dict__} for image in images if last.get(image) != decision
        ]
    append(connection, decisions, rows)
    return len(rows)


def latest(connection: Connection, where: ColumnElement[bool] | None = None) -> dict[str, Decision]:
    """The decision that holds for each image now. where: of these clusters only."""
    newest = select(func.max(decisions.c.id)).group_by(decisions.c.sha256)
    if where is not None:
        newest = within(newest, decisions, where)
    rows = connection.execute(
        select(decisions.c.sha256, decisions.c.label, decisions.c.origin, decisions.c.reason).where(
            decisions.c.id.in_(newest)
        )
    )
    return {row.sha256: Decision(row.label, row.origin, row.reason) for row in rows}


def opinions_of(connection: Connection) -> dict[str, Opinion]:
    """What people say of each cluster that somebody answered for."""
    return opine(newest_answers(connection))


def newest_answers(connection: Connection) -> dict[str, list[Answer]]:
    """For each cluster judged, the newest answer of every reviewer, in the order of their names.

    An answer that was taken back counts no more.
    """
    cluster_of = {row.sha256: row.cluster for row in connection.execute(select(clusters.c.sha256, clusters.c.cluster))}
    found: dict[str, dict[str, Answer]] = defaultdict(dict)
    rows = connection.execute(
        select(judgements.c.sha256, judgements.c.reviewer, judgements.c.answer, judgements.c.origin).order_by(
            judgements.c.answered_at, judgements.c.id
        )
    )
    for row in rows:
        given = found[cluster_of.get(row.sha256, row.sha256)]
        if row.answer == WITHDRAWN:
            given.pop(row.reviewer, None)
        else:
            given[row.reviewer] = Answer(row.reviewer, row.answer, row.origin in FINAL)
    return {cluster: [by[name] for name in sorted(by)] for cluster, by in found.items() if by}
