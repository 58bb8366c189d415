"""A project for the tests of faults."""

from pathlib import Path

import pytest
from black_box.library import C, N
from small_projects import SmallProject


@pytest.fixture
def fresh(tmp_path: Path) -> SmallProject:
    """A project of two folders with two pictures each. Nothing is collected."""
    project = SmallProject(tmp_path, pictures=2)
    project.configure(N, C)
    return project
