"""What each reviewer's answers are worth: agreement, accuracy on what is known, steadiness, pace."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import Connection, select

from dataset.catalog.tables import clusters, judgements, sightings
from dataset.labels import decisions, label_ledger
from dataset.project import Project
from foundation.intervals import exact_interval

CARELESS = 0.9  # accuracy under which somebody is called careless, once the interval's upper end is below it too
PAUSE_S = 300.0  # longer than that somebody was at lunch


@dataclass(frozen=True)
class Reviewer:
    """answers: images answered. accuracy: over all, by the consensus model. agreement: share of what others answered
    too on which most say the same. gold: known images answered, gold_right of them rightly, gold_interval: 95 % of
    that. repeats: images answered twice, steady of them alike. seconds: median of an answer.
    """

    reviewer: str
    answers: int
    accuracy: float
    agreement: float | None
    gold: int
    gold_right: int
    gold_interval: tuple[float, float] | None
    repeats: int
    steady: int
    seconds: float | None
    is_careless: bool


@dataclass(frozen=True)
class ReviewersReport:
    """cost_s: a person's seconds for each wrong label that was corrected; None while nothing was."""

    reviewers: tuple[Reviewer, ...]
    corrected: int
    cost_s: float | None

    def line(self) -> str:
        """What happened, in one line."""
        told = f"{sum(r.answers for r in self.reviewers)} answers by {len(self.reviewers)} people"
        if self.cost_s is not None:
            told += f", {self.corrected} labels corrected at {self.cost_s:.0f} s each"
        careless = [r.reviewer for r in self.reviewers if r.is_careless]
        return told + (f"; look at what {', '.join(careless)} answered" if careless else "")


def reviewers(project: Project, since: datetime | None = None) -> ReviewersReport:
    """Everybody who answered, the most answers first. since: of answers given then or later."""
    with project.catalog.read() as connection:
        return _report(connection, since)


def last_week(project: Project, now: datetime) -> ReviewersReport:
    return reviewers(project, now - timedelta(days=7))


def table_rows(report: ReviewersReport) -> tuple[list[str], list[list[Any]]]:
    """Head and rows of a table for people."""

    def share(part: int, whole: int) -> str:
        return f"{part} of {whole}" if whole else "–"

    rows = [
        [
            r.reviewer,
            r.answers,
            f"{r.accuracy:.0%}",
            "–" if r.agreement is None else f"{r.agreement:.0%}",
            share(r.gold_right, r.gold)
            + (f" ({r.gold_interval[0]:.0%} to {r.gold_interval[1]:.0%})" if r.gold_interval else ""),
            share(r.steady, r.repeats),
            "–" if r.seconds is None else f"{r.seconds:.1f}",
            "careless" if r.is_careless else "",
        ]
        for r in report.reviewers
    ]
    return ["reviewer", "answers", "accuracy", "agreement", "gold right", "repeats alike", "seconds", ""], rows


def _report(connection: Connection, since: datetime | None) -> ReviewersReport:
    cluster_of = {row.sha256: row.cluster for row in connection.execute(select(clusters))}
    given: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))  # reviewer → cluster → rows
    for row in connection.execute(select(judgements).order_by(judgements.c.answered_at, judgements.c.id)):
        given[row.reviewer][cluster_of.get(row.sha256, row.sha256)].append(row)
    newest = label_ledger.newest_answers(connection)
    gold = {cluster: said.answer for cluster, answers in newest.items() for said in answers if said.is_final}
    found = label_ledger.fitted(connection)
    rows = []
    seconds_in_all = 0.0
    for name, by_cluster in given.items():
        own = {cluster: of for cluster, of in by_cluster.items() if since is None or of[-1].answered_at >= since}
        last = {cluster: of[-1].answer for cluster, of in own.items() if of[-1].answer != decisions.WITHDRAWN}
        if not last or all(row.origin == "gold" for of in own.values() for row in of):
            continue
        known = [(answer, gold[cluster]) for cluster, answer in last.items() if _is_known(cluster, name, newest)]
        right = sum(answer == truth for answer, truth in known)
        shared = [
            found.best(cluster)[0] == answer for cluster, answer in last.items() if len(newest.get(cluster, [])) > 1
        ]
        twice = [pair for of in own.values() if (pair := _first_and_last(of))]
        took = [row.seconds for of in own.values() for row in of if row.seconds and row.seconds < PAUSE_S]
        seconds_in_all += sum(took)
        accuracy = found.accuracy(name) if name in found.confusion else 0.0
        rows.append(
            Reviewer(
                reviewer=name,
                answers=len(last),
                accuracy=round(accuracy, 4),
                agreement=round(sum(shared) / len(shared), 4) if shared else None,
                gold=len(known),
                gold_right=right,
                gold_interval=_rounded(exact_interval(right, len(known))) if known else None,
                repeats=len(twice),
                steady=sum(first == second for first, second in twice),
                seconds=round(median(took), 1) if took else None,
                is_careless=accuracy < CARELESS and len(shared) + len(known) > 0,
            )
        )
    corrected = _corrected(connection)
    return ReviewersReport(
        tuple(sorted(rows, key=lambda row: (-row.answers, row.reviewer))),
        corrected,
        round(seconds_in_all / corrected, 1) if corrected and seconds_in_all else None,
    )


def _is_known(cluster: str, reviewer: str, newest: dict[str, list[decisions.Answer]]) -> bool:
    """Whether somebody else's word on this picture is final."""
    return any(said.is_final and said.reviewer != reviewer for said in newest.get(cluster, []))


def _first_and_last(rows: Iterable[Any]) -> tuple[str, str] | None:
    """Answers to the first and the last question about one picture; None where it was asked once."""
    by_question: dict[str, str] = {}
    for row in rows:
        if row.answer != decisions.WITHDRAWN:
            by_question[row.external_id.partition("@")[0]] = row.answer
    told = list(by_question.values())
    return (told[0], told[-1]) if len(told) > 1 else None


def _corrected(connection: Connection) -> int:
    """Images whose label people changed."""
    said = {row.sha256: row.source_label for row in connection.execute(select(sightings).order_by(sightings.c.id))}
    best = set(connection.execute(select(clusters.c.representative).distinct()).scalars())
    return sum(
        decision.origin in ("human", "consensus") and said.get(sha256) not in (None, decision.label)
        for sha256, decision in label_ledger.latest(connection).items()
        if sha256 in best
    )


def _rounded(pair: tuple[float, float]) -> tuple[float, float]:
    return round(pair[0], 4), round(pair[1], 4)
