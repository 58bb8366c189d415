"""A version is its files and nothing else: `verify` names each file that was changed, added or removed."""

import pytest
from tampering import tamper_all

from dataset.project import Project
from dataset.versions import published


@pytest.mark.parametrize(("layout", "only", "least"), [("folder", "", 100), ("shards", "data/", 40)])
def test_every_tampering_is_named(published_project: Project, layout: str, only: str, least: int) -> None:
    """Data F6: all files changed, removed and replaced by links; files of any ending added; erased.json by hand."""
    newest = published.newest(published_project.home)
    assert newest is not None
    assert newest.layout == layout
    tried, missed = tamper_all(newest.path, only)
    assert missed == []
    assert tried >= least
