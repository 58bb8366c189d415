"""The review queue: questions out to Label Studio, and what is known of them without it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select, update

from dataset.catalog.tables import asked, queue, sightings
from dataset.catalog.writes import insert_new
from dataset.project import Project
from labeling.label_studio import BATCH, LabelStudio, Question
from labeling.picture_links import picture_url
from labeling.plan_round import (
    ADJUDICATE,
    AUDIT,
    RISK,
    Ask,
    judged_images,
    needs_adjudicator,
    plan,
)
from labeling.pull import withdraw_erased
from labeling.studio_projects import make_screens, open_studio, screen_of

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


def push(project: Project, *, another_round: bool = True) -> PushReport:
    """Send this round's questions, each once, the most doubtful first; withdraw what an older round asked in vain.

    A new round starts when images were collected since the last, or, with another_round, when every question of the
    last is answered. Raises ConfigError, LabelStudioError; questions under way are found again by the next push.
    """
    project.settings.require_strong_secrets()
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
