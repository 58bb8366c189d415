"""Send questions to Label Studio, and withdraw old ones."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from more_itertools import chunked
from sqlalchemy import Connection, func, select, true, update

from dataset.catalog.tables import asked, queue, sightings
from dataset.catalog.writes import insert_new
from dataset.labels.vocabulary import Purpose
from dataset.project import Project
from labeling.label_studio import LabelStudio
from labeling.picture_links import fits_tasks, picture_url, problem_of, record_key
from labeling.plan_round import Question, judged_images, needs_adjudicator, plan
from labeling.pull import withdraw_erased
from labeling.studio_json import Task
from labeling.studio_projects import StudioProject, ask_more_people, audience_of, ensure_projects, open_studio

RENEWAL_SHARE = 0.5  # a picture's address is renewed after this share of the days that it is valid
UPDATE_BATCH_ROWS = 500


@dataclass(frozen=True)
class PushReport:
    """pushed: new tasks; `purposes` counts them by purpose. waiting: tasks without an answer.

    project_url: the Label Studio project that holds most tasks. project_urls: every project. withdrawn: questions.
    """

    pushed: int
    waiting: int
    project_url: str
    note: str = ""
    project_urls: tuple[str, ...] = ()
    purposes: dict[str, int] = field(default_factory=dict)
    withdrawn: int = 0

    def line(self) -> str:
        """The result in one line."""
        text = f"{self.pushed} new tasks, {self.waiting} waiting for an answer"
        if self.withdrawn:
            text += f", {self.withdrawn} withdrawn"
        return f"{text}; {self.note}" if self.note else text


def push(project: Project, *, another_round: bool = True) -> PushReport:
    """Send this round's questions, each once, the most likely errors first; withdraw old questions without answers.

    A new round starts when images were collected since the last one, or, with another_round, when every question of
    the last one has an answer. Raises ConfigError, LabelStudioError; the next push then finds out which tasks arrived.
    """
    project.settings.require_strong_secrets()
    with open_studio(project) as studio:
        audiences = [audience_of(project, Purpose.RISK)]
        with project.catalog.read() as connection:
            if needs_adjudicator(connection, studio.url):
                audiences.append(audience_of(project, Purpose.ADJUDICATE))
        projects, notes = ensure_projects(project, studio, audiences)
        for studio_project in projects.values():
            _repair(project, studio, studio_project)
        withdraw_erased(project, studio)
        now = datetime.now(UTC)
        with project.catalog.write() as connection:
            planned = plan(connection, project.settings, studio.url, now, another_round)
            _record_withdrawn(connection, planned.withdrawn, now)
            _forget_withdrawn(connection, [question.key for question in planned.questions])
            addressed = [(projects[audience_of(project, q.purpose)], q) for q in planned.questions]
            insert_new(connection, asked, [_row(studio_project, q, now) for studio_project, q in addressed])
        tasks = _tasks(project, planned.questions)
        for studio_project in projects.values():
            part = [tasks[q.key] for target, q in addressed if target == studio_project]
            if part:
                studio.add(studio_project.number, part, partial(_record_tasks, project, studio, studio_project))
        addresses = [studio_project.address for studio_project in projects.values()]
        _remove_withdrawn(project, studio, addresses)
        newest = _renew(project, studio, addresses, now)
        problem = problem_of(newest) if newest else ""
    first = projects[audience_of(project, Purpose.RISK)].address
    return PushReport(
        pushed=len(planned.questions),
        waiting=planned.waiting + len(planned.questions),
        project_url=first,
        note="; ".join([part for part in (planned.note, *notes, problem) if part]),
        project_urls=(first, *(address for address in addresses if address != first)),
        purposes=dict(Counter(q.purpose.value for q in planned.questions)),
        withdrawn=len(planned.withdrawn),
    )


def _row(studio_project: StudioProject, question: Question, now: datetime) -> dict[str, object]:
    return {
        "ask": question.key,
        "project": studio_project.address,
        "sha256": question.sha256,
        "purpose": question.purpose.value,
        "round": question.round,
        "pushed_at": now,
    }


def _tasks(project: Project, questions: Sequence[Question]) -> dict[str, Task]:
    """The questions as tasks, by key."""
    pictures = {question.sha256 for question in questions}
    with project.catalog.read() as connection:
        first_pages = select(sightings.c.sha256, func.min(sightings.c.page_url).label("page"))
        rows = connection.execute(first_pages.group_by(sightings.c.sha256))
        pages = {row.sha256: row.page for row in rows if row.sha256 in pictures}
        suggestions: dict[str, str] = {}
        if project.settings.review.pre_annotate:
            suggestions = {row.sha256: row.suggested_label for row in connection.execute(select(queue))}
    return {
        question.key: Task(
            key=question.key,
            sha256=question.sha256,
            picture_url=picture_url(project.settings, question.sha256),
            seen_on=pages.get(question.sha256, ""),
            suggestion=suggestions.get(question.sha256, ""),
        )
        for question in questions
    }


def _record_withdrawn(connection: Connection, keys: Sequence[str], now: datetime) -> None:
    for batch in chunked(keys, UPDATE_BATCH_ROWS):
        connection.execute(update(asked).where(asked.c.ask.in_(batch)).values(withdrawn_at=now))


def _forget_withdrawn(connection: Connection, keys: Sequence[str]) -> None:
    """Forget withdrawn questions that are asked again in the same round: the picture is not withheld any more."""
    is_gone = asked.c.withdrawn_at.is_not(None), asked.c.task_id.is_(None)
    for batch in chunked(keys, UPDATE_BATCH_ROWS):
        connection.execute(asked.delete().where(asked.c.ask.in_(batch), *is_gone))


def _remove_withdrawn(project: Project, studio: LabelStudio, addresses: Sequence[str]) -> None:
    """Delete the tasks of withdrawn questions, also those that a crash left."""
    is_left = asked.c.project.in_(addresses), asked.c.withdrawn_at.is_not(None), asked.c.task_id.is_not(None)
    with project.catalog.read() as connection:
        rows = connection.execute(select(asked).where(*is_left)).all()
    studio.remove([row.task_id for row in rows])
    with project.catalog.write() as connection:
        connection.execute(update(asked).where(*is_left).values(task_id=None))


def _renew(project: Project, studio: LabelStudio, addresses: Sequence[str], now: datetime) -> str:
    """Give waiting tasks a new picture address before the old one expires, and all of them one after our key changed.

    Returns the address of one waiting task's picture; empty where none waits.
    """
    oldest = now - timedelta(days=RENEWAL_SHARE * project.settings.review.pictures_days)
    is_old = asked.c.pushed_at < oldest if fits_tasks(project) else true()
    is_waiting = (
        asked.c.project.in_(addresses),
        asked.c.withdrawn_at.is_(None),
        asked.c.task_id.is_not(None),
        asked.c.sha256.not_in(judged_images()),
    )
    with project.catalog.read() as connection:
        rows = connection.execute(select(asked).where(is_old, *is_waiting)).all()
        any_waiting = connection.execute(select(asked.c.sha256).where(*is_waiting).limit(1)).scalar()
    tasks = _tasks(project, [Question(row.ask, row.sha256, Purpose(row.purpose), row.round) for row in rows])
    for row in rows:
        studio.renew(row.task_id, tasks[row.ask])
        is_row = asked.c.ask == row.ask, asked.c.project == row.project
        with project.catalog.write() as connection:
            connection.execute(update(asked).where(*is_row).values(pushed_at=now))
    record_key(project)
    return picture_url(project.settings, any_waiting) if any_waiting else ""


def _repair(project: Project, studio: LabelStudio, studio_project: StudioProject) -> None:
    """After a crash during sending: record the tasks that arrived, and forget the questions that did not."""
    address = studio_project.address
    unsent = select(asked.c.ask).where(
        asked.c.project == address, asked.c.task_id.is_(None), asked.c.withdrawn_at.is_(None)
    )
    with project.catalog.read() as connection:
        if connection.execute(unsent).first() is None:
            return
    _record_tasks(project, studio, studio_project, studio.tasks(studio_project.number))
    with project.catalog.write() as connection:
        lost = list(connection.execute(unsent).scalars())
        if lost:
            connection.execute(asked.delete().where(asked.c.project == address, asked.c.ask.in_(lost)))


def _record_tasks(
    project: Project, studio: LabelStudio, studio_project: StudioProject, tasks: Mapping[str, int]
) -> None:
    """tasks: task number by question key. A task is recorded after Label Studio knows how many people it needs."""
    ask_more_people(project, studio, studio_project, tasks)
    with project.catalog.write() as connection:
        for key, number in tasks.items():
            is_row = asked.c.project == studio_project.address, asked.c.ask == key
            connection.execute(update(asked).where(*is_row).values(task_id=number))
