"""All models of one version side by side, as rows for tables and pages."""

from collections.abc import Sequence
from typing import Any

from dataset.reader import UNSEEN
from training.metrics import Metrics
from training.models import Model

COLUMNS = ("model", "what", "test", "unseen sites", "interval", "gap", "AUC", "calibration", "ms", "MB")
UNKNOWN = "–"

_NO_METRICS = Metrics(0, None, None, None, {})


def board(models: Sequence[Model]) -> list[tuple[Any, ...]]:
    """A row for each model, in the order of COLUMNS, with – where a value is unknown.

    "test" and "unseen sites" are balanced accuracies, "gap" is their difference; the interval, AUC and calibration
    error are those on unseen sites.
    """
    return [_row(model) for model in models]


def _row(model: Model) -> tuple[Any, ...]:
    test, unseen = (model.metrics.get(split, _NO_METRICS) for split in ("test", UNSEEN))
    gap = None
    if test.balanced_accuracy is not None and unseen.balanced_accuracy is not None:
        gap = test.balanced_accuracy - unseen.balanced_accuracy
    return (
        model.name,
        model.what,
        _text(test.balanced_accuracy),
        _text(unseen.balanced_accuracy),
        UNKNOWN if unseen.interval is None else f"{unseen.interval[0]:.2f} to {unseen.interval[1]:.2f}",
        _text(gap, "+.3f"),
        _text(unseen.auc),
        _text(unseen.calibration_error),
        _text(model.costs.get("latency_ms"), ".1f"),
        _text(model.costs.get("size_mb"), ".1f"),
    )


def _text(number: float | None, form: str = ".3f") -> str:
    return UNKNOWN if number is None else format(number, form)
