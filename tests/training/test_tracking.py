import sys
import types
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from dataset.project import Project
from foundation.errors import TrainingError
from foundation.settings import Settings
from training import models
from training.tracking import tracker


def with_tracking(settings: Settings, address: str) -> Settings:
    return settings.model_copy(update={"models": settings.models.model_copy(update={"tracking": address})})


def test_no_tracking_by_default(trained: Project) -> None:
    tracker(trained.settings).log(models.find(trained.home))


def test_mlflow_that_is_not_installed(trained: Project, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="MLflow is not installed"):
        tracker(with_tracking(trained.settings, str(tmp_path / "runs")))


def test_a_run_for_each_model(trained: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run has the model's parameters, its metrics by split, and its files. MLflow is replaced by a recorder."""
    recorded: dict[str, Any] = {}
    mlflow: Any = types.ModuleType("mlflow")
    mlflow.set_tracking_uri = lambda address: recorded.update(address=address)
    mlflow.set_experiment = lambda name: recorded.update(experiment=name)
    mlflow.start_run = lambda run_name: nullcontext(recorded.update(run=run_name))
    mlflow.log_params = lambda params: recorded.update(params=params)
    mlflow.log_metric = lambda name, value: recorded.setdefault("metrics", {}).update({name: value})
    mlflow.log_artifacts = lambda folder: recorded.update(artifacts=folder)
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    model = models.find(trained.home, "svm")
    tracker(with_tracking(trained.settings, "http://mlflow.example")).log(model)
    assert recorded["address"] == "http://mlflow.example"
    assert recorded["run"] == model.id
    assert recorded["params"]["version"] == model.version
    assert recorded["metrics"]["test.balanced_accuracy"] == model.metrics["test"].balanced_accuracy
    assert "test_unseen_sites.cake.accuracy" in recorded["metrics"]
    assert recorded["artifacts"] == str(model.path)
