"""Failures outside the program: one clear sentence, exit code 1, nothing lost; the next run continues."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from projects import write_config

from dataset.project import Project
from foundation.environment import child_environment
from foundation.network.ports import free_ports
from simulator.internet import Internet
from simulator.world import World


def isitcake(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from isitcake.cli import main; main()", *arguments],
        cwd=folder, env=child_environment(**environment), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def one_sentence(ended: subprocess.CompletedProcess[str], code: int = 1) -> str:
    lines = [line for line in ended.stderr.strip().splitlines() if line.startswith("error: ")]
    assert ended.returncode == code, ended.stderr
    assert len(lines) == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    return lines[0]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 2 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("may not mount a tmpfs here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_disk_full(internet: Internet, small_disk: Path, tmp_path: Path, world: World) -> None:
    """The crawl stops with one sentence; with more space the next run completes it."""
    config = write_config(internet, small_disk / "project")
    assert "left on the disk" in one_sentence(isitcake(config.parent, "collect"))
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    stored = {path.name for path in (config.parent / "library" / "blobs").rglob("*.*")}
    assert isitcake(config.parent, "collect").returncode == 0
    after = {path.name for path in (config.parent / "library" / "blobs").rglob("*.*")}
    assert {name for name in stored if not name.startswith(".")} <= after
    assert {p.sha256 for b in world.bakers for p in b.gallery} <= {name.split(".")[0] for name in after}


def test_catalog_locked(collected: Project) -> None:
    """A catalog that another program holds is named; afterwards the command works."""
    holder = sqlite3.connect(collected.home / "catalog.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert "locked by another program" in one_sentence(isitcake(collected.settings.root, "curate"))
    holder.rollback()
    holder.close()
    assert isitcake(collected.settings.root, "curate").returncode == 0


def test_label_studio_down(collected: Project) -> None:
    """Push and pull fail with one sentence; other commands work."""
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    for command in ("push", "pull"):
        ended = isitcake(collected.settings.root, "review", command, ISITCAKE_REVIEW_LABEL_STUDIO_URL=url)
        assert "cannot be reached" in one_sentence(ended)
    assert isitcake(collected.settings.root, "publish").returncode == 0


def test_browser_missing(internet: Internet, world: World, tmp_path: Path) -> None:
    """Only the source that needs a browser fails; the others are collected."""
    config = write_config(internet, tmp_path)
    scripted = next(baker.name for baker in world.bakers if baker.platform == "script")
    ended = isitcake(tmp_path, "collect", scripted, "objects", ISITCAKE_BROWSER="/nowhere/chromium")
    assert "/nowhere/chromium" in one_sentence(ended)
    assert "objects" in ended.stdout
    assert isitcake(config.parent, "collect", scripted).returncode == 0


def test_read_only_library(collected: Project) -> None:
    """The error names the folder that cannot be written."""
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    collected.home.chmod(0o555)
    assert str(collected.home) in one_sentence(isitcake(collected.settings.root, "publish"), 2)
    collected.home.chmod(0o755)
