"""All models of one version side by side, as rows for tables and pages."""

from collections.abc import Sequence
from typing import Any

from dataset.reader import UNSEEN
from training.metrics import Metrics
from training.models import Model

COLUMNS = ("model", "what", "test", "unseen sites", "interval", "gap", "AUC", "calibration", "ms", "MB")


def board(found: Sequence[Model]) -> list[tuple[Any, ...]]:
    """A row for each model, in COLUMNS: balanced accuracies on both tests, their gap, costs; – where unknown."""
    rows = []
    for model in found:
        test, unseen = (model.metrics.get(split, _NOTHING) for split in ("test", UNSEEN))
        gap = None
        if test.balanced_accuracy is not None and unseen.balanced_accuracy is not None:
            gap = test.balanced_accuracy - unseen.balanced_accuracy
        interval = "–" if unseen.interval is None else f"{unseen.interval[0]:.2f} to {unseen.interval[1]:.2f}"
        numbers = (test.balanced_accuracy, unseen.balanced_accuracy)
        rows.append(
            (
                model.name,
                model.what,
                *(_told(number) for number in numbers),
                interval,
                _told(gap, "+.3f"),
                _told(unseen.auc),
                _told(unseen.calibration_error),
                _told(model.costs.get("latency_ms"), ".1f"),
                _told(model.costs.get("size_mb"), ".1f"),
            )
        )
    return rows


_NOTHING = Metrics(0, None, None, None, {})


def _told(number: float | None, form: str = ".3f") -> str:
    return "–" if number is None else format(number, form)
