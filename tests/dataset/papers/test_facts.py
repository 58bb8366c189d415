"""Facts are counted from the manifest and the catalog."""

import contextlib
from pathlib import Path

import pytest
from crawling import photo, with_xmp
from small_projects import SmallProject, smaller

from dataset.opening import open_project
from dataset.papers.datasheet import datasheet
from dataset.papers.facts import domain_of, read_facts
from dataset.papers.wording import opt_outs
from dataset.project import Project
from dataset.versions import published
from foundation.errors import UnknownVersion, UsageError


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://www.Baker.example/cakes?x=1", "baker.example"),
        ("http://127.0.0.1:8101/gallery", "127.0.0.1:8101"),
        ("http://shop.baker.example/", "shop.baker.example"),
        ("folder:mugs/a.jpg", ""),
        ("https://[broken", ""),
        ("", ""),
    ],
)
def test_the_domain_of_a_page(url: str, domain: str) -> None:
    assert domain_of(url) == domain


def test_facts_of_a_published_project(published_project: Project) -> None:
    """Counts are those of the version: pages of sites give domains, a photo API gives none of its own."""
    facts = read_facts(published_project)
    version = published.newest(published_project.home)
    assert version is not None
    rows = version.rows()
    assert facts.version.name == version.name
    assert facts.totals.images == len(rows) == sum(facts.formats.values())
    assert {source.kind for source in facts.sources} == {"site", "unsplash"}
    of_sites = [row for row in rows if row.sources != ["objects"]]
    assert facts.consent.unasked == len(rows) - len(of_sites) > 0
    assert sum(domain.images for domain in facts.domains) == len(of_sites)
    assert facts.domains == sorted(facts.domains, key=lambda domain: (-domain.size_bytes, domain.name))
    assert 0 < sum(domain.size_bytes for domain in facts.domains) < facts.size_bytes
    assert facts.consent.first
    assert facts.consent.answers["robots.txt", "silent"] >= 1
    assert facts.library.images >= facts.library.pictures >= len(rows)
    with pytest.raises(UnknownVersion):
        read_facts(published_project, "2020.1.0")


def test_what_is_in_the_bytes_counts_where_only_folders_are_sources(tmp_path: Path) -> None:
    """A file was replaced by one whose metadata objects to training: the old picture stays out, the new one is refused.
    No web site was asked.
    """
    small = SmallProject(tmp_path)
    small.configure("cups n not_cake own", "cakes c cake own")
    small.run("collect", "curate", "publish")
    victim = sorted((tmp_path / "c").iterdir())[0]
    victim.write_bytes(with_xmp(5, mining="DMI-PROHIBITED-AIMLTRAINING").body)
    small.run("collect", "curate", "publish --force")
    with contextlib.closing(open_project(tmp_path)) as project:
        facts = read_facts(project)
    assert (facts.consent.first, facts.consent.last) == ("", "")
    assert (facts.consent.refused, facts.consent.left_out) == (1, 1)
    assert facts.consent.unasked == facts.totals.images == 7
    assert facts.consent.answers["bytes", "objects"] == 1
    said = " ".join(opt_outs(facts))
    assert "nobody was asked" in said
    assert "Objections kept out 1 address, robots.txt closed 0 more, and 1 stored picture stays out" in said
    assert "7 images of the version came through photo services or from folders" in said


def test_what_was_not_compared_yet_is_no_copy(tmp_path: Path) -> None:
    small = SmallProject(tmp_path)
    small.configure("cups n not_cake own", "cakes c cake own")
    (tmp_path / "c" / "copy.jpg").write_bytes(smaller(sorted((tmp_path / "c").iterdir())[0].read_bytes()))
    small.run("collect", "curate", "publish")
    for number in range(3):
        (tmp_path / "c" / f"new{number}.jpg").write_bytes(photo(number))
    small.run("collect")
    with contextlib.closing(open_project(tmp_path)) as project:
        facts = read_facts(project)
    assert (facts.library.images, facts.library.pictures, facts.library.copies) == (12, 8, 1)
    said = " ".join(text for part in datasheet(facts).sections for entry in part.entries for text in entry.answer)
    assert "Images of the library that were compared: 9; copies among them: 1." in said
    assert "holds 12 images today. Copies of another: 1." in said


def test_nothing_published_is_said(tmp_path_factory: pytest.TempPathFactory) -> None:
    small = SmallProject(tmp_path_factory.mktemp("small"))
    small.configure("cups n not_cake own")
    project = open_project(small.folder)
    with pytest.raises(UsageError, match="nothing is published yet"):
        read_facts(project)
    project.close()
