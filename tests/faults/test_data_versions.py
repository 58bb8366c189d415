"""Data F1 and F14: a version is told apart from every other, and is the same wherever it is made.

Data F1 after an erasure and for exports is in test_export.py of the exports.
"""

import shutil
from pathlib import Path

import pytest
from black_box.library import C, N, facts, newest, published_once, rows, words
from commands import here
from datasets import load_dataset
from small_projects import SmallProject


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    return published_once(SmallProject(tmp_path_factory.mktemp("home")))


def loaded(version: Path, cache: Path) -> int:
    """How many rows Hugging Face's library reads from a version."""
    return sum(len(part) for part in load_dataset(str(version), cache_dir=str(cache)).values())


def test_versions_of_two_projects(home: SmallProject, tmp_path: Path) -> None:
    """Data F1: they have one name, and one cache is asked for both."""
    other = published_once(SmallProject(tmp_path / "other", pictures=3), "n n not_cake CC0-1.0")
    assert newest(other).name == newest(home).name
    for project in (home, other):
        assert loaded(newest(project), tmp_path / "cache") == len(rows(newest(project)))


def test_an_id_does_not_depend_on_the_machine(tmp_path: Path) -> None:
    """Data F14: the same files in another folder, collected at another time and in another order, one of them twice."""
    ids = []
    for place, order in (("a", ("n", "c")), ("b/deeper", ("c", "n"))):
        project = SmallProject(tmp_path / place, pictures=3)
        shutil.copy(project.folder / "c" / "c0.jpg", project.folder / "c" / "again.jpg")
        project.configure(N, C)
        project.run(*(f"collect {source}" for source in order), "curate", "publish")
        ids.append(facts(newest(project))["id"])
    assert ids[0] == ids[1]


@pytest.mark.parametrize("what", ["version", "export"])
def test_a_path_with_brackets_is_said(what: str, home: SmallProject, tmp_path: Path) -> None:
    """Data F14: Hugging Face's library takes brackets for a pattern and finds nothing there; the command says so."""
    folder = tmp_path / "a [1]"
    if what == "version":
        project = SmallProject(folder, pictures=2)
        project.configure(N, C)
        project.run("collect", "curate")
        ended = here(project.folder, "publish")
    else:
        ended = here(home.folder, "versions", "export", newest(home).name, "--format", "parquet", "--to", str(folder))
    assert ended.returncode == 0, words(ended)
    assert "pattern" in words(ended)
    with pytest.raises(FileNotFoundError):
        load_dataset(
            str(folder if what == "export" else newest(SmallProject(folder))), cache_dir=str(tmp_path / "cache")
        )
