"""Models side by side, as rows for tables and pages."""

from collections.abc import Mapping, Sequence
from typing import Any

from dataset.reader import UNSEEN
from training.comparison import Standing
from training.metrics import Metrics
from training.models import Model

COLUMNS = (
    "model", "what", "test", "unseen sites", "interval", "worst group", "gap", "AUC", "calibration", "ms", "MB",
)  # fmt: skip
UNKNOWN = "–"

_NO_METRICS = Metrics(0, None, None, None, {})


def board(models: Sequence[Model]) -> list[tuple[Any, ...]]:
    """A row for each model, in the order of COLUMNS, with – where a value is unknown: on its own version's labels."""
    return [_row(model, model.metrics) for model in models]


def standing_board(standings: Sequence[Standing]) -> list[tuple[Any, ...]]:
    """The same rows on the common tests."""
    return [_row(one.model, one.metrics) for one in standings]


def _row(model: Model, metrics: Mapping[str, Metrics]) -> tuple[Any, ...]:
    """ "test" and "unseen sites" are mean recalls over groups (balanced accuracy in models of old versions), "gap" is
    their difference; the other measurements are those on unseen sites.
    """
    test, unseen = (metrics.get(split, _NO_METRICS) for split in ("test", UNSEEN))
    known, held_out = _headline(test), _headline(unseen)
    interval = unseen.headline_interval or unseen.interval
    worst = unseen.worst_group
    return (
        model.name,
        model.what,
        _text(known),
        _text(held_out),
        UNKNOWN if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}",
        f"{worst} {unseen.groups[worst]:.3f}" if worst else UNKNOWN,
        _text(None if known is None or held_out is None else known - held_out, "+.3f"),
        _text(unseen.auc),
        _text(unseen.calibration_error),
        _text(model.costs.get("latency_ms"), ".1f"),
        _text(model.costs.get("size_mb"), ".1f"),
    )


def _headline(metrics: Metrics) -> float | None:
    return metrics.balanced_accuracy if metrics.headline is None else metrics.headline


def _text(number: float | None, form: str = ".3f") -> str:
    return UNKNOWN if number is None else format(number, form)
