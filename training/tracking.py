"""MLflow as a tracker, off unless [models] tracking names one. Only this module knows it."""

import importlib
from dataclasses import dataclass
from typing import Any, Protocol

from foundation.errors import TrainingError
from foundation.settings import Settings
from training.models import Model


class Tracker(Protocol):
    def log(self, model: Model) -> None:
        """Record a trained model."""


class NoTracker:
    def log(self, model: Model) -> None: ...


@dataclass(frozen=True)
class MLflow:
    """Each model as a run of the project's experiment."""

    mlflow: Any

    def log(self, model: Model) -> None:
        with self.mlflow.start_run(run_name=model.id):
            self.mlflow.log_params({"version": model.version, "backbone": model.backbone, "model": model.name})
            for split, metrics in model.metrics.items():
                for what in ("accuracy", "balanced_accuracy", "auc", "calibration_error"):
                    if (value := getattr(metrics, what)) is not None:
                        self.mlflow.log_metric(f"{split.replace('/', '.')}.{what}", value)
            self.mlflow.log_artifacts(str(model.path))


def tracker(settings: Settings) -> Tracker:
    """Raises TrainingError where one is named and MLflow is not installed."""
    where = settings.models.tracking
    if not where:
        return NoTracker()
    try:
        mlflow = importlib.import_module("mlflow")
    except ImportError:
        raise TrainingError(
            "[models] tracking is set, and MLflow is not installed; `pip install mlflow-skinny`"
        ) from None
    mlflow.set_tracking_uri(where)
    mlflow.set_experiment(settings.project.name)
    return MLflow(mlflow)
