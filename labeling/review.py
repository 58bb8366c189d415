"""The review queue: questions out, judgements in. With Label Studio or without."""

import csv
import hashlib
import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, case, func, select

from dataset import decisions
from dataset.audit import residual
from dataset.audit import ticket as audit_ticket
from dataset.catalog import insert_new, upsert
from dataset.project import Project
from dataset.tables import audit, clusters, cursors, images, judgements, queue, review_tasks, sightings, splits
from isitcake.errors import BadAnswers, LabelStudioError
from isitcake.settings import NOT_LABELS
from labeling.label_studio import LabelStudio, Question
from labeling.pictures import picture_url

GUIDELINE = "guideline.md"
TITLE_MAX = 50
TEST_SPLITS = ("test", "test_unseen_sites")
IN_TEST = 1.5  # times as soon


@dataclass(frozen=True)
class PushReport:
    """pushed: new tasks. waiting: tasks nobody answered yet. project_url: where to answer."""

    pushed: int
    waiting: int
    project_url: str
    note: str = ""

    def line(self) -> str:
        """What happened, in one line."""
        return f"{self.pushed} new tasks, {self.waiting} waiting for an answer{'; ' + self.note if self.note else ''}"


@dataclass(frozen=True)
class PullReport:
    """new: judgements not known before. labels_changed: images whose label they changed."""

    new: int
    total: int
    labels_changed: int

    def line(self) -> str:
        """What happened, in one line."""
        return f"{self.new} new answers ({self.total} in all), {self.labels_changed} labels settled"


@dataclass(frozen=True)
class ReviewStatus:
    """queued: images worth a question that nobody answered. waiting: of those, sent to Label Studio.

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
    """Send this round's questions, each once, the most doubtful first.

    A round is [review] budget questions. A new one starts when images were collected since the last, or,
    with another_round, when every question of the last is answered.
    Raises LabelStudioError; questions under way are found again by the next push.
    """
    with _studio(project) as studio:
        number = _project(project, studio)
        name = f"{studio.url}/projects/{number}"
        _repair(project, studio, number, name)
        now = datetime.now(UTC)
        with project.catalog.write() as connection:
            questions, waiting, note = _choose(connection, project, name, now, another_round)
            rows = [{"sha256": q.sha256, "project": name, "pushed_at": now} for q in questions]
            insert_new(connection, review_tasks, rows)
        if questions:
            _note_tasks(project, name, studio.add(number, questions), now)
    return PushReport(len(questions), waiting + len(questions), name, note)


def pull(project: Project) -> PullReport:
    """Bring new and changed answers into the ledger, and settle the labels they decide."""
    with _studio(project) as studio:
        number = _known_project(project, studio) or studio.find_project(_title(project))
        if number is None:
            raise LabelStudioError(f"no review project in {studio.url} yet; run `isitcake review push`")
        cursor = f"pulled:{studio.url}/projects/{number}"
        with project.catalog.read() as connection:
            since = connection.execute(select(cursors.c.value).where(cursors.c.name == cursor)).scalar()
        found = list(studio.annotations(number, datetime.fromisoformat(since) if since else None))
    now = datetime.now(UTC)
    with project.catalog.write() as connection:
        known = set(connection.execute(select(images.c.sha256)).scalars())
        rows = [
            {
                "sha256": annotation.sha256,
                "reviewer": annotation.reviewer,
                "answer": annotation.answer,
                "answered_at": annotation.changed,
                "origin": "label_studio",
                "external_id": annotation.external_id,
                "recorded_at": now,
            }
            for annotation in sorted(found, key=lambda a: (a.changed, a.external_id))
            if annotation.sha256 in known
        ]
        new = insert_new(connection, judgements, rows)
        if found:
            newest = max(annotation.changed for annotation in found)
            upsert(connection, cursors, [{"name": cursor, "value": newest.isoformat()}])
        return _settled(connection, new, now)


def import_answers(project: Project, path: Path) -> PullReport:
    """Judgements made elsewhere: sha256,label,reviewer[,answered_at]. All rows or none.

    Raises BadAnswers with the line that is wrong.
    """
    now = datetime.now(UTC)
    rows = _read_answers(project, path, now)
    with project.catalog.write() as connection:
        known = set(connection.execute(select(images.c.sha256)).scalars())
        for line, row in rows:
            if row["sha256"] not in known:
                raise BadAnswers(f"{path}, line {line}: no image {row['sha256'][:16]}… in the catalog; remove the line")
        return _settled(connection, insert_new(connection, judgements, [row for _, row in rows]), now)


def next_items(project: Project, limit: int, of_audit: bool = False) -> list[dict[str, Any]]:
    """The queue's next images, or the audit's: sha256, path, suggested_label, reasons, error_probability."""
    chosen = select(queue, images.c.format).join(images, images.c.sha256 == queue.c.sha256)
    if of_audit:
        chosen = chosen.join(audit, audit.c.sha256 == queue.c.sha256).order_by(audit.c.ticket)
    else:
        chosen = _ranked(chosen)
    with project.catalog.read() as connection:
        rows = connection.execute(chosen.where(queue.c.sha256.not_in(_judged())).limit(limit)).all()
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
        queued = connection.execute(
            select(func.count()).select_from(queue).where(queue.c.sha256.not_in(_judged()))
        ).scalar_one()
        waiting = connection.execute(
            select(func.count()).select_from(review_tasks).where(review_tasks.c.sha256.not_in(_judged()))
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
                _ranked(select(queue.c.error_probability)).where(queue.c.sha256.not_in(_judged()))
            ).scalars()
        )
        audited = residual(connection)
        return ReviewStatus(
            queued,
            waiting,
            sum(by_person.values()),
            by_person,
            {row[0]: row[1] for row in answers},
            round(sum(doubts), 1),
            round(sum(doubts[:10]), 2),
            audited.images if audited else 0,
            (round(audited.low, 4), round(audited.high, 4)) if audited else None,
        )


def guideline(project: Project) -> str:
    """Markdown shown to reviewers: guideline.md beside isitcake.toml, ours for cake, or the bare labels."""
    own = project.settings.root / GUIDELINE
    if own.is_file():
        return own.read_text(encoding="utf-8")
    labels = project.settings.project.labels
    if labels == ["cake", "not_cake"]:
        return (Path(__file__).parent / GUIDELINE).read_text(encoding="utf-8")
    told = "\n".join(f"- **{label}**" for label in labels)
    return (
        "**Judge what the picture shows, not where it came from.**\n\n"
        f"{told}\n- **unusable**: not a photo that could train or test anything\n"
        "- **unsure**: a careful person would not bet on it\n"
    )


def _studio(project: Project) -> LabelStudio:
    settings = project.settings
    return LabelStudio(settings.review.label_studio_url, settings.secrets.label_studio_api_key.get_secret_value())


def _choose(
    connection: Connection, project: Project, name: str, now: datetime, another_round: bool
) -> tuple[list[Question], int, str]:
    """This round's questions that were not sent yet, how many wait, and why there are none."""
    budget = project.settings.review.budget
    cursor = f"round:{name}"
    value = connection.execute(select(cursors.c.value).where(cursors.c.name == cursor)).scalar()
    round_ = json.loads(value) if value else None
    collected = connection.execute(select(func.count()).select_from(images)).scalar_one()
    waiting = connection.execute(
        select(func.count())
        .select_from(review_tasks)
        .where(review_tasks.c.project == name, review_tasks.c.sha256.not_in(_judged()))
    ).scalar_one()
    if round_ is None or collected > round_["images"] or (another_round and not waiting):
        round_ = {"images": collected, "started_at": now.isoformat()}
        upsert(connection, cursors, [{"name": cursor, "value": json.dumps(round_)}])
    sent = connection.execute(
        select(func.count())
        .select_from(review_tasks)
        .where(review_tasks.c.project == name, review_tasks.c.pushed_at >= datetime.fromisoformat(round_["started_at"]))
    ).scalar_one()
    room = max(0, budget - max(sent, waiting))
    asked = select(review_tasks.c.sha256).where(review_tasks.c.project == name)
    drawn = connection.execute(
        select(audit.c.sha256)
        .where(audit.c.sha256.not_in(asked), audit.c.sha256.not_in(_judged()))
        .order_by(audit.c.ticket)
        .limit(min(room, round(budget * project.settings.review.audit_share)))
    ).scalars()
    risky = connection.execute(
        _ranked(select(queue.c.sha256))
        .where(queue.c.sha256.not_in(asked), queue.c.sha256.not_in(_judged()))
        .limit(room)
    ).scalars()
    # Reviewers cannot tell which is which: all in one order of no meaning.
    chosen = sorted(list(dict.fromkeys([*drawn, *risky]))[:room], key=audit_ticket)
    pages = {
        row.sha256: row.page
        for row in connection.execute(
            select(sightings.c.sha256, func.min(sightings.c.page_url).label("page")).group_by(sightings.c.sha256)
        )
    }
    questions = [Question(sha, picture_url(project.settings, sha), pages.get(sha, "")) for sha in chosen]
    note = "" if questions or room else f"this round's budget of {budget} is asked for"
    return questions, waiting, note


def _ranked(chosen: Any) -> Any:
    """Rows of the queue in the order of asking: a wrong label misleads most where models are tested."""
    weight = case((splits.c.split.in_(TEST_SPLITS), IN_TEST), else_=1.0)
    joined = chosen.outerjoin(splits, splits.c.sha256 == queue.c.sha256)
    return joined.order_by((queue.c.priority * weight).desc(), queue.c.sha256)


def _judged() -> Any:
    """Images answered for: themselves, or another picture of their cluster."""
    other = clusters.alias()
    return (
        select(clusters.c.sha256)
        .join(other, other.c.cluster == clusters.c.cluster)
        .join(judgements, judgements.c.sha256 == other.c.sha256)
    )


def _repair(project: Project, studio: LabelStudio, number: int, name: str) -> None:
    """After a crash between sending and noting: see which questions arrived, forget the others."""
    open_ends = select(review_tasks.c.sha256).where(review_tasks.c.project == name, review_tasks.c.task_id.is_(None))
    with project.catalog.read() as connection:
        if connection.execute(open_ends).first() is None:
            return
    there = studio.tasks(number)
    with project.catalog.write() as connection:
        lost = [sha256 for sha256 in connection.execute(open_ends).scalars() if sha256 not in there]
        connection.execute(review_tasks.delete().where(review_tasks.c.project == name, review_tasks.c.sha256.in_(lost)))
    _note_tasks(project, name, there, datetime.now(UTC))


def _note_tasks(project: Project, name: str, tasks: dict[str, int], now: datetime) -> None:
    with project.catalog.write() as connection:
        before = {
            row.sha256: row.pushed_at
            for row in connection.execute(select(review_tasks).where(review_tasks.c.project == name))
        }
        rows = [
            {"sha256": sha256, "project": name, "task_id": task, "pushed_at": before.get(sha256, now)}
            for sha256, task in tasks.items()
        ]
        upsert(connection, review_tasks, rows)


def _known_project(project: Project, studio: LabelStudio) -> int | None:
    cursor = f"review_project:{studio.url}"
    with project.catalog.read() as connection:
        value = connection.execute(select(cursors.c.value).where(cursors.c.name == cursor)).scalar()
    return int(value) if value and studio.has_project(int(value)) else None


def _title(project: Project) -> str:
    return f"Is it right? {project.settings.project.name}"[:TITLE_MAX]


def _project(project: Project, studio: LabelStudio) -> int:
    """Our project's number in Label Studio, made there if it is not."""
    number = _known_project(project, studio)
    if number is not None:
        return number
    settings = project.settings
    title = _title(project)
    number = studio.find_project(title)
    if number is None:
        labels = [*settings.project.labels, *NOT_LABELS]
        number = studio.create_project(title, labels, _html(guideline(project)), settings.review.answers_needed)
    with project.catalog.write() as connection:
        upsert(connection, cursors, [{"name": f"review_project:{studio.url}", "value": str(number)}])
    return number


def _settled(connection: Connection, new: int, now: datetime) -> PullReport:
    total = connection.execute(select(func.count()).select_from(judgements)).scalar_one()
    return PullReport(new, total, decisions.settle(connection, now))


def _read_answers(project: Project, path: Path, now: datetime) -> Sequence[tuple[int, dict[str, Any]]]:
    allowed = [*project.settings.project.labels, *NOT_LABELS]
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = {"sha256", "label", "reviewer"} - set(reader.fieldnames or ())
            if missing:
                raise BadAnswers(
                    f"{path}: no column {sorted(missing)[0]!r}; the first line names sha256,label,reviewer"
                )
            return [(reader.line_num, _answer(row, allowed, now, f"{path}, line {reader.line_num}")) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadAnswers(f"{path} cannot be read ({error}); give a CSV file in UTF-8") from error


def _answer(row: dict[str, Any], allowed: list[str], now: datetime, where: str) -> dict[str, Any]:
    sha256, label = (row["sha256"] or "").strip().lower(), (row["label"] or "").strip()
    reviewer, stamp = (row["reviewer"] or "").strip(), (row.get("answered_at") or "").strip()
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise BadAnswers(f"{where}: {sha256[:20]!r} is not a SHA-256; write 64 hex digits")
    if label not in allowed:
        raise BadAnswers(f"{where}: {label!r} is not an answer; use one of {', '.join(allowed)}")
    if not reviewer:
        raise BadAnswers(f"{where}: no reviewer; name who answered")
    try:
        answered = datetime.fromisoformat(stamp) if stamp else now
    except ValueError:
        raise BadAnswers(f"{where}: {stamp!r} is not a time; write it like 2026-01-31T12:00:00Z") from None
    if answered.tzinfo is None:
        answered = answered.replace(tzinfo=UTC)
    return {
        "sha256": sha256,
        "reviewer": reviewer[:128],
        "answer": label,
        "answered_at": answered,
        "origin": "import",
        "external_id": hashlib.sha256(f"{reviewer}\0{sha256}\0{label}\0{stamp}".encode()).hexdigest(),
        "recorded_at": now,
    }


def _html(markdown: str) -> str:
    """The little Markdown a guideline needs: paragraphs, lists, bold."""
    parts = []
    for block in re.split(r"\n\s*\n", markdown.strip()):
        lines = [re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", html.escape(line)) for line in block.splitlines()]
        if all(line.startswith("- ") for line in lines):
            parts.append("<ul>" + "".join(f"<li>{line[2:]}</li>" for line in lines) + "</ul>")
        else:
            parts.append(f"<p>{' '.join(line.lstrip('# ') for line in lines)}</p>")
    return "".join(parts)
