"""Gates refuse a version with the reason and the fix; version.json lists what was checked."""

from datetime import UTC, datetime, timedelta

import pytest

from dataset.project import Project
from dataset.publish import publish
from dataset.publishing.gates import Measured, gates_passed
from dataset.publishing.totals import Totals
from dataset.versions import published
from dataset.versions.facts import Audit, ForcedGate, Gate, Shortcut
from foundation.errors import StageError

NOVEMBER = datetime(2026, 11, 24, tzinfo=UTC)


def limited(project: Project, **limits: float) -> Project:
    settings = project.settings
    section = settings.publish.model_copy(update=limits)
    return Project(settings.model_copy(update={"publish": section}), project.catalog, project.blobs)


def test_a_version_lists_shortcuts_and_gates(collected: Project) -> None:
    """The format is at chance after the recipe, which writes all pictures in one format."""
    publish(collected, NOVEMBER)
    version = published.load(collected.home, "2026.11.0")
    after = {row.feature: row.score for row in version.shortcuts["after"]}
    assert {"format", "width", "border", "colour", "thumbnail"} <= set(after)
    assert after["format"] == pytest.approx(0.5)
    assert {gate.gate for gate in version.gates} == {"shortcut", "leakage"}
    card = (version.path / "README.md").read_text(encoding="utf-8")
    assert "| thumbnail |" in card
    assert "Not audited" in card


def test_a_shortcut_above_the_limit_is_refused(collected: Project) -> None:
    worst = [Shortcut("thumbnail", 0.93, "collect look-alikes"), Shortcut("width", 0.6, "")]
    with pytest.raises(StageError, match=r"thumbnail alone predicts the label .* 0\.93.*collect look-alikes"):
        gates_passed(limited(collected, max_shortcut=0.9), Measured(worst, None))
    assert gates_passed(limited(collected, max_shortcut=0.95), Measured(worst, None)) == [
        Gate("shortcut", 0.95, 0.93, "thumbnail")
    ]


def test_labels_that_may_be_too_wrong_are_refused(collected: Project) -> None:
    """The upper bound of the audit's interval counts; without an audit no version passes."""
    strict = limited(collected, max_label_error=0.05)
    with pytest.raises(StageError, match="needs an audit"):
        gates_passed(strict, Measured([], None))
    with pytest.raises(StageError, match=r"up to 7\.0% of the labels may be wrong \(2 of 100 audited\)"):
        gates_passed(strict, Measured([], Audit(100, 2, 0.002, 0.07)))
    assert gates_passed(strict, Measured([], Audit(400, 2, 0.001, 0.018)))[0].gate == "label error"
    with pytest.raises(StageError, match="nothing published"):
        publish(strict, NOVEMBER)
    assert published.names(collected.home) == []


def test_force_is_on_the_card(collected: Project) -> None:
    """A refused version is published with force, and its card says why it was refused."""
    strict = limited(collected, min_images=10_000)
    with pytest.raises(StageError, match=r"images are (cake|not_cake), under \[publish\] min_images 10000"):
        publish(strict, NOVEMBER)
    publish(strict, NOVEMBER, force=True)
    version = published.load(collected.home, "2026.11.0")
    assert [gate.gate for gate in version.gates if isinstance(gate, ForcedGate)] == ["images", "images"]
    card = (version.path / "README.md").read_text(encoding="utf-8")
    assert "## Published by force" in card
    assert "min_images 10000" in card


def test_a_limit_that_is_set_later_is_told_though_nothing_changed(collected: Project) -> None:
    publish(collected, NOVEMBER)
    assert publish(collected, NOVEMBER).line() == "nothing changed since 2026.11.0, nothing published"
    line = publish(limited(collected, certify=0.01), NOVEMBER).line()
    assert "2026.11.0 would be refused now: [publish] certify 1.00% needs a certificate" in line


def test_old_sources_are_refused(collected: Project) -> None:
    """The last successful run of each source counts; a source without one was never collected."""
    strict = limited(collected, max_age_days=7)
    with pytest.raises(StageError, match=r"was collected \d+ days ago, over \[publish\] max_age_days 7"):
        publish(strict, datetime.now(UTC) + timedelta(days=30))
    assert publish(strict, datetime.now(UTC) + timedelta(hours=1)).version
    never = Totals(sources={"nobody"})
    with pytest.raises(StageError, match="nobody was never collected"):
        gates_passed(strict, Measured([], None, never), NOVEMBER)
    (leakage, freshness) = gates_passed(strict, Measured([], None, never), NOVEMBER, force=True)
    assert leakage.value == 0
    assert freshness.value == -1.0


def test_a_picture_that_is_in_twice_is_refused(collected: Project) -> None:
    with pytest.raises(StageError, match="2 pictures are in the version twice"):
        gates_passed(collected, Measured([], None, Totals(repeated_clusters=2)))


def test_a_picture_in_two_splits_is_refused(collected: Project) -> None:
    """Data F10: several clusters may show one picture."""
    with pytest.raises(StageError, match="3 pictures are in two splits"):
        gates_passed(collected, Measured([], None, Totals(split_leaks=3)))
