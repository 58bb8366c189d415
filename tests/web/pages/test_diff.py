"""The page of what changed between two versions."""

from pathlib import Path

from dataset.project import Project
from dataset.versions import published
from dataset.versions.published import Diff
from web.pages.diff import MOST_TILES, write_diff


def test_each_change_has_a_thumbnail_and_a_reason(published_project: Project, tmp_path: Path) -> None:
    """Of many changes the first ones are shown, and the number of the others."""
    version = published.newest(published_project.home)
    assert version is not None
    first, second, *_ = version.rows()
    relabelled = {"sha256": first.sha256, "was": "cake", "label": "not_cake", "reason": "label from human"}
    removed = {"sha256": second.sha256, "was": "cake", "label": "", "reason": "erased"}
    added = [{"sha256": "0" * 64, "was": "", "label": "cake", "reason": "new"}] * (MOST_TILES + 3)
    page = write_diff(published_project, Diff("a", "b", added, [removed], [relabelled]), tmp_path / "diff.html")
    text = page.read_text(encoding="utf-8")
    assert "Changes from a to b" in text
    assert "cake → not_cake; by a person" in text
    assert "cake; erased" in text
    assert "and 3 more" in text
    assert text.count("data:image/jpeg") == 2


def test_no_change_is_said(published_project: Project, tmp_path: Path) -> None:
    text = write_diff(published_project, Diff("a", "b", [], [], []), tmp_path / "diff.html").read_text(encoding="utf-8")
    assert "No image was added, removed or relabelled." in text
    assert "None" not in text


def test_new_names_are_said(published_project: Project, tmp_path: Path) -> None:
    """A renamed label and a renamed source are on the page, as they are in the terminal."""
    diff = Diff(
        "a", "b", [], [], [], renamed=[{"was": "text", "label": "shot", "images": 50}],
        renamed_sources=[{"was": "texts", "source": "shots", "images": 49}],
    )  # fmt: skip
    text = write_diff(published_project, diff, tmp_path / "diff.html").read_text(encoding="utf-8")
    assert "<p>50 text are shot in b.</p>" in text
    assert "<p>Source texts is shots in b, for 49 images.</p>" in text
