"""Where versions were pushed to is kept through interrupted pushes, erasures and a damaged file."""

import json

from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.exports.pushed_to import FILE_NAME, outdated, push_begins, push_ended, pushed_to
from dataset.project import Project
from dataset.versions import published
from dataset.versions.published import Version

TARGET = "hf://ann/cakes"


def test_an_erasure_makes_a_target_outdated_until_a_push_ends(published_project: Project, version: Version) -> None:
    home, row = published_project.home, version.rows()[0]
    assert (pushed_to(home, [version.name]), outdated(home)) == ([], [])
    push_begins(home, TARGET, version)
    assert (pushed_to(home, [version.name]), outdated(home)) == ([TARGET], [])
    erase(published_project, Selection(Kind.SHA256, row.sha256), "asked")
    assert outdated(home) == [TARGET]
    before = push_begins(home, TARGET, published.load(home, version.name))
    assert outdated(home) == [TARGET]
    erase(published_project, Selection(Kind.SHA256, version.rows()[1].sha256), "asked")  # while the push goes on
    push_ended(home, TARGET, before)
    assert outdated(home) == [TARGET]
    push_ended(home, TARGET, push_begins(home, TARGET, published.load(home, version.name)))
    assert outdated(home) == []


def test_a_version_that_is_not_here_and_a_damaged_file_stop_nothing(
    published_project: Project, version: Version
) -> None:
    home = published_project.home
    (home / FILE_NAME).write_text(json.dumps({TARGET: {version.name: 0, "2025.1.0": 0}, "hf://ann/old": ["2025.1.0"]}))
    report = erase(published_project, Selection(Kind.SHA256, version.rows()[0].sha256), "asked")
    assert report.pushed_to == [TARGET]
