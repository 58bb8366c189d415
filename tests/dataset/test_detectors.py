"""Each detector: what it finds, and the near miss it leaves alone."""

from dataclasses import replace

import pytest

from dataset.detectors import DETECTORS, Subject

PHOTO = Subject(
    1200, 900, 50.0, {"alpha": 0.0, "top_colours": 0.2, "white": 0.1, "edges": 20.0}, "cake", frozenset({"cake"})
)


@pytest.mark.parametrize(
    ("name", "found", "missed"),
    [
        ("blank", {"detail": 1.0}, {"detail": 6.0}),
        ("small", {"width": 210, "height": 900}, {"width": 256, "height": 400}),
        ("few_colours", {"measures": {**PHOTO.measures, "top_colours": 0.9}}, {}),
        (
            "transparency",
            {"measures": {**PHOTO.measures, "alpha": 0.4}},
            {"measures": {**PHOTO.measures, "alpha": 0.01}},
        ),
        ("odd_shape", {"width": 1200, "height": 300}, {"width": 1200, "height": 600}),
        ("label_conflict", {"source_labels": frozenset({"cake", "not_cake"})}, {}),
        (
            "out_of_fold",
            {"probabilities": {"cake": 0.2, "not_cake": 0.8}},
            {"probabilities": {"cake": 0.6, "not_cake": 0.4}},
        ),
    ],
)
def test_detector(name: str, found: dict[str, object], missed: dict[str, object]) -> None:
    """Finds its own kind of mistake and nothing else."""
    hits = [finding for kind in DETECTORS if (finding := kind().examine(replace(PHOTO, **found)))]
    assert name in [finding.detector for finding in hits]
    assert all(0 < finding.score <= 1 and finding.proposes != "cake" for finding in hits)
    misses = [kind().examine(replace(PHOTO, **missed)) for kind in DETECTORS]
    assert not any(misses)
