"""Judgements made elsewhere, and ours for others: CSV, and Label Studio's JSON."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from dataset.catalog.tables import images, judgements
from dataset.catalog.writes import insert_new
from dataset.labels.decisions import WITHDRAWN
from dataset.project import Project
from foundation.errors import BadAnswers
from foundation.files import replace_file
from foundation.settings import NOT_LABELS
from labeling.label_studio import annotations_of
from labeling.pull import PullReport, settled

COLUMNS = ("sha256", "label", "reviewer", "answered_at", "seconds", "why")


def import_answers(project: Project, path: Path, *, are_known: bool = False) -> PullReport:
    """Judgements made elsewhere: a CSV file sha256,label,reviewer[,answered_at], or Label Studio's JSON export.

    All of the file or nothing. are_known: the answers are certain (gold): they settle, and reviewers are measured
    by them. Raises BadAnswers with the line that is wrong.
    """
    now = datetime.now(UTC)
    read = _read_json if path.suffix.lower() == ".json" else _read_csv
    rows = read(path, [*project.settings.project.labels, *NOT_LABELS], now)
    with project.catalog.write() as connection:
        known = set(connection.execute(select(images.c.sha256)).scalars())
        for where, row in rows:
            if row["sha256"] not in known:
                raise BadAnswers(f"{path}, {where}: no image {row['sha256'][:16]}… in the catalog; remove it")
            if are_known:
                row["origin"] = "gold"
        return settled(connection, insert_new(connection, judgements, [row for _, row in rows]), now)


def export_answers(project: Project, path: Path) -> int:
    """Every judgement that stands, as CSV or, to a name in .json, as Label Studio imports it. Returns how many."""
    newest: dict[tuple[str, str], Any] = {}
    with project.catalog.read() as connection:
        for row in connection.execute(select(judgements).order_by(judgements.c.answered_at, judgements.c.id)):
            newest[row.sha256, row.reviewer] = row
    rows = [row for _, row in sorted(newest.items()) if row.answer != WITHDRAWN]
    if path.suffix.lower() == ".json":
        tasks: dict[str, list[Any]] = {}
        for row in rows:
            tasks.setdefault(row.sha256, []).append(row)
        text = json.dumps([_as_task(sha256, given) for sha256, given in tasks.items()], indent=1)
    else:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            values = (row.sha256, row.answer, row.reviewer, row.answered_at.isoformat(), row.seconds or "", row.why)
            writer.writerow([_cell(value) for value in values])
        text = out.getvalue()
    replace_file(path, text.encode())
    return len(rows)


def _cell(value: object) -> str:
    """A spreadsheet must not run what a reviewer wrote."""
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text


def _as_task(sha256: str, given: Sequence[Any]) -> dict[str, Any]:
    annotations = []
    for row in given:
        result: list[dict[str, Any]] = [
            {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": [row.answer]}}
        ]
        if row.why:
            result.append({"from_name": "why", "to_name": "image", "type": "textarea", "value": {"text": [row.why]}})
        annotations.append(
            {
                "completed_by": {"email": row.reviewer},
                "updated_at": row.answered_at.isoformat(),
                "lead_time": row.seconds,
                "result": result,
            }
        )
    return {"data": {"sha256": sha256}, "annotations": annotations}


def _read_csv(path: Path, allowed: list[str], now: datetime) -> list[tuple[str, dict[str, Any]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = {"sha256", "label", "reviewer"} - set(reader.fieldnames or ())
            if missing:
                raise BadAnswers(
                    f"{path}: no column {sorted(missing)[0]!r}; the first line names sha256,label,reviewer"
                )
            return [
                (f"line {reader.line_num}", _answer(row, allowed, now, f"{path}, line {reader.line_num}"))
                for row in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadAnswers(f"{path} cannot be read ({error}); give a CSV file in UTF-8") from error


def _read_json(path: Path, allowed: list[str], now: datetime) -> list[tuple[str, dict[str, Any]]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadAnswers(f"{path} cannot be read ({error}); give Label Studio's JSON export") from error
    if not isinstance(content, list) or not all(isinstance(task, dict) for task in content):
        raise BadAnswers(f"{path}: not a list of tasks; give Label Studio's JSON export")
    found = []
    for number, task in enumerate(content, 1):
        try:
            rows = list(_rows_of(task, f"task {number}"))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BadAnswers(
                f"{path}, task {number}: not as Label Studio writes tasks ({error}); export it from there again"
            ) from error
        found += [(where, _answer(row, allowed, now, f"{path}, {where}")) for where, row in rows]
    return found


def _rows_of(task: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for annotation in annotations_of(task, {}, ""):
        stamp = annotation.changed.isoformat() if annotation.changed.year > 1 else ""
        yield (
            where,
            {
                "sha256": annotation.sha256,
                "label": annotation.answer,
                "reviewer": annotation.reviewer,
                "answered_at": stamp,
                "seconds": annotation.seconds,
                "why": annotation.why,
            },
        )


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
    try:
        seconds = float(row.get("seconds") or 0) or None
    except (TypeError, ValueError):
        raise BadAnswers(f"{where}: seconds {row.get('seconds')!r} is not a number; write one, or nothing") from None
    return {
        "sha256": sha256,
        "reviewer": reviewer[:128],
        "answer": label,
        "answered_at": answered,
        "origin": "import",
        "external_id": hashlib.sha256(f"{reviewer}\0{sha256}\0{label}\0{stamp}".encode()).hexdigest(),
        "recorded_at": now,
        "seconds": seconds,
        "why": str(row.get("why") or "")[:500],
    }
