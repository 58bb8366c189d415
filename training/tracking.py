"""MLflow tracking, if [models] tracking names a server or folder. Only this module knows MLflow."""

import importlib
from dataclasses import dataclass
from typing import Any, Protocol

from foundation.errors import TrainingError
from foundation.settings import Settings
from training.models import Model

TRACKED_METRICS = ("accuracy", "balanced_accuracy", "auc", "calibration_error")


class Tracker(Protocol):
    def log(self, model: Model) -> None:
        """Record a trained model."""


class NoTracker:
    def log(self, model: Model) -> None: ...


@dataclass(frozen=True)
class MLflow:
    """Records each model as a run of the project's experiment."""

    mlflow: Any

    def log(self, model: Model) -> None:
        with self.mlflow.start_run(run_name=model.id):
            self.mlflow.log_params({"version": model.version, "backbone": model.backbone, "model": model.name})
            for split, metrics in model.metrics.items():
                for name in TRACKED_METRICS:
                    if (value := getattr(metrics, name)) is not None:
                        self.mlflow.log_metric(f"{split.replace('/', '.')}.{name}", value)
            self.mlflow.log_artifacts(str(model.path))


def tracker(settings: Settings) -> Tracker:
    """The tracker that the configuration names. Raises TrainingError where MLflow is needed and not installed."""
    address = settings.models.tracking
    if not address:
        return NoTracker()
    try:
        mlflow = importlib.import_module("mlflow")
    except ImportError:
        raise TrainingError(
            "[models] tracking is set, and MLflow is not installed; run `pip install mlflow-skinny`"
        ) from None
    mlflow.set_tracking_uri(address)
    mlflow.set_experiment(settings.project.name)
    return MLflow(mlflow)
