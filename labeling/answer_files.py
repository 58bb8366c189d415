"""Read and write files of answers: CSV, and Label Studio's JSON."""

import bisect
import csv
import hashlib
import io
import json
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from dataset.catalog.tables import images, judgements, tombstones
from dataset.labels import judgement_ledger, label_ledger
from dataset.labels.vocabulary import WITHDRAWN, JudgementOrigin
from dataset.names.renamed import LABEL, renamed
from dataset.project import Project
from foundation.errors import BadAnswers
from foundation.files import in_words, replace_file
from foundation.safe_text import counted, csv_cell, csv_text, known_names
from foundation.settings import NOT_LABELS
from labeling.pull import PullReport, n_judgements
from labeling.studio_json import WrongShape, annotations_of, as_moment, choice_region, explanation_region, text_of
from labeling.studio_projects import people_of

COLUMNS = ("sha256", "label", "reviewer", "answered_at", "seconds", "why")
REQUIRED_COLUMNS = ("label", "reviewer", "sha256")
FIRST_DIGITS = 8  # of a SHA-256, at least; of 20,000 images, two share them in 5 % of all projects
SEPARATORS = ",;\t"
REVIEWER_MAX_CHARACTERS = 128
MAX_SECONDS = 30 * 86_400.0  # that an answer may take: a page may be open for weeks
EXPLANATION_MAX_CHARACTERS = 500


@dataclass(frozen=True)
class RawAnswer:
    """One answer as it stands in the file, unchecked. where: its line or task."""

    where: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class ImportedAnswer:
    """One answer of a file, checked. has_time: the file names a time; else it is that of the import."""

    where: str
    sha256: str
    label: str
    reviewer: str
    answered_at: datetime
    has_time: bool
    seconds: float | None
    why: str

    def row(self, origin: JudgementOrigin, now: datetime) -> dict[str, Any]:
        """As a row of the ledger of judgements."""
        key = f"{self.reviewer}\0{self.sha256}\0{self.label}\0{self.answered_at.isoformat()}"
        return {
            "sha256": self.sha256,
            "reviewer": self.reviewer,
            "answer": self.label,
            "answered_at": self.answered_at,
            "origin": origin.value,
            "external_id": hashlib.sha256(key.encode()).hexdigest(),
            "recorded_at": now,
            "seconds": self.seconds,
            "why": self.why,
        }


def import_answers(project: Project, path: Path, *, are_known: bool = False) -> PullReport:
    """Add the answers of a file to the ledger: none if one of them is wrong. The same file twice changes nothing.

    path: CSV with the columns sha256,label,reviewer[,answered_at,seconds,why], or a JSON export of Label Studio.
    An answer without a time counts as given now. are_known: the answers are certain (gold): they decide labels, and
    reviewers are measured by them. Raises BadAnswers, which names the wrong line.
    """
    now = datetime.now(UTC)
    raw_answers, note = _read_json(project, path) if path.suffix.lower() == ".json" else _read_csv(path)
    with project.catalog.read() as connection:
        spelling = judgement_ledger.spelling(connection)
        new_names = renamed(connection, LABEL)
        in_catalog = set(connection.execute(select(images.c.sha256)).scalars())
        erased = set(connection.execute(select(tombstones.c.value).where(tombstones.c.kind == "sha256")).scalars())
        n_future = judgement_ledger.n_dated_in_the_future(connection)
    allowed = {name: name for name in (*project.settings.project.labels, *NOT_LABELS)}
    allowed = {**{old: new for old, new in new_names.items() if new in allowed}, **allowed}
    answers = [_checked(raw, allowed, now, path) for raw in raw_answers]
    answers = [
        each if (known := spelling.get(each.reviewer.casefold(), each.reviewer)) == each.reviewer
        else replace(each, reviewer=known)
        for each in answers
    ]  # fmt: skip
    n_read = len(answers)
    answers = _with_whole_sha256(answers, in_catalog, erased, path)
    n_erased = n_read - len(answers)
    _refuse_contradictions(answers, path)
    origin = JudgementOrigin.GOLD if are_known else JudgementOrigin.IMPORT
    undated = [index for index, answer in enumerate(answers) if not answer.has_time]
    new = judgement_ledger.add(project.catalog, [answer.row(origin, now) for answer in answers], undated)
    changed = label_ledger.settle_answers(project.catalog, now)
    if answers and not new:
        note = f"{counted(len(answers), 'answer')} of the file {'is' if len(answers) == 1 else 'are'} known already"
    if n_erased:
        note = "; ".join(filter(None, [note, f"{counted(n_erased, 'answer')} about erased images left out"]))
    if n_future:
        future = f"{counted(n_future, 'older answer')} with a time in the future replaced by any later import"
        note = "; ".join(filter(None, [note, future]))
    with project.catalog.read() as connection:
        return PullReport(new, n_judgements(connection), changed, note=note)


def _with_whole_sha256(
    answers: Iterable[ImportedAnswer], known: Set[str], erased: Set[str], path: Path
) -> list[ImportedAnswer]:
    """The answers with all 64 digits where the file has the first ones only, without those about erased images.

    known: SHA-256 of all images. Raises BadAnswers for digits that no image begins with, or several.
    """
    in_order, gone = sorted(known), sorted(erased - known)
    whole = []
    for answer in answers:
        found = _beginning(in_order, answer.sha256)
        if not found and _beginning(gone, answer.sha256):
            continue
        if not found:
            raise BadAnswers(f"{path}, {answer.where}: no image {answer.sha256[:16]}… in the catalog; remove it")
        if len(found) > 1:
            raise BadAnswers(f"{path}, {answer.where}: several images begin with {answer.sha256}; write more digits")
        whole.append(replace(answer, sha256=found[0]))
    return whole


def _beginning(in_order: Sequence[str], digits: str) -> list[str]:
    """The first two names that begin with these digits. in_order: the names, sorted."""
    start = bisect.bisect_left(in_order, digits)
    return [name for name in in_order[start : start + 2] if name.startswith(digits)]


def _refuse_contradictions(answers: Iterable[ImportedAnswer], path: Path) -> None:
    """Raise BadAnswers if a reviewer answers one picture in two ways, and no time tells which one is later."""
    first: dict[tuple[str, str, datetime], ImportedAnswer] = {}
    undated: dict[tuple[str, str], ImportedAnswer] = {}
    for answer in answers:
        pair = (answer.reviewer, answer.sha256)
        other = first.setdefault((*pair, answer.answered_at), answer)
        if not answer.has_time:
            other = undated.setdefault(pair, other)
        if other.label != answer.label:
            raise BadAnswers(
                f"{path}, {other.where} and {answer.where}: {answer.reviewer} says {other.label} and {answer.label} "
                "about one picture at one time; write answered_at, or keep one of them"
            )


def export_answers(project: Project, path: Path) -> int:
    """Write every reviewer's current answers: as Label Studio's JSON if `path` ends in .json, else as CSV.

    Returns the number of answers.
    """
    with project.catalog.read() as connection:
        given = select(judgements).where(judgements.c.origin != JudgementOrigin.CONFIRMED.value)  # these are no answers
        newest = judgement_ledger.current(connection.execute(given.order_by(judgements.c.id)))
    rows = [row for _, row in sorted(newest.items(), key=lambda item: item[0]) if row.answer != WITHDRAWN]
    text = _as_json(rows) if path.suffix.lower() == ".json" else _as_csv(rows)
    replace_file(path, text.encode())
    return len(rows)


def _as_csv(rows: Iterable[Any]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        values = (row.sha256, row.answer, row.reviewer, row.answered_at.isoformat(), row.seconds or "", row.why)
        writer.writerow([csv_cell(value) for value in values])
    return text.getvalue()


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


def _read_csv(path: Path) -> tuple[list[RawAnswer], str]:
    """The answers of a CSV file, and why there are none. Commas, semicolons or tabs separate the cells."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-16" if content[:2] in (BOM_UTF16_LE, BOM_UTF16_BE) else "utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text))
        head = [name.strip().casefold() for name in next(filter(any, reader), [])]
        missing = [name for name in REQUIRED_COLUMNS if name not in head]
        if missing:
            raise BadAnswers(f"{path}: no column {missing[0]!r}; name sha256,label,reviewer in the first line")
        if twice := [name for name in COLUMNS if head.count(name) > 1]:
            raise BadAnswers(f"{path}: two columns {twice[0]!r}; remove one of them")
        answers = []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            where = f"line {reader.line_num}"
            if any(cell.strip() for cell in cells[len(head) :]):
                message = f"{len(cells)} cells, but {len(head)} columns; put text with a separator into quotes"
                raise BadAnswers(f"{path}, {where}: {message}")
            filled = [csv_text(cell) for cell in cells] + [""] * (len(head) - len(cells))
            answers.append(RawAnswer(where, dict(zip(head, filled, strict=False))))
    except (OSError, UnicodeError, csv.Error) as error:
        raise BadAnswers(f"{path} cannot be read ({in_words(error)}); give a CSV file in UTF-8") from error
    return answers, "" if answers else f"{path} has no line after the names of the columns"


def _separator(text: str) -> str:
    """The separator with which the first line names the most of our columns."""
    first = next(filter(str.strip, text.splitlines()), "")

    def columns(separator: str) -> int:
        return len({name.strip(' "').casefold() for name in first.split(separator)} & set(COLUMNS))

    return max(SEPARATORS, key=columns)


def _read_json(project: Project, path: Path) -> tuple[list[RawAnswer], str]:
    """The answers of Label Studio's JSON, and a note: why there are none, or who is not known by name."""
    try:
        tasks = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadAnswers(f"{path} cannot be read ({in_words(error)}); give a JSON export of Label Studio") from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise BadAnswers(f"{path}: not a list of tasks; give a JSON export of Label Studio")
    people = people_of(project, tasks)
    answers: list[RawAnswer] = []
    n_annotations = 0
    for number, task in enumerate(tasks, 1):
        where = f"task {number}"
        try:
            n_annotations += len(task.get("annotations") or [])
            answers += _raw_answers(task, where, people.names(task))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            message = f"{path}, {where}: not a task of Label Studio ({error}); export the file from there again"
            raise BadAnswers(message) from error
    if answers:
        return answers, people.note
    if tasks and not any("annotations" in task for task in tasks):
        raise BadAnswers(f"{path}: no task has annotations; export it as JSON, not as JSON-MIN")
    reason = f"{counted(n_annotations, 'annotation')} in {counted(len(tasks), 'task')}, none with a choice named label"
    return [], f"{path} has no answer: {reason}"


def _raw_answers(task: Mapping[str, Any], where: str, names: Mapping[Any, str]) -> list[RawAnswer]:
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
        for annotation in annotations_of(task, names, "")
    ]


def _checked(raw: RawAnswer, allowed: Mapping[str, str], now: datetime, path: Path) -> ImportedAnswer:
    fields, where = raw.fields, f"{path}, {raw.where}"
    sha256, label = (fields["sha256"] or "").strip().lower(), (fields["label"] or "").strip()
    reviewer, stamp = (fields["reviewer"] or "").strip(), (fields.get("answered_at") or "").strip()
    if not re.fullmatch(rf"[0-9a-f]{{{FIRST_DIGITS},64}}", sha256):
        raise BadAnswers(
            f"{where}: {sha256[:20]!r} is not a SHA-256; write its 64 hex digits, or at least the first {FIRST_DIGITS}"
        )
    if label not in allowed:
        hint = known_names(label, dict.fromkeys(allowed.values()), "use one of {}")
        raise BadAnswers(f"{where}: {label!r} is not an answer; {hint}")
    if len(reviewer) > REVIEWER_MAX_CHARACTERS:
        most = f"{len(reviewer)} characters; write at most {REVIEWER_MAX_CHARACTERS}"
        raise BadAnswers(f"{where}: the name of the reviewer has {most}")
    if not reviewer:
        raise BadAnswers(f"{where}: no reviewer; write the reviewer's name or e-mail address")
    try:
        text_of(reviewer, "the reviewer")
        why = text_of(fields.get("why") or "", "the explanation")
    except WrongShape as error:
        raise BadAnswers(f"{where}: {error}; remove it") from None
    try:
        answered_at = as_moment(stamp).astimezone(UTC) if stamp else now
    except WrongShape as error:
        raise BadAnswers(f"{where}: {stamp!r}: {error}; correct it, or leave it empty") from None
    except ValueError:
        raise BadAnswers(f"{where}: {stamp!r} is not a time; write it like 2026-01-31T12:00:00Z") from None
    if judgement_ledger.too_late(answered_at, now):
        raise BadAnswers(f"{where}: {stamp!r} is in the future; correct it, or leave it empty")
    try:
        seconds = float(fields.get("seconds") or 0) or None
        if seconds and not 0 < seconds <= MAX_SECONDS:
            raise ValueError
    except (TypeError, ValueError):
        message = f"{where}: {fields.get('seconds')!r} is no number of seconds; write one, or leave it empty"
        raise BadAnswers(message) from None
    return ImportedAnswer(
        where=raw.where,
        sha256=sha256,
        label=allowed[label],
        reviewer=reviewer,
        answered_at=answered_at,
        has_time=bool(stamp),
        seconds=seconds,
        why=why[:EXPLANATION_MAX_CHARACTERS],
    )
