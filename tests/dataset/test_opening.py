"""dataset.opening and dataset.project: opening a project finishes an erasure that was interrupted."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from dataset.catalog.tables import erasures
from dataset.catalog.writes import append
from dataset.opening import open_project
from foundation.errors import ConfigError, StageError
from foundation.settings_file import load

SHA256 = "ab" * 32


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "isitcake.toml"
    path.write_text("[project]\n")
    return path


def interrupt_an_erasure(config: Path) -> None:
    project = open_project(config)
    row = {"sha256": SHA256, "reason": "asked", "begun_at": datetime(2026, 11, 24, tzinfo=UTC)}
    with project.catalog.write() as connection:
        append(connection, erasures, [row])
    project.close()


def test_a_new_project_gets_a_library_with_a_catalog(config: Path) -> None:
    """Opening it twice changes nothing."""
    for _ in range(2):
        project = open_project(config)
        assert project.home == config.parent / "library"
        assert (project.home / "catalog.db").is_file()
        assert project.normalised.root.is_relative_to(project.home)
        project.close()


def test_settings_are_accepted_in_place_of_a_file(config: Path) -> None:
    settings = load(config, {})
    project = open_project(settings)
    assert project.settings is settings
    project.close()


def test_a_missing_file_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="isitcake init"):
        open_project(tmp_path / "isitcake.toml")


def test_an_interrupted_erasure_is_finished(config: Path) -> None:
    """Its file of the original is removed, and the journal says that it is done."""
    interrupt_an_erasure(config)
    original = config.parent / "library" / "blobs" / SHA256[:2] / f"{SHA256}.jpg"
    original.parent.mkdir(parents=True)
    original.write_bytes(b"x")
    project = open_project(config)
    with project.catalog.read() as connection:
        assert connection.execute(select(erasures.c.done_at)).scalar() is not None
    assert not original.exists()
    project.close()


def test_an_erasure_that_cannot_be_finished_is_an_error(config: Path) -> None:
    """A file system that refuses to remove the original is one sentence, not a traceback."""
    interrupt_an_erasure(config)
    original = config.parent / "library" / "blobs" / SHA256[:2] / f"{SHA256}.jpg"
    original.mkdir(parents=True)  # a folder of that name cannot be unlinked
    with pytest.raises(StageError, match="fix that and run this again"):
        open_project(config)
