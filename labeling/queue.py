"""Read the review queue, without Label Studio: its next images, its state, and what is excluded automatically."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from more_itertools import chunked
from sqlalchemy import Connection, func, select

from dataset.catalog.claims import standing
from dataset.catalog.folder_addresses import SCHEME
from dataset.catalog.tables import asked, audit, clusters, images, judgements, queue
from dataset.certificates.ledger import next_looks
from dataset.labels import judgement_ledger, label_ledger
from dataset.labels.audit import MIN_SAMPLED, is_estimate_calibrated, residual, sampled_answers
from dataset.labels.vocabulary import WITHDRAWN, JudgementOrigin, Purpose
from dataset.project import Project
from dataset.quarantine import is_whole
from foundation.safe_text import counted
from labeling.plan_round import judged_images, may_be_asked, not_answered_alone, ranked

AT_ONCE = 1000  # names in one statement; SQLite has a limit
WORTH_ASKING = 0.5  # wrong labels among the next ten images; for fewer, a person's time is better spent elsewhere
NEXT_QUESTIONS = 10  # `status` estimates how many wrong labels so many further questions find


@dataclass(frozen=True)
class ReviewStatus:
    """queued: images in the queue without an answer. waiting: questions in Label Studio without an answer.

    judgements: current answers, one for each image and reviewer, without withdrawn ones. reviewers, answers: the same
    by reviewer and by answer. confirmed: images that reviewers confirmed on walls, which are no answers.
    expected_errors: wrong labels in the queue, by the calibrated error probabilities;
    next_ten: among its next ten images; None while nothing calibrates them. sampled: images of the audit sample that
    calibrate them. settled, one_more, stopped: clusters with an answer, by what the answers do: settle the label, need
    one more answer, or settle nothing though there are enough (then the label is UNSURE). disputed: the last two
    together; adjudicating: of them, sent to the adjudicator.
    audited: images of the audit sample with an answer; audit_error: 95 % interval of the share of wrong labels among
    them.
    """

    queued: int
    waiting: int
    judgements: int
    reviewers: dict[str, int]
    answers: dict[str, int]
    expected_errors: float | None = 0.0
    next_ten: float | None = 0.0
    settled: int = 0
    one_more: int = 0
    stopped: int = 0
    disputed: int = 0
    adjudicating: int = 0
    audited: int = 0
    audit_error: tuple[float, float] | None = None
    sampled: int = 0
    confirmed: int = 0

    def line(self) -> str:
        """What further questions would bring, in one line."""
        if self.next_ten is None or self.expected_errors is None:
            text = (
                "too few answers to estimate how many labels are wrong: "
                f"{self.sampled} of {MIN_SAMPLED} about the audit sample"
            )
        else:
            text = (
                f"the next {NEXT_QUESTIONS} questions are expected to find {self.next_ten:.1f} of about "
                f"{self.expected_errors:.0f} wrong labels"
            )
            if self.judgements and self.next_ten < WORTH_ASKING:
                text += ": stop here, and publish"
        if self.audit_error is None:
            return f"{text}; no audited image yet"
        low, high = self.audit_error
        return f"{text}; {low:.1%} to {high:.1%} of labels are wrong, by {counted(self.audited, 'audited image')}"


def next_items(project: Project, limit: int, of_audit: bool = False) -> list[dict[str, Any]]:
    """The next images of the queue, or with `of_audit` of the audit sample.

    Keys: sha256, path (of the original in the library), file (in the folder of its source; `path` where there is none),
    source_label, suggested_label, reasons, error_probability.
    """
    queued = select(queue, images.c.format).join(images, images.c.sha256 == queue.c.sha256)
    in_sample = queued.join(audit, audit.c.sha256 == queue.c.sha256).order_by(audit.c.ticket)
    items = in_sample.where(not_answered_alone()) if of_audit else ranked(queued).where(may_be_asked())
    chosen = items.limit(limit)
    with project.catalog.read() as connection:
        rows = connection.execute(chosen).all()
        claim_of = _claims(connection, [row.sha256 for row in rows])
    return [
        {
            **_where(project, row, claim_of.get(row.sha256)),
            "suggested_label": row.suggested_label,
            "reasons": row.reasons,
            "error_probability": row.error_probability,
        }
        for row in rows
    ]


def unsettled_items(project: Project, limit: int) -> list[dict[str, Any]]:
    """Images that need one more answer, by their SHA-256, with the keys of `next_items`.

    Nothing is suggested, so that the next answer does not depend on the earlier ones.
    """
    with project.catalog.read() as connection:
        opinions = label_ledger.opinions_of(connection)
        representatives = (
            select(images.c.sha256, images.c.format, clusters.c.cluster)
            .join(clusters, clusters.c.representative == images.c.sha256)
            .where(clusters.c.sha256 == clusters.c.representative, is_whole(images.c.sha256))
            .order_by(images.c.sha256)
        )
        is_open = {cluster for cluster, opinion in opinions.items() if opinion.is_open and opinion.has_single}
        rows = [row for row in connection.execute(representatives) if row.cluster in is_open][:limit]
        claim_of = _claims(connection, [row.sha256 for row in rows])
    return [
        {
            **_where(project, row, claim_of.get(row.sha256)),
            "suggested_label": "",
            "reasons": ["earlier answers do not settle it"],
            "error_probability": None,
        }
        for row in rows
    ]


def certificate_items(project: Project, limit: int) -> list[dict[str, Any]]:
    """The next images that an open design looks at, with the keys of `next_items`; nothing is suggested."""
    with project.catalog.read() as connection:
        names = next_looks(connection, project.settings.project.labels, limit, ())
        columns = select(images.c.sha256, images.c.format)
        rows = {
            row.sha256: row
            for some in chunked(names, AT_ONCE)
            for row in connection.execute(columns.where(images.c.sha256.in_(some)))
        }
        claim_of = _claims(connection, names)
    return [
        {
            **_where(project, rows[name], claim_of.get(name)),
            "suggested_label": "",
            "reasons": ["the certificate's design draws it"],
            "error_probability": None,
        }
        for name in names
        if name in rows
    ]


def _claims(connection: Connection, names: Sequence[str]) -> dict[str, Any]:
    """The newest sighting of each image, by SHA-256."""
    newest: dict[str, Any] = {}
    for some in chunked(names, AT_ONCE):
        claims = select(standing).where(standing.c.sha256.in_(some)).order_by(standing.c.id)
        newest |= {claim.sha256: claim for claim in connection.execute(claims)}
    return newest


def _where(project: Project, row: Any, claim: Any) -> dict[str, Any]:
    """An image, where its file is and what its source claims. row: has sha256 and format."""
    path = project.blobs.path(row.sha256, row.format)
    return {
        "sha256": row.sha256,
        "path": str(path),
        "file": str(_own_file(project, claim) or path),
        "source_label": claim.source_label if claim else "",
    }


def _own_file(project: Project, claim: Any) -> Path | None:
    """The file of a sighting in the folder of its source; None where it is not in a folder, or no longer there."""
    source = next((one for one in project.settings.sources if claim and one.name == claim.source), None)
    if source is None or source.kind != "folder":
        return None
    relative = claim.image_url.removeprefix(f"{SCHEME}{source.name}/")
    path = project.settings.folder_of(source) / relative
    return path if path.is_file() else None  # a name with %XX is not that of the file


def excluded(project: Project) -> list[dict[str, Any]]:
    """Pictures excluded automatically: keys sha256, path, file, source_label, label, reason.

    Any answer restores one.
    """
    with project.catalog.read() as connection:
        decisions = label_ledger.excluded(connection)
        rows = connection.execute(select(images.c.sha256, images.c.format).order_by(images.c.sha256)).all()
        rows = [row for row in rows if row.sha256 in decisions]
        claim_of = _claims(connection, [row.sha256 for row in rows])
    return [
        {
            **_where(project, row, claim_of.get(row.sha256)),
            "label": decisions[row.sha256].label,
            "reason": decisions[row.sha256].reason,
        }
        for row in rows
    ]


def status(project: Project) -> ReviewStatus:
    """How many questions and answers there are, and how many wrong labels are probably left."""
    with project.catalog.read() as connection:
        names = "sha256", "reviewer", "answer", "answered_at", "recorded_at", "origin"
        rows = connection.execute(select(*(judgements.c[name] for name in names)).order_by(judgements.c.id)).all()
        held = _held(row for row in rows if row.origin != JudgementOrigin.CONFIRMED)
        confirmed = _held(row for row in rows if row.origin == JudgementOrigin.CONFIRMED)
        by_reviewer = Counter(row.reviewer for row in held)
        error_probabilities = _error_probabilities(connection)
        opinions = {name: one for name, one in label_ledger.opinions_of(connection).items() if not one.is_weak}
        disputed = {cluster for cluster, opinion in opinions.items() if not opinion.is_settled}
        audited = residual(connection)
        is_calibrated = is_estimate_calibrated(connection)
        return ReviewStatus(
            queued=_n_queued(connection),
            waiting=_n_waiting(connection),
            judgements=len(held),
            confirmed=len(confirmed),
            reviewers=dict(sorted(by_reviewer.items())),
            answers=dict(sorted(Counter(row.answer for row in held).items())),
            expected_errors=round(sum(error_probabilities), 1) if is_calibrated else None,
            next_ten=round(sum(error_probabilities[:NEXT_QUESTIONS]), 2) if is_calibrated else None,
            sampled=len(sampled_answers(connection)),
            settled=len(opinions) - len(disputed),
            one_more=sum(opinion.is_open for opinion in opinions.values()),
            stopped=sum(opinion.is_stopped for opinion in opinions.values()),
            disputed=len(disputed),
            adjudicating=len(disputed & _sent_to_adjudicator(connection)),
            audited=audited.images if audited else 0,
            audit_error=(round(audited.low, 4), round(audited.high, 4)) if audited else None,
        )


def _held(rows: Iterable[Any]) -> list[Any]:
    """The rows that hold, without withdrawals. rows: in the order of their ids."""
    return [row for row in judgement_ledger.current(rows).values() if row.answer != WITHDRAWN]


def _n_queued(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(queue).where(may_be_asked())).scalar_one()


def _n_waiting(connection: Connection) -> int:
    is_waiting = asked.c.withdrawn_at.is_(None), asked.c.sha256.not_in(judged_images())
    return connection.execute(select(func.count()).select_from(asked).where(*is_waiting)).scalar_one()


def _error_probabilities(connection: Connection) -> list[float]:
    """Error probabilities of images without an answer, the next to be asked first."""
    rows = ranked(select(queue.c.error_probability)).where(queue.c.sha256.not_in(judged_images()))
    return list(connection.execute(rows).scalars())


def _sent_to_adjudicator(connection: Connection) -> set[str]:
    """Clusters that the adjudicator was asked about."""
    rows = (
        select(clusters.c.cluster)
        .distinct()
        .join(asked, asked.c.sha256 == clusters.c.sha256)
        .where(asked.c.purpose == Purpose.ADJUDICATE.value, asked.c.withdrawn_at.is_(None))
    )
    return set(connection.execute(rows).scalars())
