"""The report of a project."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import select

from dataset.catalog.tables import clusters, queue
from dataset.project import Project
from dataset.versions import published
from foundation.errors import UnknownVersion
from labeling.answer_files import import_answers
from web.pages.report import report_html, write_report


class Images(HTMLParser):
    """The attributes of every <img> of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.images: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.images.append(dict(attrs))


def test_the_report_is_one_file(published_project: Project) -> None:
    """Every picture lies inside the page, with a text for people who cannot see it."""
    version = published.newest(published_project.home)
    assert version is not None
    path = write_report(published_project)
    assert path.name == f"{version.name}.html"
    pictures = Images(path.read_text(encoding="utf-8")).images
    assert len(pictures) > 10
    assert all(str(picture["src"]).startswith("data:image/jpeg;base64,") for picture in pictures)
    assert all("alt" in picture for picture in pictures)


def test_the_report_has_every_section(trained: Project) -> None:
    page = report_html(trained)
    for heading in (
        "Labels that people changed", "Next questions for reviewers", "Findings by detector", "Near-duplicates",
        "Subgroups by site", "Shortcuts", "Models", "Last run of each source", "Versions",
    ):  # fmt: skip
        assert f">{heading}" in page, heading
    assert "<td>svm" in page


def test_a_cluster_starts_with_its_representative(collected: Project) -> None:
    with collected.catalog.read() as connection:
        rows = connection.execute(select(clusters)).all()
    several = {row.cluster for row in rows if row.sha256 != row.representative}
    assert several, "the project has no near-duplicates to show"
    page = report_html(collected)
    section = page.partition("Near-duplicates</h2>")[2].partition("<h2")[0]
    groups = section.split('<div class="group">')[1:]
    assert len(groups) == min(12, len(several))
    for group in groups:
        captions = [part.partition("</figcaption>")[0] for part in group.split("<figcaption>")[1:]]
        assert captions[0].startswith("representative: ")
        assert all("bits" in caption for caption in captions[1:])


def test_a_label_that_a_person_changed_is_shown(collected: Project, tmp_path: Path) -> None:
    with collected.catalog.read() as connection:
        sha256 = connection.execute(select(queue.c.sha256).limit(1)).scalar_one()
    assert "None yet." in report_html(collected)
    answers = tmp_path / "answers.csv"
    answers.write_text(f"sha256,label,reviewer\n{sha256},unusable,ann\n")
    import_answers(collected, answers)
    assert "→ unusable" in report_html(collected)


def test_without_a_version_the_report_has_what_was_collected(collected: Project) -> None:
    path = write_report(collected)
    assert path.name == "unpublished.html"
    page = path.read_text(encoding="utf-8")
    assert "images collected" in page
    assert "none yet" in page
    with pytest.raises(UnknownVersion):
        report_html(collected, "2020.1.0")
