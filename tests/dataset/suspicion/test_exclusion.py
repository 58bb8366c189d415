"""What is excluded automatically where no prior applies: nothing, until this project's answers prove it right."""

from typing import Any

import numpy as np
import pytest

from dataset.suspicion import exclusion
from dataset.suspicion.clustering import Clustering
from dataset.suspicion.detectors import Finding, Subject
from dataset.suspicion.exclusion import with_exclusions
from dataset.suspicion.queue import UNPROVEN_PRIORITY, Suspicion, queue_rows
from dataset.suspicion.triage import is_proven

NEEDED = 299  # answers "unusable" in a row that prove 99 in 100: 0.99 ** 299 < 0.05


def finding(name: str) -> Finding:
    return Finding(name, 1, 0.6, "unusable", "drawn")


def pictures(n: int, answers: dict[int, str], *findings: str) -> tuple[Clustering, dict[int, Suspicion]]:
    """n pictures of mugs, each with the same findings. answers: by picture."""
    names = [f"{i:04}" for i in range(n)]
    clustering = Clustering.of(
        names, np.arange(n), [1] * n, {name: {"mug"} for name in names}, {names[i]: a for i, a in answers.items()}
    )
    subject = Subject(800, 600, 50.0, {}, "mug", frozenset(["mug"]))
    return clustering, {i: Suspicion.of(subject, [finding(name) for name in findings]) for i in range(n)}


@pytest.mark.parametrize(
    ("answers", "is_right"),
    [
        ([], False),
        (["unusable"] * (NEEDED - 1), False),
        (["unusable"] * NEEDED, True),
        (["unusable"] * NEEDED + ["mug"], False),
        (["unusable"] * 473 + ["mug"], True),
    ],
)
def test_proof_is_99_in_100_with_an_exact_bound(answers: list[str], is_right: bool) -> None:
    """Use A3: one usable picture among 300 is not enough; among 474 it is."""
    assert is_proven(answers) is is_right


@pytest.mark.parametrize(
    ("answered", "usable", "excluded"), [(0, 0, 0), (NEEDED - 1, 0, 0), (NEEDED, 0, 20), (NEEDED, 1, 0)]
)
def test_pictures_are_excluded_only_after_this_projects_proof(answered: int, usable: int, excluded: int) -> None:
    """Use A3: before that, they are first in the queue; those that people answered stay as answered."""
    answers = {i: "mug" if i < usable else "unusable" for i in range(answered)}
    clustering, before = pictures(answered + 20, answers, "few_colours", "small")
    after = with_exclusions(clustering, before) if exclusion.is_proven(clustering, before) else before
    certain = [i for i, s in after.items() if s.findings[0].detector == "certain"]
    assert len(certain) == excluded
    assert all(i >= answered for i in certain)
    rows = queue_rows(clustering, after, {})
    assert len(rows) == 20 - excluded
    assert all(row["priority"] > UNPROVEN_PRIORITY for row in rows)


@pytest.mark.parametrize(
    ("findings", "looks"),
    [(("blank",), True), (("few_colours", "small"), True), (("few_colours",), False), (("blurred", "dark"), False)],
)
def test_one_detector_alone_does_not_say_that_a_picture_is_no_photo(findings: tuple[str, ...], looks: bool) -> None:
    _, suspicions = pictures(1, {}, *findings)
    assert suspicions[0].looks_unusable is looks


def rows_of(wrong: int, n: int, sampled: int) -> list[dict[str, Any]]:
    """The queue of 200 pictures after n answers, of which every (n/wrong)-th found a wrong label."""
    answers = {i: "bowl" if i % (n // wrong) == 0 else "mug" for i in range(n)}
    clustering, suspicions = pictures(200, answers, "novelty")
    names = frozenset(clustering.name(i) for i in range(sampled))
    return queue_rows(clustering, suspicions, {}, names)


def test_only_random_answers_calibrate_the_error_probabilities() -> None:
    """Use A3: 35.6 % where 3 of 84 are wrong. Answers from the queue tell nothing about the rest."""
    assert {row["calibrated_by"] for row in rows_of(4, 40, 0)} == {""}
    assert {row["calibrated_by"] for row in rows_of(4, 40, 29)} == {""}
    rows = rows_of(4, 40, 40)
    assert {row["calibrated_by"] for row in rows} == {"answers"}
    assert sum(row["error_probability"] for row in rows) == pytest.approx(160 * 0.1, abs=5)
