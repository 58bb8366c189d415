"""From judgements and sources to the label that is published, and why. A ledger: changes are appended."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from dataset.catalog import append
from dataset.detectors.certain import Certain
from dataset.tables import clusters, decisions, findings, judgements, queue, sightings

SET_ASIDE = "set_aside"
SET_ASIDE_FROM = 0.9  # error probability from which an image nobody looked at stays out


@dataclass(frozen=True)
class Decision:
    """label: one of the project's, `unusable`, `unsure` or `set_aside`. origin: source, human, consensus, detector."""

    label: str
    origin: str
    reason: str


@dataclass(frozen=True)
class Answer:
    """The newest answer of one reviewer about one picture."""

    reviewer: str
    answer: str


def decide(
    answers: Sequence[Answer], source_labels: frozenset[str], error_probability: float, certain: str = ""
) -> Decision:
    """The label of one cluster. People come before sources; who disagrees keeps it out.

    certain: why it is unusable without anybody's answer; empty where it is not.
    """
    if answers:
        counts = Counter(answer.answer for answer in answers)
        (best, votes), *others = counts.most_common()
        if others and others[0][1] == votes:
            told = ", ".join(f"{label} {n}" for label, n in sorted(counts.items()))
            return Decision("unsure", "consensus", f"reviewers disagree: {told}")
        origin = "human" if len(answers) == 1 else "consensus"
        return Decision(best, origin, f"{votes} of {len(answers)} answers")
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
    members: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(select(clusters.c.sha256, clusters.c.cluster)):
        members[row.cluster].append(row.sha256)
    labels: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(select(sightings.c.sha256, sightings.c.source_label).distinct()):
        labels[row.sha256].add(row.source_label)
    answers = newest_answers(connection)
    doubts = {
        row.cluster: row.error_probability
        for row in connection.execute(
            select(clusters.c.cluster, queue.c.error_probability).join(queue, queue.c.sha256 == clusters.c.sha256)
        )
    }
    certain = {
        row.cluster: row.evidence
        for row in connection.execute(
            select(clusters.c.cluster, findings.c.evidence)
            .join(findings, findings.c.sha256 == clusters.c.representative)
            .where(findings.c.detector == Certain.name)
        )
    }
    last = latest(connection)
    rows = []
    for cluster, images in members.items():
        given = {answer.reviewer: answer for image in sorted(images) for answer in answers.get(image, [])}
        said = frozenset(label for image in images for label in labels[image])
        decision = decide(list(given.values()), said, doubts.get(cluster, 0.0), certain.get(cluster, ""))
        rows += [
            {"sha256": image, "decided_at": now, **decision.__dict__} for image in images if last.get(image) != decision
        ]
    append(connection, decisions, rows)
    return len(rows)


def latest(connection: Connection) -> dict[str, Decision]:
    """The decision that holds for each image now."""
    newest = select(func.max(decisions.c.id)).group_by(decisions.c.sha256)
    rows = connection.execute(select(decisions).where(decisions.c.id.in_(newest)))
    return {row.sha256: Decision(row.label, row.origin, row.reason) for row in rows}


def newest_answers(connection: Connection) -> Mapping[str, list[Answer]]:
    """For each image judged, the newest answer of every reviewer, in the order of their names."""
    found: dict[str, dict[str, Answer]] = defaultdict(dict)
    rows = connection.execute(
        select(judgements.c.sha256, judgements.c.reviewer, judgements.c.answer).order_by(
            judgements.c.answered_at, judgements.c.id
        )
    )
    for row in rows:
        found[row.sha256][row.reviewer] = Answer(row.reviewer, row.answer)
    return {sha256: [by[name] for name in sorted(by)] for sha256, by in found.items()}
