"""Answers in. The ledger keeps all of them: a changed one supersedes, one taken back is superseded by nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, select

from dataset.catalog.tables import asked, cursors, images, judgements, tombstones
from dataset.catalog.writes import insert_new, upsert
from dataset.labels import decisions, label_ledger
from dataset.project import Project
from foundation.errors import LabelStudioError
from labeling.label_studio import Annotation, LabelStudio
from labeling.plan_round import judged_images
from labeling.studio_projects import ADJUDICATOR, known_screens, open_studio

RECONCILED_EVERY = timedelta(days=1)
MANY_GONE = 10  # answers taken back at once, from which more than half is not believed


@dataclass(frozen=True)
class PullReport:
    """new: judgements not known before. labels_changed: images whose label they changed. taken_back: answers that
    were deleted. dropped: answers about images that are no longer in the catalog.
    """

    new: int
    total: int
    labels_changed: int
    taken_back: int = 0
    dropped: int = 0
    note: str = ""

    def line(self) -> str:
        """What happened, in one line."""
        told = f"{self.new} new answers ({self.total} in all), {self.labels_changed} labels settled"
        if self.taken_back:
            told += f", {self.taken_back} taken back"
        if self.dropped:
            told += f", {self.dropped} dropped: their images were erased"
        return f"{told}; {self.note}" if self.note else told


def pull(project: Project, *, everything: bool = False) -> PullReport:
    """Bring new and changed answers into the ledger, and settle the labels they decide.

    Asks for what changed since the last pull; with `everything`, and once a day, for all there is, which also finds
    what was deleted. Raises LabelStudioError.
    """
    now = datetime.now(UTC)
    with open_studio(project) as studio:
        screens = known_screens(project, studio, search=False) or known_screens(project, studio)
        if not screens:
            raise LabelStudioError(f"no review project in {studio.url} yet; run `isitcake review push`")
        names = {screen: f"{studio.url}/projects/{number}" for screen, number in screens.items()}
        since = {screen: _cursor(project, f"pulled:{name}") for screen, name in names.items()}
        last = _cursor(project, f"reconciled:{studio.url}")
        is_full = everything or (last is not None and now - last >= RECONCILED_EVERY)
        withdraw_erased(project, studio)
        changes = {
            screen: studio.everything(number) if is_full else studio.annotations(number, since[screen])
            for screen, number in screens.items()
        }
    found = [(screen, answer) for screen, change in changes.items() for answer in change.answers]
    with project.catalog.write() as connection:
        known = set(connection.execute(select(images.c.sha256)).scalars())
        rows = [
            _row(annotation, "adjudicator" if screen == ADJUDICATOR else "label_studio", now)
            for screen, annotation in sorted(found, key=lambda pair: (pair[1].changed, pair[1].external_id))
            if annotation.sha256 in known
        ]
        new = insert_new(connection, judgements, rows)
        for screen, name in names.items():
            if until := changes[screen].until:
                upsert(connection, cursors, [{"name": f"pulled:{name}", "value": until.isoformat()}])
        gone, note = 0, ""
        if is_full:
            tasks = {names[screen]: set(change.tasks.values()) for screen, change in changes.items()}
            gone, note = _reconcile(connection, studio, list(names.values()), [a for _, a in found], tasks, now)
        if is_full or last is None:
            upsert(connection, cursors, [{"name": f"reconciled:{studio.url}", "value": now.isoformat()}])
        if not new and not gone:  # nothing to decide anew
            total = connection.execute(select(func.count()).select_from(judgements)).scalar_one()
            return PullReport(0, total, 0, 0, len(found) - len(rows), note)
        report = settled(connection, new, now)
    return PullReport(report.new, report.total, report.labels_changed, gone, len(found) - len(rows), note)


def withdraw_erased(project: Project, studio: LabelStudio) -> None:
    """Delete the tasks of pictures that were erased."""
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


def settled(connection: Connection, new: int, now: datetime) -> PullReport:
    """Decide anew what the judgements decide."""
    total = connection.execute(select(func.count()).select_from(judgements)).scalar_one()
    return PullReport(new, total, label_ledger.settle(connection, now))


def _reconcile(
    connection: Connection,
    studio: LabelStudio,
    names: Sequence[str],
    there: Sequence[Annotation],
    tasks: dict[str, set[int]],
    now: datetime,
) -> tuple[int, str]:
    """Take back what was deleted over there; ask again what lost its task. Returns how many, and a note."""
    ours = set(connection.execute(select(asked.c.sha256).where(asked.c.project.in_(names))).scalars())
    newest: dict[str, Any] = {}
    for row in connection.execute(
        select(judgements)
        .where(judgements.c.external_id.startswith(f"{studio.url}#", autoescape=True))
        .order_by(judgements.c.id)
    ):
        newest[row.external_id.partition("@")[0]] = row
    standing = {key: row for key, row in newest.items() if row.answer != decisions.WITHDRAWN and row.sha256 in ours}
    alive = {annotation.external_id.partition("@")[0] for annotation in there}
    gone = [row for key, row in standing.items() if key not in alive]
    note = ""
    if len(gone) > max(MANY_GONE, len(standing) // 2):
        note = (
            f"{len(gone)} of {len(standing)} answers are gone from {studio.url}; that looks like a lost database, so "
            "they are kept here; restore it, or delete them there in smaller parts"
        )
        gone = []
    back = [
        {
            "sha256": row.sha256,
            "reviewer": row.reviewer,
            "answer": decisions.WITHDRAWN,
            "answered_at": now,
            "origin": row.origin,
            "external_id": f"{row.external_id.partition('@')[0]}@deleted-{now.isoformat()}",
            "recorded_at": now,
        }
        for row in gone
    ]
    insert_new(connection, judgements, back)
    for name, numbers in tasks.items():
        lost = [
            row.ask
            for row in connection.execute(
                select(asked).where(
                    asked.c.project == name, asked.c.withdrawn_at.is_(None), asked.c.sha256.not_in(judged_images())
                )
            )
            if row.task_id is not None and row.task_id not in numbers
        ]
        for start in range(0, len(lost), 500):
            part = lost[start : start + 500]
            connection.execute(delete(asked).where(asked.c.project == name, asked.c.ask.in_(part)))
    return len(back), note


def _row(annotation: Annotation, origin: str, now: datetime) -> dict[str, Any]:
    return {
        "sha256": annotation.sha256,
        "reviewer": annotation.reviewer,
        "answer": annotation.answer,
        "answered_at": annotation.changed,
        "origin": origin,
        "external_id": annotation.external_id,
        "recorded_at": now,
        "seconds": annotation.seconds,
        "why": annotation.why,
    }


def _cursor(project: Project, name: str) -> datetime | None:
    with project.catalog.read() as connection:
        value = connection.execute(select(cursors.c.value).where(cursors.c.name == name)).scalar()
    return datetime.fromisoformat(value) if value else None
