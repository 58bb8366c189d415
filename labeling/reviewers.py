"""Measure the reviewers: agreement with each other, accuracy on known answers, consistency, time per answer."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from dataset.catalog.claims import standing
from dataset.catalog.tables import clusters, judgements
from dataset.labels import judgement_ledger, label_ledger
from dataset.labels.decisions import Answer, fit_consensus
from dataset.labels.vocabulary import WITHDRAWN, DecisionOrigin, JudgementOrigin
from dataset.project import Project
from foundation.intervals import exact_interval
from foundation.safe_text import counted

if TYPE_CHECKING:
    from dataset.labels.consensus import Consensus
    from dataset.labels.wall_rates import WallRates

CARELESS_ACCURACY = 0.9  # reviewers with a lower accuracy are called careless
PAUSE_SECONDS = 300.0  # an answer that took longer contains a pause; its time does not count
PERSON_ORIGINS = (DecisionOrigin.HUMAN, DecisionOrigin.CONSENSUS)


@dataclass(frozen=True)
class Reviewer:
    """One reviewer, measured.

    answers: images with a current answer of the reviewer, as `review status` and `review export` count them. accuracy:
    share of right answers, by the consensus model; None without an image that is gold or that others answered too.
    accuracy_interval: its 95 % interval, by these images. agreement: of the images that
    others answered too, the share with the consensus answer. gold: images answered whose answer is known; gold_right:
    of them, answered rightly; gold_interval: 95 % interval of that share. repeats: images answered in two questions;
    steady: of them, with the same answer. seconds: median time of an answer. confirmed: images confirmed on walls.
    misses: share of the odd pictures of walls that the reviewer does not tap; None without walls.
    """

    reviewer: str
    answers: int
    accuracy: float | None
    accuracy_interval: tuple[float, float] | None
    agreement: float | None
    gold: int
    gold_right: int
    gold_interval: tuple[float, float] | None
    repeats: int
    steady: int
    seconds: float | None
    is_careless: bool
    confirmed: int = 0
    misses: float | None = None
    misses_interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class ReviewersReport:
    """corrected: labels that people changed. cost_s: seconds of work per corrected label; None without one."""

    reviewers: tuple[Reviewer, ...]
    corrected: int
    cost_s: float | None

    def line(self) -> str:
        """The result in one line."""
        n_people = len(self.reviewers)
        text = f"{counted(sum(r.answers for r in self.reviewers), 'answer')} by "
        text += "1 person" if n_people == 1 else f"{n_people} people"
        if self.cost_s is not None:
            text += f", {counted(self.corrected, 'label')} corrected at {self.cost_s:.0f} s each"
        careless = [r.reviewer for r in self.reviewers if r.is_careless]
        return text + (f"; check the answers of {', '.join(careless)}" if careless else "")


@dataclass(frozen=True)
class Evidence:
    """What reviewers are measured by.

    newest: the current answers about each cluster. gold: the known answer by cluster. walls: the reviewers' rates.
    """

    newest: Mapping[str, Sequence[Answer]]
    gold: Mapping[str, str]
    consensus: "Consensus"
    walls: "Mapping[str, WallRates]"

    def is_known_without(self, reviewer: str, cluster: str) -> bool:
        """Whether somebody other than this reviewer gave a final answer."""
        return any(answer.is_final and answer.reviewer != reviewer for answer in self.newest.get(cluster, ()))


def reviewers(project: Project, since: datetime | None = None) -> ReviewersReport:
    """Measure everybody who answered, the most answers first. since: only by answers of this time or later."""
    with project.catalog.read() as connection:
        return _report(connection, since)


def last_week(project: Project, now: datetime) -> ReviewersReport:
    return reviewers(project, now - timedelta(days=7))


def table_rows(report: ReviewersReport) -> tuple[list[str], list[list[Any]]]:
    """Header and rows of a table for people."""

    def share(part: int, whole: int) -> str:
        return f"{part} of {whole}" if whole else "–"

    rows = [
        [
            r.reviewer,
            r.answers,
            "–" if r.accuracy is None else f"{r.accuracy:.0%}{_between(r.accuracy_interval)}",
            "–" if r.agreement is None else f"{r.agreement:.0%}",
            share(r.gold_right, r.gold) + _between(r.gold_interval),
            share(r.steady, r.repeats),
            "–" if r.seconds is None else f"{r.seconds:.1f}",
            "careless" if r.is_careless else "",
        ]
        for r in report.reviewers
    ]
    head = ["reviewer", "answers", "accuracy", "agreement", "gold right", "repeats alike", "seconds", ""]
    if any(r.misses is not None for r in report.reviewers):  # a column where somebody confirmed a wall
        misses = ["–" if r.misses is None else f"{r.misses:.0%}{_between(r.misses_interval)}" for r in report.reviewers]
        head, rows = (
            [*head[:-1], "misses on walls", ""],
            [[*row[:-1], text, row[-1]] for row, text in zip(rows, misses, strict=True)],
        )
    return head, rows


def _between(interval: tuple[float, float] | None) -> str:
    return f" ({interval[0]:.0%} to {interval[1]:.0%})" if interval else ""


def _report(connection: Connection, since: datetime | None) -> ReviewersReport:
    cluster_of = label_ledger.clusters_by_image(connection)
    newest = label_ledger.newest_answers(connection, cluster_of)
    walls = label_ledger.rates_on_walls(connection, cluster_of, newest)
    gold = {cluster: a.answer for cluster, answers in newest.items() for a in answers if a.is_final}
    evidence = Evidence(newest, gold, fit_consensus(newest, walls), walls)
    measured = []
    total_seconds = 0.0
    for reviewer, by_cluster in _judgements_by_reviewer(connection).items():
        own = {c: rows for c, rows in by_cluster.items() if since is None or rows[-1].answered_at >= since}
        judged = [row for rows in own.values() for row in rows]
        is_anybody_left = any(rows[-1].answer != WITHDRAWN for rows in own.values())
        if not is_anybody_left or all(row.origin == JudgementOrigin.GOLD for row in judged):
            continue
        measured.append(_measured(reviewer, own, evidence))
        total_seconds += sum(_times(judged))
    corrected = _n_corrected(connection)
    return ReviewersReport(
        tuple(sorted(measured, key=lambda reviewer: (-reviewer.answers, reviewer.reviewer))),
        corrected,
        round(total_seconds / corrected, 1) if corrected and total_seconds else None,
    )


def _judgements_by_reviewer(connection: Connection) -> dict[str, dict[str, list[Any]]]:
    """Rows of the ledger by reviewer and cluster; the last one holds."""
    cluster_of = {row.sha256: row.cluster for row in connection.execute(select(clusters))}
    rows: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for row in connection.execute(select(judgements).order_by(judgements.c.id)):
        earlier = rows[row.reviewer][cluster_of.get(row.sha256, row.sha256)]
        is_newest = not earlier or judgement_ledger.replaces(row, earlier[-1])
        earlier.insert(len(earlier) if is_newest else len(earlier) - 1, row)
    return rows


def _measured(reviewer: str, by_cluster: Mapping[str, Sequence[Any]], evidence: Evidence) -> Reviewer:
    confirmed = {c: rows[-1] for c, rows in by_cluster.items() if all(map(_is_confirmation, rows))}
    by_cluster = {c: kept for c, rows in by_cluster.items() if (kept := [r for r in rows if not _is_confirmation(r)])}
    last = {c: rows[-1].answer for c, rows in by_cluster.items() if rows[-1].answer != WITHDRAWN}
    rates = evidence.walls.get(reviewer)
    known = [
        answer == evidence.gold[cluster]
        for cluster, answer in last.items()
        if evidence.is_known_without(reviewer, cluster)
    ]
    shared = [
        evidence.consensus.best(cluster)[0] == answer
        for cluster, answer in last.items()
        if len(evidence.newest.get(cluster, ())) > 1
    ]
    repeats = [pair for rows in by_cluster.values() if (pair := _first_and_last(rows))]
    times = _times(row for rows in by_cluster.values() for row in rows)
    judged = [
        answer == (evidence.gold.get(cluster) or evidence.consensus.best(cluster)[0])
        for cluster, answer in last.items()
        if evidence.is_known_without(reviewer, cluster) or len(evidence.newest.get(cluster, ())) > 1
    ]
    accuracy, interval = None, None
    if judged and reviewer in evidence.consensus.confusion:
        accuracy = round(evidence.consensus.accuracy(reviewer), 4)
        low, high = exact_interval(sum(judged), len(judged))
        interval = _rounded((min(low, accuracy), max(high, accuracy)))
    held = judgement_ledger.current(sorted((r for rows in by_cluster.values() for r in rows), key=lambda r: r.id))
    return Reviewer(
        reviewer=reviewer,
        answers=sum(row.answer != WITHDRAWN for row in held.values()),
        accuracy=accuracy,
        accuracy_interval=interval,
        agreement=round(sum(shared) / len(shared), 4) if shared else None,
        gold=len(known),
        gold_right=sum(known),
        gold_interval=_rounded(exact_interval(sum(known), len(known))) if known else None,
        repeats=len(repeats),
        steady=sum(first == second for first, second in repeats),
        seconds=round(median(times), 1) if times else None,
        is_careless=accuracy is not None and accuracy < CARELESS_ACCURACY,
        confirmed=sum(row.answer != WITHDRAWN for row in confirmed.values()),
        misses=round(rates.miss, 4) if rates else None,
        misses_interval=_rounded((rates.low, rates.high)) if rates else None,
    )


def _is_confirmation(row: Any) -> bool:
    """Whether a row of the ledger confirms a picture of a wall: no answer about the picture alone."""
    return bool(row.origin == JudgementOrigin.CONFIRMED)


def _times(rows: Iterable[Any]) -> list[float]:
    return [row.seconds for row in rows if row.seconds and row.seconds < PAUSE_SECONDS]


def _first_and_last(rows: Iterable[Any]) -> tuple[str, str] | None:
    """Answers to the first and to the last question about one picture; None where it was asked once."""
    by_question: dict[str, str] = {}
    for row in rows:
        if row.answer != WITHDRAWN:
            by_question[row.external_id.partition("@")[0]] = row.answer
    answers = list(by_question.values())
    return (answers[0], answers[-1]) if len(answers) > 1 else None


def _n_corrected(connection: Connection) -> int:
    """Pictures whose label people changed."""
    claims = {row.sha256: row.source_label for row in connection.execute(select(standing).order_by(standing.c.id))}
    representatives = set(connection.execute(select(clusters.c.representative).distinct()).scalars())
    return sum(
        decision.origin in PERSON_ORIGINS and claims.get(sha256) not in (None, decision.label)
        for sha256, decision in label_ledger.latest(connection).items()
        if sha256 in representatives
    )


def _rounded(interval: tuple[float, float]) -> tuple[float, float]:
    return round(interval[0], 4), round(interval[1], 4)
