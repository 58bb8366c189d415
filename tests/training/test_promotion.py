"""A model becomes the default model only if it passes the gates."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from commands import here

from dataset.project import Project
from dataset.publish import publish
from dataset.reader import TAINTED, Version
from foundation.errors import StageError, UnknownModel
from isitcake.output import plain
from training import models
from training.promotion import Promotion, promote, rollback
from training.train import train

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def change_metrics(project: Project, name: str, **costs: float) -> None:
    """Write other costs into a model's metrics.json."""
    path = models.find(project.home, name).path / "metrics.json"
    content = json.loads(path.read_text())
    content["costs"].update(costs)
    path.write_text(json.dumps(content))


def forget_default_model(project: Project) -> None:
    (project.home / "models" / models.DEFAULT_MODEL_FILE).unlink()


def test_the_first_model(trained: Project) -> None:
    """A first model that passes the gates is the default model; a second promotion changes nothing."""
    forget_default_model(trained)
    promotion = promote(trained.settings, "svm", now=NOW)
    assert promotion.refusals == []
    assert promotion.line() == f"{promotion.model} is the default model (the first)"
    assert models.find(trained.home).id == promotion.model
    assert promote(trained.settings, "svm").reasons == ["it already was"]
    with pytest.raises(UnknownModel):
        promote(trained.settings, "nobody")
    with pytest.raises(StageError, match="no earlier default model"):
        rollback(trained.settings)


def test_a_worse_model_is_refused(trained: Project, publish_wrong_labels: Callable[[int], Version]) -> None:
    """A model that learned wrong labels of three bakers is refused, promoted by force, and rolled back."""
    first = models.find(trained.home)
    publish_wrong_labels(3)
    second = train(trained.settings, names=["svm"], now=NOW)
    assert second.version != first.version
    assert second.promotion is not None
    assert second.promotion.refusals
    assert models.default_model_id(trained.home) == first.id
    assert "not promoted" in second.line()
    forced = promote(trained.settings, second.best.id, force=True, now=NOW)
    assert forced.default_model == second.best.id
    state = json.loads((trained.home / "models" / "champion.json").read_text())
    assert state["by"] == "hand, by force"
    assert state["refused"] == second.promotion.refusals
    assert rollback(trained.settings).default_model == first.id
    assert models.find(trained.home).id == first.id


def test_too_few_test_images(collected: Project) -> None:
    """Three test images are too few to promote a model; the model exists nevertheless."""
    publish(collected)
    report = train(collected.settings, names=["linear"])
    assert report.promotion is not None
    (why,) = report.promotion.refusals
    assert "a comparison needs 20 images of two labels: collect more" in why
    assert models.default_model_id(collected.home) == ""
    assert models.find(collected.home).name == "linear"


@pytest.mark.parametrize(
    ("cost", "value", "why"),
    [
        ("parity", 0.5, "parity 0.5 is over 0.001"),
        ("size_mb", 500, "size_mb 500 is over 100"),
        ("latency_ms", 900, "latency_ms 900 is over 200"),
    ],
)
def test_limits_of_costs(trained: Project, cost: str, value: float, why: str) -> None:
    """A graph that differs from its code, a file that is too large, a model that is too slow: each is refused."""
    forget_default_model(trained)
    change_metrics(trained, "linear", **{cost: value})
    assert promote(trained.settings, "linear").refusals == [why]
    ended = here(trained.settings.root, "models", "promote", "linear")
    assert (ended.returncode, "not promoted" in ended.stdout) == (1, True)  # so that a script stops


def test_costs_against_the_default_model(trained: Project) -> None:
    """A model that is three times as slow, or depends more on the source label, is refused."""
    change_metrics(trained, "svm", latency_ms=10, shortcut=0.1)
    change_metrics(trained, "linear", latency_ms=30, shortcut=0.3)
    refusals = promote(trained.settings, "linear").refusals
    assert "30 ms a picture, before 10 ms" in refusals
    assert any(why.startswith("within one label, the source label changes its accuracy by 0.300") for why in refusals)


def test_a_tainted_default_model_gives_way(trained: Project) -> None:
    """Whatever passes its own gates replaces a model that learned from erased images."""
    (models.find(trained.home, "svm").path / TAINTED).write_text("{}")
    promotion = promote(trained.settings, "linear")
    assert promotion.default_model == models.find(trained.home, "linear").id
    assert "was trained on images that were erased" in promotion.line()


def test_keys_of_the_json_output() -> None:
    """Scripts read these keys; they are older than the names of the fields."""
    assert plain(Promotion("a", "b", [], ["c"])) == {"model": "a", "champion": "b", "refusals": [], "told": ["c"]}
