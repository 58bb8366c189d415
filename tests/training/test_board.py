from dataclasses import replace
from pathlib import Path

from training.comparison import COLUMNS, UNKNOWN, board
from training.metrics import Metrics
from training.models import Model

MODEL = Model(
    path=Path("models/svm/2026.11.0"), name="svm", version="2026.11.0", what="an SVM", backbone="built-in",
    labels=["cake", "not_cake"], trained_on=100,
    metrics={
        "test": Metrics(40, 0.9, 0.9, (0.8, 1.0), {}),
        "test_unseen_sites": Metrics(40, 0.7, 0.75, (0.6, 0.85), {}, auc=0.8, calibration_error=0.1),
    },
    costs={"latency_ms": 4.44, "size_mb": 9.0},
)  # fmt: skip


def test_board() -> None:
    """A row for each model; values that were not measured are dashes."""
    whole, empty = board([MODEL, replace(MODEL, metrics={}, costs={})])
    assert dict(zip(COLUMNS, whole, strict=True)) == {
        "model": "svm", "what": "an SVM", "test": "0.900", "unseen sites": "0.750", "interval": "0.60 to 0.85",
        "worst group": UNKNOWN, "gap": "+0.150", "AUC": "0.800", "calibration": "0.100", "ms": "4.4", "MB": "9.0",
    }  # fmt: skip
    assert empty == ("svm", "an SVM", *[UNKNOWN] * 9)


def test_the_headline_with_its_worst_group() -> None:
    """Use A2: the mean recall over groups stands in the row, and the worst group beside it."""
    measured = Metrics(
        40, 0.9, 0.9, (0.8, 1.0), {}, groups={"cake, claimed as cake": 0.9, "not_cake, claimed as cake": 0.3},
        headline=0.6, headline_interval=(0.5, 0.7),
    )  # fmt: skip
    (row,) = board([replace(MODEL, metrics={"test_unseen_sites": measured})])
    cells = dict(zip(COLUMNS, row, strict=True))
    assert (cells["unseen sites"], cells["interval"]) == ("0.600", "0.50 to 0.70")
    assert cells["worst group"] == "not_cake, claimed as cake 0.300"
