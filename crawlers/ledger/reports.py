"""What a run of a source did: counted from the ledger, as one row of a table and as JSON."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy import Row as Record

from crawlers.ledger.sole_run import may_be_collected_now
from crawlers.source_health import HISTORY_RUNS, REFUSED, USABLE, Outcome, Reason, RunStatus
from dataset.catalog.tables import outcomes, runs
from dataset.project import Project

OUTCOMES = tuple(Outcome)
NOT_MODIFIED = "304"  # why an image is unchanged: the server said so; without it, its bytes were the same


@dataclass(frozen=True)
class SourceReport:
    """What one run of one source did. The outcomes add up to the candidates.

    reasons: counts by `outcome: reason`. notes: sentences, the most important first.
    """

    source: str
    run_id: int
    status: str
    pages: int
    candidates: int
    requests: int
    outcomes: dict[str, int]
    reasons: dict[str, int]
    notes: list[str] = field(default_factory=list)

    def row(self) -> dict[str, str | int]:
        """One row of the table that says what a collection did."""
        refused = {text: n for text, n in sorted(self.reasons.items()) if Reason.parse(text).outcome in REFUSED}
        return {
            "source": self.source,
            "status": self.status,
            "pages": self.pages,
            "candidates": self.candidates,
            **{outcome.value: self.outcomes.get(outcome, 0) for outcome in OUTCOMES},
            "saved by 304": self.reasons.get(str(Reason(Outcome.UNCHANGED, NOT_MODIFIED)), 0),
            "image requests": self.requests,
            "why not": "; ".join(f"{text} {n}" for text, n in refused.items()),
            "notes": "; ".join(self.notes),
        }


@dataclass(frozen=True)
class Tally:
    """Candidates of a run, counted by outcome and by reason."""

    outcomes: Mapping[Outcome, int]
    reasons: Mapping[Reason, int]

    def outcomes_by_name(self) -> dict[str, int]:
        return {outcome.value: n for outcome, n in self.outcomes.items()}

    def reasons_by_text(self) -> dict[str, int]:
        return {str(reason): n for reason, n in self.reasons.items()}


def last_reports(project: Project) -> list[SourceReport]:
    """The newest run of every source, in the order of their names. A run that no process continues is interrupted."""
    with project.catalog.read() as connection:
        rows = sorted(_newest(connection), key=lambda row: row.source)
        tallies = [tally(connection, row.id) for row in rows]
    return [_report(project, row, counts) for row, counts in zip(rows, tallies, strict=True)]


@dataclass(frozen=True)
class RunsBefore:
    """The newest run of each source at one moment: its number, and whether it had ended."""

    newest: Mapping[str, tuple[int, bool]]

    @classmethod
    def now(cls, project: Project) -> "RunsBefore":
        with project.catalog.read() as connection:
            return cls({row.source: _state(row) for row in _newest(connection)})

    def ended_since(self, project: Project, source: str) -> SourceReport | None:
        """The newest run of a source, if it ended after that moment. source: its name."""
        with project.catalog.read() as connection:
            row = next((row for row in _newest(connection) if row.source == source), None)
            if row is None or not row.finished_at or _state(row) == self.newest.get(source):
                return None
            return _report(project, row, tally(connection, row.id))


def _newest(connection: Connection) -> Sequence[Record[Any]]:
    """The newest run of every source."""
    ids = select(func.max(runs.c.id)).group_by(runs.c.source)
    return connection.execute(select(runs).where(runs.c.id.in_(ids))).all()


def _state(row: Record[Any]) -> tuple[int, bool]:
    return row.id, row.finished_at is not None


def _report(project: Project, row: Record[Any], counts: "Tally") -> SourceReport:
    return SourceReport(
        source=row.source,
        run_id=row.id,
        status=_status(project, row.source, row.status),
        pages=row.pages,
        candidates=row.candidates if row.finished_at else sum(counts.outcomes.values()),
        requests=row.requests,
        outcomes=counts.outcomes_by_name(),
        reasons=counts.reasons_by_text(),
        notes=list(row.notes),
    )


def _status(project: Project, source: str, status: str) -> str:
    """The status of a run. In the catalog, a killed run is like one that goes on."""
    if status == RunStatus.RUNNING and not may_be_collected_now(project, source):
        return RunStatus.INTERRUPTED
    return status


def tally(connection: Connection, run_id: int) -> Tally:
    """Count a run's candidates."""
    rows = connection.execute(
        select(outcomes.c.outcome, outcomes.c.reason, func.count())
        .where(outcomes.c.run_id == run_id)
        .group_by(outcomes.c.outcome, outcomes.c.reason)
    )
    by_outcome: Counter[Outcome] = Counter()
    by_reason: Counter[Reason] = Counter()
    for outcome, reason, n in rows:
        by_outcome[Outcome(outcome)] += n
        if reason:
            by_reason[Reason.of(outcome, reason)] += n
    return Tally(by_outcome, by_reason)


def usable_history(connection: Connection, source: str, before: int) -> list[int]:
    """Usable images of the source's runs before run `before`, newest first."""
    rows = connection.execute(
        select(runs.c.id, func.count())
        .join(outcomes, outcomes.c.run_id == runs.c.id)
        .where(runs.c.source == source, runs.c.id < before, outcomes.c.outcome.in_(USABLE))
        .group_by(runs.c.id)
        .order_by(runs.c.id.desc())
        .limit(HISTORY_RUNS)
    )
    return [count for _, count in rows]
