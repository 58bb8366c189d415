"""The review queue: questions out to Label Studio, and what is known of them without it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from dataset import decisions
from dataset.audit import residual
from dataset.catalog import insert_new
from dataset.project import Project
from dataset.tables import asked, audit, clusters, images, judgements, queue, sightings
from labeling.label_studio import BATCH, LabelStudio, Question
from labeling.pictures import picture_url
from labeling.pull import withdraw_erased
from labeling.rounds import ADJUDICATE, AUDIT, RISK, Ask, judged_images, may_be_asked, needs_adjudicator, plan, ranked
from labeling.screens import make_screens, open_studio, screen_of

RENEWED_AFTER = 0.5  # of the days a picture's address is good for


@dataclass(frozen=True)
class PushReport:
    """pushed: new tasks, by purpose in `purposes`. waiting: tasks nobody answered yet. project_url: where most of
    them are; project_urls: all of them.
    """

    pushed: int
    waiting: int
    project_url: str
    note: str = ""
    project_urls: tuple[str, ...] = ()
    purposes: dict[str, int] = field(default_factory=dict)
    withdrawn: int = 0

    def line(self) -> str:
        """What happened, in one line."""
        told = f"{self.pushed} new tasks, {self.waiting} waiting for an answer"
        if self.withdrawn:
            told += f", {self.withdrawn} withdrawn"
        return f"{told}; {self.note}" if self.note else told


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


def push(project: Project, *, another_round: bool = True) -> PushReport:
    """Send this round's questions, each once, the most doubtful first; withdraw what an older round asked in vain.

    A new round starts when images were collected since the last, or, with another_round, when every question of the
    last is answered. Raises LabelStudioError; questions under way are found again by the next push.
    """
    with open_studio(project) as studio:
        needed = [screen_of(project, RISK), screen_of(project, AUDIT)]
        with project.catalog.read() as connection:
            if needs_adjudicator(connection, studio.url):
                needed.append(screen_of(project, ADJUDICATE))
        screens, notes = make_screens(project, studio, needed)
        names = {screen: f"{studio.url}/projects/{number}" for screen, number in screens.items()}
        for screen, name in names.items():
            _repair(project, studio, screens[screen], name)
        withdraw_erased(project, studio)
        now = datetime.now(UTC)
        with project.catalog.write() as connection:
            made = plan(connection, project.settings.review, studio.url, now, another_round)
            _withdraw(connection, made.withdrawn, now)
            rows = [
                {
                    "ask": ask.ask,
                    "project": names[screen_of(project, ask.purpose)],
                    "sha256": ask.sha256,
                    "purpose": ask.purpose,
                    "round": ask.round,
                    "pushed_at": now,
                }
                for ask in made.asks
            ]
            insert_new(connection, asked, rows)
        questions = _questions(project, made.asks)
        for screen, name in names.items():
            part = [questions[ask.ask] for ask in made.asks if screen_of(project, ask.purpose) == screen]
            if part:
                studio.add(screens[screen], part, lambda numbers, name=name: _note_tasks(project, name, numbers))  # type: ignore[misc]
        _remove_withdrawn(project, studio, names.values())
        _renew(project, studio, names.values(), now)
    purposes = dict(Counter(ask.purpose for ask in made.asks))
    first = names[screen_of(project, RISK)]
    urls = (first, *(name for name in names.values() if name != first))
    note = "; ".join([part for part in (made.note, *notes) if part])
    return PushReport(len(made.asks), made.waiting + len(made.asks), first, note, urls, purposes, len(made.withdrawn))


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
            for sha256, decision in decisions.latest(connection).items()
            if decision.origin == "detector" or decision.label == decisions.SET_ASIDE
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
        opinions = decisions.opinions_of(connection)
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


def _questions(project: Project, asks: Sequence[Ask]) -> dict[str, Question]:
    """As Label Studio is sent them, by ask."""
    chosen = {ask.sha256 for ask in asks}
    with project.catalog.read() as connection:
        pages = {
            row.sha256: row.page
            for row in connection.execute(
                select(sightings.c.sha256, func.min(sightings.c.page_url).label("page")).group_by(sightings.c.sha256)
            )
            if row.sha256 in chosen
        }
        suggested: dict[str, str] = {}
        if project.settings.review.pre_annotate:
            suggested = {row.sha256: row.suggested_label for row in connection.execute(select(queue))}
    return {
        ask.ask: Question(
            ask.ask,
            ask.sha256,
            picture_url(project.settings, ask.sha256),
            pages.get(ask.sha256, ""),
            suggested.get(ask.sha256, ""),
        )
        for ask in asks
    }


def _withdraw(connection: Connection, asks: Sequence[str], now: datetime) -> None:
    """Note questions as asked no more."""
    for start in range(0, len(asks), BATCH):
        few = asks[start : start + BATCH]
        connection.execute(update(asked).where(asked.c.ask.in_(few)).values(withdrawn_at=now))


def _remove_withdrawn(project: Project, studio: LabelStudio, names: Iterable[str]) -> None:
    """Delete the tasks of questions that are asked no more, those that a crash left behind too."""
    left = asked.c.project.in_(list(names)), asked.c.withdrawn_at.is_not(None), asked.c.task_id.is_not(None)
    with project.catalog.read() as connection:
        rows = connection.execute(select(asked).where(*left)).all()
    studio.remove([row.task_id for row in rows])
    with project.catalog.write() as connection:
        connection.execute(update(asked).where(*left).values(task_id=None))


def _renew(project: Project, studio: LabelStudio, names: Iterable[str], now: datetime) -> None:
    """New picture addresses for waiting tasks whose old ones will end."""
    before = now - timedelta(days=RENEWED_AFTER * project.settings.review.pictures_days)
    with project.catalog.read() as connection:
        old = connection.execute(
            select(asked).where(
                asked.c.project.in_(list(names)),
                asked.c.pushed_at < before,
                asked.c.withdrawn_at.is_(None),
                asked.c.task_id.is_not(None),
                asked.c.sha256.not_in(judged_images()),
            )
        ).all()
    questions = _questions(project, [Ask(row.ask, row.sha256, row.purpose, row.round) for row in old])
    for row in old:
        studio.renew(row.task_id, questions[row.ask])
        with project.catalog.write() as connection:
            connection.execute(
                update(asked).where(asked.c.ask == row.ask, asked.c.project == row.project).values(pushed_at=now)
            )


def _repair(project: Project, studio: LabelStudio, number: int, name: str) -> None:
    """After a crash between sending and noting: see which questions arrived, forget the others."""
    open_ends = select(asked.c.ask).where(
        asked.c.project == name, asked.c.task_id.is_(None), asked.c.withdrawn_at.is_(None)
    )
    with project.catalog.read() as connection:
        if connection.execute(open_ends).first() is None:
            return
    there = studio.tasks(number)
    _note_tasks(project, name, there)
    with project.catalog.write() as connection:
        lost = list(connection.execute(open_ends).scalars())
        if lost:
            connection.execute(asked.delete().where(asked.c.project == name, asked.c.ask.in_(lost)))


def _note_tasks(project: Project, name: str, tasks: Mapping[str, int]) -> None:
    with project.catalog.write() as connection:
        for ask, task in tasks.items():
            connection.execute(update(asked).where(asked.c.project == name, asked.c.ask == ask).values(task_id=task))
