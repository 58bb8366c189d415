"""Read and write files of answers: CSV, and Label Studio's JSON."""

import csv
import hashlib
import io
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from dataset.catalog.tables import images, judgements
from dataset.catalog.writes import insert_new
from dataset.labels.vocabulary import WITHDRAWN, JudgementOrigin
from dataset.names.renamed import LABEL, renamed
from dataset.project import Project
from foundation.errors import BadAnswers
from foundation.files import replace_file
from foundation.settings import NOT_LABELS
from labeling.pull import PullReport, settled
from labeling.studio_json import WrongShape, annotations_of, as_moment, choice_region, explanation_region, text_of

COLUMNS = ("sha256", "label", "reviewer", "answered_at", "seconds", "why")
REQUIRED_COLUMNS = ("label", "reviewer", "sha256")
REVIEWER_MAX_CHARACTERS = 128
EXPLANATION_MAX_CHARACTERS = 500


@dataclass(frozen=True)
class RawAnswer:
    """One answer as it stands in the file, unchecked. where: its line or task."""

    where: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class ImportedAnswer:
    """One answer of a file, checked."""

    where: str
    sha256: str
    label: str
    reviewer: str
    answered_at: datetime
    seconds: float | None
    why: str
    external_id: str

    def row(self, origin: JudgementOrigin, now: datetime) -> dict[str, Any]:
        """As a row of the ledger of judgements."""
        return {
            "sha256": self.sha256,
            "reviewer": self.reviewer[:REVIEWER_MAX_CHARACTERS],
            "answer": self.label,
            "answered_at": self.answered_at,
            "origin": origin.value,
            "external_id": self.external_id,
            "recorded_at": now,
            "seconds": self.seconds,
            "why": self.why[:EXPLANATION_MAX_CHARACTERS],
        }


def import_answers(project: Project, path: Path, *, are_known: bool = False) -> PullReport:
    """Add the answers of a file to the ledger: all of them, or none. The same file twice changes nothing.

    path: CSV with the columns sha256,label,reviewer[,answered_at,seconds,why], or a JSON export of Label Studio.
    are_known: the answers are certain (gold): they decide labels, and reviewers are measured by them. Raises
    BadAnswers, which names the wrong line.
    """
    now = datetime.now(UTC)
    read = _read_json if path.suffix.lower() == ".json" else _read_csv
    with project.catalog.read() as connection:
        new_names = renamed(connection, LABEL)
    labels = project.settings.project.labels
    allowed = {name: name for name in (*labels, *NOT_LABELS)}
    allowed = {**{old: new for old, new in new_names.items() if new in allowed}, **allowed}
    answers = read(path, lambda raw: _checked(raw, allowed, now, path))
    origin = JudgementOrigin.GOLD if are_known else JudgementOrigin.IMPORT
    with project.catalog.write() as connection:
        in_catalog = set(connection.execute(select(images.c.sha256)).scalars())
        for answer in answers:
            if answer.sha256 not in in_catalog:
                raise BadAnswers(f"{path}, {answer.where}: no image {answer.sha256[:16]}… in the catalog; remove it")
        rows = [answer.row(origin, now) for answer in answers]
        return settled(connection, insert_new(connection, judgements, rows), now)


def export_answers(project: Project, path: Path) -> int:
    """Write every reviewer's current answers: as Label Studio's JSON if `path` ends in .json, else as CSV.

    Returns the number of answers.
    """
    newest: dict[tuple[str, str], Any] = {}
    with project.catalog.read() as connection:
        for row in connection.execute(select(judgements).order_by(judgements.c.answered_at, judgements.c.id)):
            newest[row.sha256, row.reviewer] = row
    rows = [row for _, row in sorted(newest.items()) if row.answer != WITHDRAWN]
    text = _as_json(rows) if path.suffix.lower() == ".json" else _as_csv(rows)
    replace_file(path, text.encode())
    return len(rows)


def _as_csv(rows: Iterable[Any]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        values = (row.sha256, row.answer, row.reviewer, row.answered_at.isoformat(), row.seconds or "", row.why)
        writer.writerow([_as_cell(value) for value in values])
    return text.getvalue()


def _as_cell(value: object) -> str:
    """Text that a spreadsheet does not run as a formula."""
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text


def _as_json(rows: Iterable[Any]) -> str:
    by_image: dict[str, list[Any]] = {}
    for row in rows:
        by_image.setdefault(row.sha256, []).append(row)
    return json.dumps([_as_task(sha256, answers) for sha256, answers in by_image.items()], indent=1)


def _as_task(sha256: str, answers: Sequence[Any]) -> dict[str, Any]:
    annotations = [
        {
            "completed_by": {"email": row.reviewer},
            "updated_at": row.answered_at.isoformat(),
            "lead_time": row.seconds,
            "result": [choice_region(row.answer), *([explanation_region(row.why)] if row.why else [])],
        }
        for row in answers
    ]
    return {"data": {"sha256": sha256}, "annotations": annotations}


Check = Callable[[RawAnswer], ImportedAnswer]


def _read_csv(path: Path, check: Check) -> list[ImportedAnswer]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in REQUIRED_COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise BadAnswers(f"{path}: no column {missing[0]!r}; name sha256,label,reviewer in the first line")
            return [check(RawAnswer(f"line {reader.line_num}", row)) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadAnswers(f"{path} cannot be read ({error}); give a CSV file in UTF-8") from error


def _read_json(path: Path, check: Check) -> list[ImportedAnswer]:
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadAnswers(f"{path} cannot be read ({error}); give a JSON export of Label Studio") from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise BadAnswers(f"{path}: not a list of tasks; give a JSON export of Label Studio")
    answers: list[ImportedAnswer] = []
    for number, task in enumerate(tasks, 1):
        where = f"task {number}"
        try:
            raw_answers = _raw_answers(task, where)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            message = f"{path}, {where}: not a task of Label Studio ({error}); export the file from there again"
            raise BadAnswers(message) from error
        answers += [check(raw) for raw in raw_answers]
    return answers


def _raw_answers(task: Mapping[str, Any], where: str) -> list[RawAnswer]:
    return [
        RawAnswer(
            where,
            {
                "sha256": annotation.sha256,
                "label": annotation.answer,
                "reviewer": annotation.reviewer,
                "answered_at": annotation.changed.isoformat() if annotation.changed.year > 1 else "",  # 1: no time
                "seconds": annotation.seconds,
                "why": annotation.why,
            },
        )
        for annotation in annotations_of(task, {}, "")
    ]


def _checked(raw: RawAnswer, allowed: Mapping[str, str], now: datetime, path: Path) -> ImportedAnswer:
    fields, where = raw.fields, f"{path}, {raw.where}"
    sha256, label = (fields["sha256"] or "").strip().lower(), (fields["label"] or "").strip()
    reviewer, stamp = (fields["reviewer"] or "").strip(), (fields.get("answered_at") or "").strip()
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise BadAnswers(f"{where}: {sha256[:20]!r} is not a SHA-256; write 64 hex digits")
    if label not in allowed:
        known = ", ".join(dict.fromkeys(allowed.values()))
        raise BadAnswers(f"{where}: {label!r} is not an answer; use one of {known}")
    if not reviewer:
        raise BadAnswers(f"{where}: no reviewer; write the reviewer's name or e-mail address")
    try:
        text_of(reviewer, "the reviewer")
        why = text_of(fields.get("why") or "", "the explanation")
    except WrongShape as error:
        raise BadAnswers(f"{where}: {error}; remove it") from None
    try:
        answered_at = as_moment(stamp) if stamp else now
    except ValueError:
        raise BadAnswers(f"{where}: {stamp!r} is not a time; write it like 2026-01-31T12:00:00Z") from None
    try:
        seconds = float(fields.get("seconds") or 0) or None
        if seconds and not math.isfinite(seconds):
            raise ValueError
    except (TypeError, ValueError):
        message = f"{where}: seconds {fields.get('seconds')!r} is not a number; write one, or leave it empty"
        raise BadAnswers(message) from None
    return ImportedAnswer(
        where=raw.where,
        sha256=sha256,
        label=allowed[label],
        reviewer=reviewer,
        answered_at=answered_at,
        seconds=seconds,
        why=why,
        external_id=hashlib.sha256(f"{reviewer}\0{sha256}\0{label}\0{stamp}".encode()).hexdigest(),
    )
