"""The review queue without Label Studio: its next images, what is set aside, how far it is."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from dataset.catalog.tables import asked, audit, clusters, images, judgements, queue, sightings
from dataset.labels import decisions, label_ledger
from dataset.labels.audit import residual
from dataset.project import Project
from labeling.plan_round import (
    ADJUDICATE,
    judged_images,
    may_be_asked,
    ranked,
)


@dataclass(frozen=True)
class ReviewStatus:
    """queued: images worth a question that nobody answered. waiting: of those, sent to Label Studio.

    disputed: clusters whose answers do not settle; adjudicating: of them, sent to who has the last word.
    expected_errors: wrong labels in the queue, next_ten: among its next ten images, as the calibrated probabilities
    have it. audited: images answered in the random sample; audit_error: its 95 % interval.
    """

    queued: int
    waiting: int
    judgements: int
    reviewers: dict[str, int]
    answers: dict[str, int]
    expected_errors: float = 0.0
    next_ten: float = 0.0
    disputed: int = 0
    adjudicating: int = 0
    audited: int = 0
    audit_error: tuple[float, float] | None = None

    def line(self) -> str:
        """When to stop: what ten more looks are expected to bring."""
        told = (
            f"ten more looks are expected to find {self.next_ten:.1f} wrong labels of about {self.expected_errors:.0f}"
        )
        if self.audit_error is None:
            return f"{told}; nothing audited yet"
        low, high = self.audit_error
        return f"{told}; label error {low:.1%} to {high:.1%} by {self.audited} audited"


def next_items(project: Project, limit: int, of_audit: bool = False) -> list[dict[str, Any]]:
    """The queue's next images, or the audit's: sha256, path, suggested_label, reasons, error_probability."""
    chosen = select(queue, images.c.format).join(images, images.c.sha256 == queue.c.sha256)
    if of_audit:
        chosen = chosen.join(audit, audit.c.sha256 == queue.c.sha256).order_by(audit.c.ticket)
    else:
        chosen = ranked(chosen)
    with project.catalog.read() as connection:
        rows = connection.execute(chosen.where(may_be_asked()).limit(limit)).all()
    return [
        {
            "sha256": row.sha256,
            "path": str(project.blobs.path(row.sha256, row.format)),
            "suggested_label": row.suggested_label,
            "reasons": row.reasons,
            "error_probability": row.error_probability,
        }
        for row in rows
    ]


def set_aside(project: Project) -> list[dict[str, Any]]:
    """What no person looked at and is published by no version: sha256, path, why, and by whose word it would be what.

    Any judgement (`review import`) brings an image back.
    """
    with project.catalog.read() as connection:
        held = {
            sha256: decision
            for sha256, decision in label_ledger.latest(connection).items()
            if decision.origin == "detector" or decision.label == decisions.EXCLUDED
        }
        rows = connection.execute(
            select(clusters.c.sha256, images.c.format)
            .join(images, images.c.sha256 == clusters.c.sha256)
            .where(clusters.c.sha256 == clusters.c.representative)
            .order_by(clusters.c.sha256)
        ).all()
        claims = {row.sha256: row.source_label for row in connection.execute(select(sightings))}
    return [
        {
            "sha256": row.sha256,
            "path": str(project.blobs.path(row.sha256, row.format)),
            "label": held[row.sha256].label,
            "source_label": claims.get(row.sha256, ""),
            "reason": held[row.sha256].reason,
        }
        for row in rows
        if row.sha256 in held
    ]


def status(project: Project) -> ReviewStatus:
    with project.catalog.read() as connection:
        queued = connection.execute(select(func.count()).select_from(queue).where(may_be_asked())).scalar_one()
        waiting = connection.execute(
            select(func.count())
            .select_from(asked)
            .where(asked.c.withdrawn_at.is_(None), asked.c.sha256.not_in(judged_images()))
        ).scalar_one()
        people = connection.execute(
            select(judgements.c.reviewer, func.count()).group_by(judgements.c.reviewer).order_by(judgements.c.reviewer)
        )
        answers = connection.execute(
            select(judgements.c.answer, func.count()).group_by(judgements.c.answer).order_by(judgements.c.answer)
        )
        by_person = {row[0]: row[1] for row in people}
        doubts = list(
            connection.execute(
                ranked(select(queue.c.error_probability)).where(queue.c.sha256.not_in(judged_images()))
            ).scalars()
        )
        audited = residual(connection)
        opinions = label_ledger.opinions_of(connection)
        open_ = {cluster for cluster, opinion in opinions.items() if opinion.is_open}
        sent = connection.execute(
            select(clusters.c.cluster)
            .distinct()
            .join(asked, asked.c.sha256 == clusters.c.sha256)
            .where(asked.c.purpose == ADJUDICATE, asked.c.withdrawn_at.is_(None))
        ).scalars()
        return ReviewStatus(
            queued,
            waiting,
            sum(by_person.values()),
            by_person,
            {row[0]: row[1] for row in answers},
            round(sum(doubts), 1),
            round(sum(doubts[:10]), 2),
            len(open_),
            len(open_ & set(sent)),
            audited.images if audited else 0,
            (round(audited.low, 4), round(audited.high, 4)) if audited else None,
        )
