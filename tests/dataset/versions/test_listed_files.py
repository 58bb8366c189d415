"""A version is its files and nothing else: `verify` names each file that was changed, added or removed."""

import subprocess
import sys

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


def test_the_command_names_the_file_in_one_sentence(published_project: Project) -> None:
    """Data F6: a damaged erased.json is exit code 1 and no traceback."""
    newest = published.newest(published_project.home)
    assert newest is not None
    (newest.path / published.ERASED).write_text('[{"x": 1}]')
    command = "from isitcake.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", command, "versions", "verify", str(newest.path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "erased.json is not what an erasure writes" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
