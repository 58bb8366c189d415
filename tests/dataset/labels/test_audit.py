"""dataset.labels.audit: the sample is random, is answered in order, and its interval covers the truth."""

from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import select

from dataset.catalog.tables import asked, audit, judgements
from dataset.catalog.writes import append
from dataset.curate import curate
from dataset.labels import label_ledger
from dataset.labels.audit import draw, not_reached, residual, sampled_answers, ticket
from dataset.project import Project
from foundation.intervals import exact_interval

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def answer(project: Project, sha256: str, label: str, reviewer: str = "ann") -> None:
    row = {"sha256": sha256, "reviewer": reviewer, "answer": label, "answered_at": NOW, "origin": "import",
           "external_id": f"{reviewer} {sha256}", "recorded_at": NOW}  # fmt: skip
    with project.catalog.write() as connection:
        append(connection, judgements, [row])


def question(sha256: str, purpose: str) -> dict[str, object]:
    return {
        "ask": sha256[:16],
        "project": "studio 1",
        "sha256": sha256,
        "purpose": purpose,
        "round": 1,
        "pushed_at": NOW,
    }


def sample(project: Project) -> list[tuple[str, str]]:
    with project.catalog.read() as connection:
        return [(row.sha256, row.label) for row in connection.execute(select(audit).order_by(audit.c.ticket))]


def test_the_sample_is_the_lowest_tickets_and_stays(collected: Project) -> None:
    """Drawing again changes nothing; after answers, it goes on with the next tickets."""
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


def test_answers_given_as_the_sample_stand_for_what_the_queue_has_not_reached(collected: Project) -> None:
    """A picture of the sample that the queue asked about, among other suspicious ones, does not."""
    drawn = [sha256 for sha256, _ in sample(collected)]
    with collected.catalog.read() as connection:
        cluster_of = label_ledger.clusters_by_image(connection)
    others = [f"{number:064x}" for number in range(20)]
    for sha256 in (*others[:10], drawn[0], *others[10:]):
        answer(collected, sha256, "cake")
    for sha256 in drawn[1:10]:
        answer(collected, sha256, "cake")
    with collected.catalog.read() as connection:
        assert {cluster_of[sha256] for sha256 in drawn[:10]} == set(sampled_answers(connection))
        assert not_reached(connection) == {cluster_of[sha256] for sha256 in drawn[1:10]}
    with collected.catalog.write() as connection:  # Label Studio's questions say why they were asked
        append(connection, asked, [question(drawn[0], "audit"), question(drawn[1], "risk")])
        assert not_reached(connection) == {cluster_of[sha256] for sha256 in (drawn[0], *drawn[2:10])}


def test_only_answers_before_the_first_gap_count(collected: Project) -> None:
    """While the first picture has no answer, the second does not count; then wrong labels are counted."""
    (first, label), (second, other), (third, _) = sample(collected)[:3]
    answer(collected, second, other)
    with collected.catalog.read() as connection:
        assert residual(connection) is None
    answer(collected, first, "unusable")
    answer(collected, third, "unsure")
    with collected.catalog.read() as connection:
        error = residual(connection)
    assert error is not None
    assert (error.images, error.wrong) == (2, 1)
    assert error.by_label[label][1] == 1
    assert error.low < 0.5 < error.high


def test_a_stopped_picture_does_not_end_the_sample(collected: Project) -> None:
    """Five answers that settle nothing: nobody is asked again, so the pictures after it count."""
    (first, label), (second, other) = sample(collected)[:2]
    answer(collected, second, other)
    for reviewer, given in (("ann", label), ("bob", "unusable"), ("eve", label), ("zoe", "unusable")):
        answer(collected, first, given, reviewer)
    with collected.catalog.read() as connection:
        assert residual(connection) is None
    answer(collected, first, "unsure", "kim")
    with collected.catalog.read() as connection:
        error = residual(connection)
    assert error is not None
    assert (error.images, error.wrong) == (1, 0)


def test_drawing_more_waits_for_answers(collected: Project) -> None:
    before = len(sample(collected))
    with collected.catalog.write() as connection:
        assert draw(connection, ["cake", "not_cake"], before, NOW) == 0
        assert draw(connection, ["cake", "not_cake"], before + 1, NOW) == 1


@pytest.mark.parametrize("rate", [0.01, 0.03, 0.05])
def test_the_interval_covers_the_truth(rate: float) -> None:
    """In at least 93 of 100 repetitions; an exact 95 % interval must."""
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(400):
        low, high = exact_interval(int(rng.binomial(300, rate)), 300)
        covered.append(low <= rate <= high)
    assert np.mean(covered) >= 0.93
    assert exact_interval(0, 10)[0] == 0
    assert exact_interval(10, 10)[1] == 1


def test_every_picture_has_its_own_ticket() -> None:
    assert ticket("ab" * 32) == ticket("ab" * 32) != ticket("ac" * 32)
