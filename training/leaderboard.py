"""All models of one version side by side, as rows for tables and pages."""

from collections.abc import Sequence
from typing import Any

from dataset.reader import UNSEEN
from training.metrics import Metrics
from training.models import Model

COLUMNS = ("model", "what", "test", "unseen sites", "interval", "gap", "AUC", "calibration", "ms", "MB")


def board(listed: Sequence[Model]) -> list[tuple[Any, ...]]:
    """A row for each model, in COLUMNS: balanced accuracies on both tests, their gap, costs; – where unknown."""
    rows = []
    for model in listed:
        test, unseen = (model.metrics.get(split, _UNKNOWN) for split in ("test", UNSEEN))
        gap = None
        if test.balanced_accuracy is not None and unseen.balanced_accuracy is not None:
            gap = test.balanced_accuracy - unseen.balanced_accuracy
        interval = "–" if unseen.interval is None else f"{unseen.interval[0]:.2f} to {unseen.interval[1]:.2f}"
        numbers = (test.balanced_accuracy, unseen.balanced_accuracy)
        rows.append(
            (
                model.name,
                model.what,
                *(_formatted(number) for number in numbers),
                interval,
                _formatted(gap, "+.3f"),
                _formatted(unseen.auc),
                _formatted(unseen.calibration_error),
                _formatted(model.costs.get("latency_ms"), ".1f"),
                _formatted(model.costs.get("size_mb"), ".1f"),
            )
        )
    return rows


_UNKNOWN = Metrics(0, None, None, None, {})


def _formatted(number: float | None, form: str = ".3f") -> str:
    return "–" if number is None else format(number, form)
