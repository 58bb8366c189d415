"""The audit: drawn by nobody's choice, answered in order, honest about its width."""

from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import select

from dataset.catalog.tables import audit, judgements
from dataset.catalog.writes import append
from dataset.curate import curate
from dataset.labels import label_ledger
from dataset.labels.audit import draw, interval, residual, ticket
from dataset.project import Project

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def answer(project: Project, sha256: str, said: str, reviewer: str = "ann") -> None:
    row = {"sha256": sha256, "reviewer": reviewer, "answer": said, "answered_at": NOW, "origin": "import",
           "external_id": f"{reviewer} {sha256}", "recorded_at": NOW}  # fmt: skip
    with project.catalog.write() as connection:
        append(connection, judgements, [row])


def sample(project: Project) -> list[tuple[str, str]]:
    with project.catalog.read() as connection:
        return [(row.sha256, row.label) for row in connection.execute(select(audit).order_by(audit.c.ticket))]


def test_the_sample_is_the_lowest_tickets_and_stays(collected: Project) -> None:
    """Whatever is suspected; drawn again, nothing changes; answered, it goes on where it was."""
    drawn = sample(collected)
    assert drawn
    with collected.catalog.read() as connection:
        decided = label_ledger.latest(connection)
    publishable = {sha for sha, decision in decided.items() if decision.label in ("cake", "not_cake")}
    assert {sha for sha, _ in drawn} <= publishable
    curate(collected)
    assert sample(collected) == drawn
    for sha256, label in drawn[:3]:
        answer(collected, sha256, label)
    curate(collected)
    grown = sample(collected)
    assert grown[: len(drawn)] == drawn or set(drawn) < set(grown)


def test_only_answers_without_a_gap_count(collected: Project) -> None:
    """The second is answered before the first: nothing is said yet; then wrong ones are counted by label."""
    (first, label), (second, other), (third, _) = sample(collected)[:3]
    answer(collected, second, other)
    with collected.catalog.read() as connection:
        assert residual(connection) is None
    answer(collected, first, "unusable")
    answer(collected, third, "unsure")
    with collected.catalog.read() as connection:
        found = residual(connection)
    assert found is not None
    assert (found.images, found.wrong) == (2, 1)
    assert found.by_label[label][1] == 1
    assert found.low < 0.5 < found.high


def test_drawing_more_waits_for_answers(collected: Project) -> None:
    before = len(sample(collected))
    with collected.catalog.write() as connection:
        assert draw(connection, ["cake", "not_cake"], before, NOW) == 0
        assert draw(connection, ["cake", "not_cake"], before + 1, NOW) == 1


@pytest.mark.parametrize("rate", [0.01, 0.03, 0.05])
def test_the_interval_covers_the_truth(rate: float) -> None:
    """In at least 93 of 100 repetitions, as an exact interval must."""
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(400):
        low, high = interval(int(rng.binomial(300, rate)), 300)
        covered.append(low <= rate <= high)
    assert np.mean(covered) >= 0.93
    assert interval(0, 10)[0] == 0
    assert interval(10, 10)[1] == 1


def test_a_ticket_is_a_pictures_own() -> None:
    assert ticket("ab" * 32) == ticket("ab" * 32) != ticket("ac" * 32)
