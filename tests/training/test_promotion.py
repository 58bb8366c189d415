"""Promotion and retraining: a better model becomes the default model; automatic training is done only when worth it."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import select

from dataset.catalog.tables import judgements, sightings
from dataset.catalog.writes import append
from dataset.curate import curate
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from foundation.errors import StageError, UnknownModel
from training import models
from training import train as stage
from training.attempts.linear import Linear
from training.promotion import default_model, promote, rollback
from training.retraining import due, retrain
from training.train import train

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def flip(project: Project, sources: list[str]) -> None:
    """People answer the opposite for everything of these sources."""
    with project.catalog.write() as connection:
        rows = connection.execute(
            select(judgements.c.sha256, judgements.c.answer)
            .join(sightings, sightings.c.sha256 == judgements.c.sha256)
            .where(sightings.c.source.in_(sources))
        ).all()
        other = {"cake": "not_cake", "not_cake": "cake"}
        append(connection, judgements, [
            {"sha256": row.sha256, "reviewer": "ann", "answer": other[row.answer], "answered_at": datetime.now(UTC),
             "origin": "import", "external_id": f"flipped {row.sha256}", "recorded_at": NOW}
            for row in rows if row.answer in other])  # fmt: skip
    curate(project)
    publish(project)


def seen_sources(project: Project, count: int) -> list[str]:
    """Bakers that are trained on."""
    version = published.newest(project.home)
    assert version is not None
    bakers = {row.site for row in version.rows() if row.split == "train" and row.source_label == "cake"}
    return sorted(bakers)[:count]


def test_the_first_that_is_good_enough(bakery: Project) -> None:
    """The first model becomes the default model and answers; promoting it again changes nothing."""
    report = train(bakery.settings, names=["svm"], now=NOW)
    assert report.promotion is not None
    assert report.promotion.refusals == []
    assert models.find(bakery.home).id == report.best.id
    assert "is the default model (the first)" in report.line()
    assert promote(bakery.settings, "svm").notes == ["it was before"]
    with pytest.raises(UnknownModel):
        promote(bakery.settings, "nobody")
    with pytest.raises(StageError, match="no earlier default model"):
        rollback(bakery.settings)


def test_a_worse_one_is_refused_and_told_why(bakery: Project) -> None:
    """Labels flipped at three bakers: its model is compared on its own version's tests, and loses."""
    first = train(bakery.settings, names=["svm"], now=NOW)
    flip(bakery, seen_sources(bakery, 3))
    second = train(bakery.settings, names=["svm"], now=NOW)
    assert second.version != first.version
    assert second.promotion is not None
    assert second.promotion.refusals
    assert models.default_model_id(bakery.home) == first.best.id
    assert "not promoted" in second.line()
    forced = promote(bakery.settings, second.best.id, force=True, now=NOW)
    assert forced.default_model == second.best.id
    state = json.loads((bakery.home / "models" / "champion.json").read_text())
    assert state["by"] == "hand, by force"
    assert state["refused"] == second.promotion.refusals
    assert rollback(bakery.settings).default_model == first.best.id
    assert models.find(bakery.home).id == first.best.id


def test_too_few_tests_tell_nothing(collected: Project) -> None:
    """Three images in a test split make no default model; the model itself is kept."""
    publish(collected)
    report = train(collected.settings, names=["linear"])
    assert report.promotion is not None
    (why,) = report.promotion.refusals
    assert "at least 20 of two labels are needed, collect more" in why
    assert models.default_model_id(collected.home) == ""
    assert models.find(collected.home).name == "linear"


@pytest.mark.parametrize(
    ("cost", "why"),
    [("parity", "parity 0.5 is over 0.001"), ("size_mb", "size_mb 500 is over"), ("latency_ms", "latency_ms 900 is")],
)
def test_costs_are_gates(bakery: Project, cost: str, why: str) -> None:
    """A graph that says something else than its code, a file too large, an answer too slow."""
    report = train(bakery.settings, names=["linear"], now=NOW)
    (bakery.home / "models" / "champion.json").unlink()
    path = report.best.path / "metrics.json"
    content = json.loads(path.read_text())
    content["costs"][cost] = {"parity": 0.5, "size_mb": 500, "latency_ms": 900}[cost]
    path.write_text(json.dumps(content))
    refused = promote(bakery.settings, "linear").refusals
    assert any(why in one for one in refused)


def test_what_is_worth_a_training(bakery: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough change, a tainted default model, at most once a day."""
    monkeypatch.setattr(stage, "ATTEMPTS", (Linear,))
    version = published.newest(bakery.home)
    assert version is not None
    assert due(bakery.home, version) == (True, "there is no default model yet")
    report = retrain(bakery.settings, version.name, NOW)
    assert report.new == ["linear"]
    told = retrain(bakery.settings, version.name, NOW + timedelta(hours=3))
    assert told.new == []
    assert told.line() == f"not trained on {version.name}: trained 3.0 hours ago; at most once a day"
    tomorrow = NOW + timedelta(days=2)
    assert due(bakery.home, version, tomorrow) == (False, f"{report.best.id} was trained on it")
    with bakery.catalog.write() as connection:
        one = version.rows()[0]
        append(connection, judgements, [
            {"sha256": one.sha256, "reviewer": "ann", "answer": "unusable", "answered_at": datetime.now(UTC),
             "origin": "import",
             "external_id": "x", "recorded_at": NOW}])  # fmt: skip
    curate(bakery)
    publish(bakery)
    newer = published.newest(bakery.home)
    assert newer is not None
    is_due, why = due(bakery.home, newer, tomorrow)
    assert not is_due
    assert why == f"1 images changed since {version.name}; 10 are worth a training"
    flip(bakery, seen_sources(bakery, 1))
    newest = published.newest(bakery.home)
    assert newest is not None
    assert due(bakery.home, newest, tomorrow)[0]


def test_an_erasure_that_taints_the_default_model(bakery: Project) -> None:
    """Its frozen features go with the picture, and a training is due, whatever was trained today."""
    train(bakery.settings, names=["svm"], now=NOW)
    version = published.newest(bakery.home)
    assert version is not None
    gone = next(row for row in version.rows() if row.split == "train")
    erase(bakery, Selection(Kind.SHA256, gone.sha256), "asked")
    assert due(bakery.home, version, NOW)[0]
    needle = gone.sha256.encode()
    wide = gone.sha256.encode("utf-32-le")  # as numpy keeps text
    left = [
        str(path.relative_to(bakery.home))
        for path in bakery.home.rglob("*")
        if path.is_file() and (needle in (content := path.read_bytes()) or wide in content)
    ]
    assert [name for name in left if not name.startswith("catalog.db")] == []
    default = default_model(bakery.home)
    assert default is not None
    assert default.is_tainted
    publish(bakery)
    newest = published.newest(bakery.home)
    assert newest is not None
    assert np.isfinite(models.score(train(bakery.settings, newest.name, names=["svm"]).best))
