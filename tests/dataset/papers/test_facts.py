"""Facts are counted from the manifest and the catalog."""

import pytest
from small_projects import SmallProject

from dataset.opening import open_project
from dataset.papers.facts import domain_of, read_facts
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


def test_nothing_published_is_said(tmp_path_factory: pytest.TempPathFactory) -> None:
    small = SmallProject(tmp_path_factory.mktemp("small"))
    small.configure("cups n not_cake own")
    project = open_project(small.folder)
    with pytest.raises(UsageError, match="nothing is published yet"):
        read_facts(project)
    project.close()
