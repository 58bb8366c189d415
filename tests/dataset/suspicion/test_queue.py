"""Which clusters people are asked about, and which come first."""

from typing import Any

import numpy as np

from dataset.labels.players import Agreement
from dataset.suspicion.clustering import Clustering
from dataset.suspicion.detectors import Finding, Subject
from dataset.suspicion.queue import Suspicion, queue_rows


def suspicion(score: float = 0.0, **more: Any) -> Suspicion:
    """A cake on its source's word; a finding with this score says otherwise."""
    subject = Subject(800, 600, 50.0, {}, "cake", frozenset(["cake"]), **more)
    return Suspicion.of(subject, [Finding("words", 1, score, "not_cake", "named 'pie'")] if score else [])


def queued(
    suspicions: dict[int, Suspicion],
    answers: dict[str, str] | None = None,
    objections: dict[str, Agreement] | None = None,
) -> list[str]:
    """Four images, of which the first two are one cluster; the names of the queue, most urgent first."""
    clustering = Clustering.of(
        ("a", "b", "c", "d"), np.array([0, 0, 1, 2]), [2, 1, 1, 1], {name: {"cake"} for name in "abcd"}, answers or {}
    )
    rows = queue_rows(clustering, suspicions, objections or {})
    return [row["sha256"] for row in sorted(rows, key=lambda row: -row["priority"])]


def test_the_most_suspicious_comes_first_and_copies_raise_a_cluster() -> None:
    assert queued({0: suspicion(), 1: suspicion(), 2: suspicion(0.9), 3: suspicion(0.4)}) == ["c", "d", "a"]
    assert queued({0: suspicion(0.4), 1: suspicion(0.4), 2: suspicion(0.4)}) == ["a", "c"]


def test_what_is_answered_or_surely_unusable_is_not_asked() -> None:
    """Neither is an image that no source vouches for."""
    assert queued({0: suspicion(0.9), 2: suspicion(is_surely_unusable=True)}, {"a": "cake"}) == []


def test_a_label_that_players_doubt_is_asked_about_first_although_it_is_answered() -> None:
    """Where players only beat the model, an answered cluster is not asked about again."""
    doubt = Agreement("not_cake", 0.8, 4, 5, label="cake")
    beaten = Agreement("cake", 0.8, 4, 5, label="cake", model_answer="not_cake")
    suspicions = {0: suspicion(), 2: suspicion(0.9), 3: suspicion(0.1)}
    assert queued(suspicions, {"a": "cake"}, {"a": doubt}) == ["a", "c", "d"]
    assert queued(suspicions, {"a": "cake"}, {"a": beaten}) == ["c", "d"]
    assert queued(suspicions, {}, {"d": beaten}) == ["d", "c", "a"]


def test_a_cluster_waits_for_a_person_if_any_of_its_images_may_be_explicit() -> None:
    """It comes first, and says why, though its representative has no such finding."""
    copy = Suspicion.of(
        Subject(800, 600, 50.0, {}, "cake", frozenset(["cake"])), [Finding("explicit", 1, 0.9, "unusable", "may be")]
    )
    clustering = Clustering.of(("a", "b", "c"), np.array([0, 0, 1]), [2, 1, 1], {name: {"cake"} for name in "abc"}, {})
    first, second = sorted(
        queue_rows(clustering, {0: suspicion(), 1: copy, 2: suspicion(0.9)}, {}), key=lambda row: -row["priority"]
    )
    assert (first["sha256"], first["reasons"]) == ("a", ["explicit: may be"])
    assert second["sha256"] == "c"
