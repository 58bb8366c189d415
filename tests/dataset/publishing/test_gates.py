"""Gates refuse with the reason and the mend, and what passed stands in version.json."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image

from dataset.labels.audit import Residual
from dataset.project import Project
from dataset.publish import publish
from dataset.publishing.gates import gates_passed
from dataset.publishing.shortcuts import Shortcut
from dataset.versions import published
from dataset.versions.leaks import leaks
from foundation.errors import StageError

NOVEMBER = datetime(2026, 11, 24, tzinfo=UTC)


def limited(project: Project, **limits: float) -> Project:
    settings = project.settings
    section = settings.publish.model_copy(update=limits)
    return Project(settings.model_copy(update={"publish": section}), project.catalog, project.blobs)


def test_a_version_says_what_trivial_things_predict(collected: Project) -> None:
    """Before the recipe and after it; the format, which the recipe settles, is at chance."""
    publish(collected, NOVEMBER)
    version = published.load(collected.home, "2026.11.0")
    after = {row["feature"]: row["score"] for row in version.shortcuts["after"]}
    assert {"format", "width", "border", "colour", "thumbnail"} <= set(after)
    assert after["format"] == pytest.approx(0.5)
    assert {gate["gate"] for gate in version.gates} == {"shortcut", "leakage"}
    card = (version.path / "README.md").read_text(encoding="utf-8")
    assert "| thumbnail |" in card
    assert "Not audited" in card


def test_a_shortcut_above_the_limit_is_refused(collected: Project) -> None:
    worst = [Shortcut("thumbnail", 0.93, "collect look-alikes"), Shortcut("width", 0.6, "")]
    with pytest.raises(StageError, match=r"thumbnail alone predicts the label .* 0\.93.*collect look-alikes"):
        gates_passed(limited(collected, max_shortcut=0.9), worst, None)
    assert gates_passed(limited(collected, max_shortcut=0.95), worst, None)[0]["value"] == 0.93


def test_labels_that_may_be_too_wrong_are_refused(collected: Project) -> None:
    """By the interval's upper bound; without an audit there is nothing to pass by."""
    strict = limited(collected, max_label_error=0.05)
    with pytest.raises(StageError, match="needs an audit"):
        gates_passed(strict, [], None)
    with pytest.raises(StageError, match=r"may be wrong by 7\.0% \(2 of 100 audited\)"):
        gates_passed(strict, [], Residual(100, 2, 0.002, 0.07))
    assert gates_passed(strict, [], Residual(400, 2, 0.001, 0.018))[0]["gate"] == "label error"
    with pytest.raises(StageError, match="nothing published"):
        publish(strict, NOVEMBER)
    assert published.names(collected.home) == []


def test_force_is_on_the_card(collected: Project) -> None:
    """Refused first; with force it is published, and the card says what refused it."""
    strict = limited(collected, min_images=10_000)
    with pytest.raises(StageError, match=r"images are (cake|not_cake), under \[publish\] min_images 10000"):
        publish(strict, NOVEMBER)
    publish(strict, NOVEMBER, force=True)
    version = published.load(collected.home, "2026.11.0")
    assert [gate["gate"] for gate in version.gates if gate.get("forced")] == ["images", "images"]
    card = (version.path / "README.md").read_text(encoding="utf-8")
    assert "## Published by force" in card
    assert "min_images 10000" in card


def test_old_sources_are_refused(collected: Project) -> None:
    """By the last run that went through; a source that was collected from lately passes."""
    strict = limited(collected, max_age_days=7)
    with pytest.raises(StageError, match=r"was collected from \d+ days ago, over \[publish\] max_age_days 7"):
        publish(strict, datetime.now(UTC) + timedelta(days=30))
    assert publish(strict, datetime.now(UTC) + timedelta(hours=1)).version


def test_a_picture_under_two_names_in_two_splits_is_found(collected: Project) -> None:
    """By its looks: a smaller copy of a training image planted in another split."""
    publish(collected, NOVEMBER)
    version = published.load(collected.home, "2026.11.0")
    assert leaks(version.path, version.rows()) == []
    train = next(row for row in version.rows() if row.split == "train" and row.label == "cake")
    with Image.open(version.path / train.file) as picture:
        small = picture.resize((picture.width // 2, picture.height // 2))
    planted = replace(train, sha256="0" * 64, cluster="0" * 64, split="test", file="data/test/cake/planted.jpg")
    small.save(version.path / planted.file, quality=80)
    (found,) = leaks(version.path, [*version.rows(), planted])
    assert found == f"{train.file} and {planted.file} show the same picture"
