"""Fetch answers from Label Studio into the ledger of judgements.

The ledger keeps every answer: a changed answer is a new judgement, a deleted one is followed by a withdrawal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from more_itertools import chunked
from sqlalchemy import Connection, delete, func, select

from dataset.catalog.tables import asked, cursors, images, judgements, tombstones
from dataset.catalog.writes import insert_new, upsert
from dataset.labels import judgement_ledger, label_ledger
from dataset.labels.vocabulary import WITHDRAWN, JudgementOrigin
from dataset.names.renamed import LABEL, renamed
from dataset.project import Project
from foundation.errors import LabelStudioError
from foundation.safe_text import counted
from labeling.label_studio import Changes, LabelStudio
from labeling.plan_round import judged_images
from labeling.studio_json import Annotation
from labeling.studio_projects import ADJUDICATOR, StudioProject, find_projects, open_studio

FULL_PULL_EVERY = timedelta(days=1)
FEW_DELETED_ANSWERS = 10  # so many deleted answers are always believed; of more, only up to half of all answers
DELETE_BATCH_ROWS = 500


@dataclass(frozen=True)
class PullReport:
    """new: judgements added to the ledger. total: judgements in it. labels_changed: images with a new label.

    taken_back: answers that were deleted in Label Studio. dropped: answers about images that are not in the catalog.
    """

    new: int
    total: int
    labels_changed: int
    taken_back: int = 0
    dropped: int = 0
    note: str = ""

    def line(self) -> str:
        """The result in one line."""
        labels = counted(self.labels_changed, "label")
        text = f"{counted(self.new, 'new answer')} ({self.total} in all), {labels} decided"
        if self.taken_back:
            text += f", {self.taken_back} withdrawn"
        if self.dropped:
            text += f", {self.dropped} dropped because their images were erased"
        return f"{text}; {self.note}" if self.note else text


@dataclass(frozen=True)
class Fetched:
    """What one of our Label Studio projects answered."""

    project: StudioProject
    changes: Changes

    @property
    def origin(self) -> JudgementOrigin:
        is_adjudicator = self.project.audience == ADJUDICATOR
        return JudgementOrigin.ADJUDICATOR if is_adjudicator else JudgementOrigin.LABEL_STUDIO


def pull(project: Project, *, everything: bool = False) -> PullReport:
    """Add new and changed answers to the ledger, and decide the labels that they change.

    Fetches what changed since the last pull. With `everything`, and once a day, it fetches all answers, and so notices
    deleted ones. Raises LabelStudioError.
    """
    now = datetime.now(UTC)
    with open_studio(project) as studio:
        projects = find_projects(project, studio, search=False) or find_projects(project, studio)
        if not projects:
            raise LabelStudioError(f"no review project in {studio.url} yet; run `isitcake review push`")
        last_full = _cursor(project, f"reconciled:{studio.url}")
        is_full = everything or (last_full is not None and now - last_full >= FULL_PULL_EVERY)
        withdraw_erased(project, studio)
        fetched = [_fetch(project, studio, each, is_full) for each in projects.values()]
    with project.catalog.write() as connection:
        rows, dropped = _judgements(connection, fetched, now)
        new_names = renamed(connection, LABEL)  # tasks may have been answered before a label was renamed
        labels = project.settings.project.labels
        for row in rows:
            if row["answer"] not in labels:
                row["answer"] = new_names.get(row["answer"], row["answer"])
        new = insert_new(connection, judgements, rows)
        for part in fetched:
            judgement_ledger.learn_users(connection, studio.url, part.changes.users)
            if until := part.changes.until:
                upsert(connection, cursors, [{"name": f"pulled:{part.project.address}", "value": until.isoformat()}])
        withdrawn, note = 0, ""
        if is_full:
            withdrawn, note = _withdraw_deleted(connection, studio.url, fetched, now)
            _forget_lost_tasks(connection, fetched)
        if is_full or last_full is None:
            upsert(connection, cursors, [{"name": f"reconciled:{studio.url}", "value": now.isoformat()}])
        # Without new judgements no label can change.
        labels_changed = label_ledger.settle(connection, now) if new or withdrawn else 0
        return PullReport(new, n_judgements(connection), labels_changed, withdrawn, dropped, note)


def _fetch(project: Project, studio: LabelStudio, studio_project: StudioProject, is_full: bool) -> Fetched:
    if is_full:
        return Fetched(studio_project, studio.everything(studio_project.number))
    since = _cursor(project, f"pulled:{studio_project.address}")
    return Fetched(studio_project, studio.annotations(studio_project.number, since))


def withdraw_erased(project: Project, studio: LabelStudio) -> None:
    """Delete the tasks of erased pictures."""
    with project.catalog.read() as connection:
        rows = connection.execute(
            select(asked)
            .join(tombstones, tombstones.c.value == asked.c.sha256)
            .where(tombstones.c.kind == "sha256", asked.c.project.startswith(f"{studio.url}/", autoescape=True))
        ).all()
    for row in rows:
        if row.task_id is not None:
            studio.remove([row.task_id])
        with project.catalog.write() as connection:
            connection.execute(delete(asked).where(asked.c.ask == row.ask, asked.c.project == row.project))


def n_judgements(connection: Connection) -> int:
    """How many judgements the ledger has."""
    return connection.execute(select(func.count()).select_from(judgements)).scalar_one()


def _judgements(connection: Connection, fetched: Iterable[Fetched], now: datetime) -> tuple[list[dict[str, Any]], int]:
    """Rows of the ledger, oldest answer first, and the number of answers about images that are not in the catalog."""
    pairs = [(part.origin, annotation) for part in fetched for annotation in part.changes.answers]
    pairs.sort(key=lambda pair: (pair[1].changed, pair[1].external_id))
    in_catalog = set(connection.execute(select(images.c.sha256)).scalars())
    spelling = judgement_ledger.spelling(connection)
    rows = [
        {**_row(annotation, origin, now), "reviewer": spelling.get(annotation.reviewer.casefold(), annotation.reviewer)}
        for origin, annotation in pairs
        if annotation.sha256 in in_catalog
    ]
    return rows, len(pairs) - len(rows)


def _row(annotation: Annotation, origin: JudgementOrigin, now: datetime) -> dict[str, Any]:
    return {
        "sha256": annotation.sha256,
        "reviewer": annotation.reviewer,
        "answer": annotation.answer,
        "answered_at": annotation.changed,
        "origin": origin.value,
        "external_id": annotation.external_id,
        "recorded_at": now,
        "seconds": annotation.seconds,
        "why": annotation.why,
    }


def _withdraw_deleted(
    connection: Connection, studio_url: str, fetched: Sequence[Fetched], now: datetime
) -> tuple[int, str]:
    """Withdraw answers that were deleted in Label Studio. Returns their number, and a note where too many are gone."""
    addresses = [part.project.address for part in fetched]
    ours = set(connection.execute(select(asked.c.sha256).where(asked.c.project.in_(addresses))).scalars())
    is_from_studio = judgements.c.external_id.startswith(f"{studio_url}#", autoescape=True)
    newest: dict[str, Any] = {}  # row by annotation
    for row in connection.execute(select(judgements).where(is_from_studio).order_by(judgements.c.id)):
        newest[_annotation_id(row.external_id)] = row
    current = {key: row for key, row in newest.items() if row.answer != WITHDRAWN and row.sha256 in ours}
    existing = {_annotation_id(answer.external_id) for part in fetched for answer in part.changes.answers}
    deleted = [row for key, row in current.items() if key not in existing]
    if len(deleted) > max(FEW_DELETED_ANSWERS, len(current) // 2):
        return 0, (
            f"{len(deleted)} of {len(current)} answers are gone from {studio_url}; this looks like a lost database, so "
            "they are kept here; restore it, or delete them there in smaller parts"
        )
    withdrawals = [
        {
            "sha256": row.sha256,
            "reviewer": row.reviewer,
            "answer": WITHDRAWN,
            "answered_at": now,
            "origin": row.origin,
            "external_id": f"{_annotation_id(row.external_id)}@deleted-{now.isoformat()}",
            "recorded_at": now,
        }
        for row in deleted
    ]
    insert_new(connection, judgements, withdrawals)
    return len(withdrawals), ""


def _forget_lost_tasks(connection: Connection, fetched: Iterable[Fetched]) -> None:
    """Forget unanswered questions whose task was deleted in Label Studio: they can then be asked again."""
    for part in fetched:
        address, existing = part.project.address, set(part.changes.tasks.values())
        is_unanswered = asked.c.withdrawn_at.is_(None), asked.c.sha256.not_in(judged_images())
        rows = connection.execute(select(asked).where(asked.c.project == address, *is_unanswered)).all()
        lost = [row.ask for row in rows if row.task_id is not None and row.task_id not in existing]
        for batch in chunked(lost, DELETE_BATCH_ROWS):
            connection.execute(delete(asked).where(asked.c.project == address, asked.c.ask.in_(batch)))


def _annotation_id(external_id: str) -> str:
    """The annotation without the time of its change: the same for every version of one answer."""
    return external_id.partition("@")[0]


def _cursor(project: Project, name: str) -> datetime | None:
    with project.catalog.read() as connection:
        value = connection.execute(select(cursors.c.value).where(cursors.c.name == name)).scalar()
    return datetime.fromisoformat(value) if value else None
