"""dataset.labels.label_ledger and vocabulary: decisions are appended, and the newest one holds."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from dataset.catalog.engine import Catalog
from dataset.catalog.tables import clusters, decisions, findings, judgements, queue, sightings
from dataset.catalog.writes import append
from dataset.labels.decisions import Answer, Decision
from dataset.labels.label_ledger import fitted, latest, newest_answers, opinions_of, settle
from dataset.labels.vocabulary import CERTAIN, EXCLUDED, WITHDRAWN, DecisionOrigin

NOW = datetime(2026, 11, 24, tzinfo=UTC)
A, B, C = "aa" * 32, "bb" * 32, "cc" * 32


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """A and B show the same picture; C is alone. All come from a source of cakes."""
    opened = Catalog("sqlite", tmp_path)
    with opened.write() as connection:
        append(connection, clusters, [{"sha256": s, "cluster": c, "representative": c} for s, c in
                                      ((A, A), (B, A), (C, C))])  # fmt: skip
        append(connection, sightings, [seen(sha256, "cake") for sha256 in (A, B, C)])
    yield opened
    opened.close()


def seen(sha256: str, label: str) -> dict[str, object]:
    return {"sha256": sha256, "source": label, "source_label": label, "site": "s", "seen_at": NOW,
            "image_url": f"https://s.example/{sha256}", "page_url": "https://s.example/"}  # fmt: skip


def judged(
    sha256: str, answer: str, reviewer: str = "ann", minutes: int = 0, origin: str = "import"
) -> dict[str, object]:
    at = NOW + timedelta(minutes=minutes)
    return {"sha256": sha256, "reviewer": reviewer, "answer": answer, "answered_at": at, "origin": origin,
            "external_id": f"{reviewer} {sha256} {minutes}", "recorded_at": at}  # fmt: skip


def labels(catalog: Catalog) -> dict[str, tuple[str, str]]:
    with catalog.write() as connection:
        settle(connection, NOW)
        return {sha256: (d.label, d.origin) for sha256, d in latest(connection).items()}


def test_the_source_decides_while_nobody_answers(catalog: Catalog) -> None:
    assert labels(catalog) == dict.fromkeys((A, B, C), ("cake", "source"))


def test_a_second_settling_appends_nothing(catalog: Catalog) -> None:
    with catalog.write() as connection:
        assert settle(connection, NOW) == 3
        assert settle(connection, NOW) == 0


def test_an_answer_about_one_image_decides_its_whole_cluster(catalog: Catalog) -> None:
    """Older decisions stay in the ledger."""
    labels(catalog)
    with catalog.write() as connection:
        append(connection, judgements, [judged(B, "unusable")])
    assert labels(catalog) == {A: ("unusable", "human"), B: ("unusable", "human"), C: ("cake", "source")}
    with catalog.read() as connection:
        assert connection.execute(select(func.count()).select_from(decisions)).scalar() == 5


def test_sources_that_disagree_exclude_the_cluster(catalog: Catalog) -> None:
    with catalog.write() as connection:
        append(connection, sightings, [seen(B, "not_cake")])
    assert labels(catalog)[A] == (EXCLUDED, "source")


def test_a_high_error_probability_excludes_an_image(catalog: Catalog) -> None:
    with catalog.write() as connection:
        append(connection, queue, [{"sha256": C, "priority": 1.0, "suggested_label": "not_cake",
                                    "error_probability": 0.95, "reasons": []}])  # fmt: skip
    assert labels(catalog)[C] == ("set_aside", "detector")


def test_a_certain_finding_makes_an_image_unusable(catalog: Catalog) -> None:
    with catalog.write() as connection:
        append(connection, findings, [{"sha256": C, "detector": CERTAIN, "version": 1, "score": 1.0,
                                       "proposes": "unusable", "evidence": "one colour"}])  # fmt: skip
    assert labels(catalog)[C] == ("unusable", "detector")
    with catalog.read() as connection:
        assert latest(connection)[C] == Decision("unusable", DecisionOrigin.DETECTOR, "one colour")


def test_the_newest_answer_of_a_reviewer_counts(catalog: Catalog) -> None:
    """Also if it was about another image of the cluster."""
    with catalog.write() as connection:
        append(connection, judgements, [judged(A, "cake", minutes=2), judged(B, "not_cake", minutes=1),
                                        judged(A, "unsure", "bob")])  # fmt: skip
        assert newest_answers(connection) == {A: [Answer("ann", "cake"), Answer("bob", "unsure")]}


def test_a_withdrawn_answer_does_not_count(catalog: Catalog) -> None:
    with catalog.write() as connection:
        append(connection, judgements, [judged(C, "not_cake"), judged(C, WITHDRAWN, minutes=1)])
        assert newest_answers(connection) == {}
        assert opinions_of(connection) == {}
    assert labels(catalog)[C] == ("cake", "source")


@pytest.mark.parametrize("origin", ["gold", "adjudicator"])
def test_a_final_answer_beats_many_others(catalog: Catalog, origin: str) -> None:
    with catalog.write() as connection:
        append(connection, judgements, [judged(C, "cake", name) for name in ("ann", "bob", "eve")])
        append(connection, judgements, [judged(C, "not_cake", "judge", origin=origin)])
        assert fitted(connection).best(C) == ("not_cake", 1.0)
    assert labels(catalog)[C] == ("not_cake", "consensus")
