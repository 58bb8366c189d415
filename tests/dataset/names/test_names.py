"""Labels and sources that are renamed, removed or reordered in isitcake.toml."""

import json
import shutil
from pathlib import Path

import pytest
from commands import here
from small_projects import SmallProject
from sqlalchemy import select

from dataset.catalog.tables import names, runs
from dataset.opening import open_project
from dataset.versions import published

STAGES = ("collect", "curate", "publish")
N, C = "n n not_cake CC0-1.0", "c c cake CC-BY-4.0"


@pytest.fixture(scope="module")
def published_once(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    """A project with one version, to copy from."""
    project = SmallProject(tmp_path_factory.mktemp("published"))
    project.configure(N, C)
    project.run(*STAGES)
    return project


@pytest.fixture
def small(published_once: SmallProject, tmp_path: Path) -> SmallProject:
    """A project of its own with one version."""
    return published_once.copy(tmp_path)


def labels_of(small: SmallProject) -> list[str]:
    newest = published.newest(small.folder / "library")
    assert newest is not None
    return sorted(row.label for row in newest.rows())


WRITING = ("collect", "curate", "publish", "review import answers.csv", "train", "review push")


@pytest.mark.parametrize("command", WRITING)
def test_a_renamed_label_is_refused_by_what_writes(small: SmallProject, command: str) -> None:
    """Data F5: a label that is only renamed in isitcake.toml is refused, with the command that carries it through."""
    (small.folder / "answers.csv").write_text("sha256,label,reviewer\n")
    small.configure(N, "c c torte CC-BY-4.0", labels=("torte", "not_cake"))
    said = here(small.folder, *command.split()).sentence(2)
    assert "isitcake labels rename cake torte" in said
    assert "isitcake sources retire" in said


def test_a_renamed_label_keeps_its_class(small: SmallProject) -> None:
    """Data F5: after `labels rename` the next version has every picture of the class, and diff shows one rename."""
    before = labels_of(small)
    small.configure(N, "c c torte CC-BY-4.0", labels=("torte", "not_cake"))
    small.run("labels rename cake torte", *STAGES)
    assert labels_of(small) == sorted("torte" if label == "cake" else label for label in before)
    first, second = (version.name for version in published.listing(small.folder / "library"))
    diff = json.loads(small.run(f"versions diff {first} {second} --json")[0])
    assert (diff["added"], diff["removed"], diff["relabelled"]) == ([], [], [])
    assert diff["renamed"] == [{"was": "cake", "label": "torte", "images": before.count("cake")}]
    assert f"{before.count('cake')} cake" in small.run(f"versions diff {first} {second}")[0]


def test_answers_of_a_renamed_label_stay_and_old_exports_are_read(small: SmallProject) -> None:
    """Data F5: answers follow the rename, and an export with the old name is still imported."""
    newest = published.newest(small.folder / "library")
    assert newest is not None
    wrong = next(row.sha256 for row in newest.rows() if row.label == "not_cake")
    (small.folder / "answers.csv").write_text(f"sha256,label,reviewer\n{wrong},cake,ann\n")
    small.run(f"review import {small.folder}/answers.csv", f"review export {small.folder}/old.csv")
    small.run("labels rename cake torte")
    small.configure(N, "c c torte CC-BY-4.0", labels=("torte", "not_cake"))
    small.run(f"review import {small.folder}/answers.csv", f"review import {small.folder}/old.csv", "publish")
    newest = published.newest(small.folder / "library")
    assert newest is not None
    assert {row.sha256: row.label for row in newest.rows()}[wrong] == "torte"
    small.run(f"review export {small.folder}/new.csv")
    assert "torte,ann" in (small.folder / "new.csv").read_text()


def test_the_old_name_is_refused_after_a_rename(small: SmallProject) -> None:
    """Data F5: the catalog has the new name and isitcake.toml the old one; the sentence says which to write."""
    with (small.folder / "isitcake.toml").open("a") as config:
        config.write('[labels.cake]\ndefinition = "A cake."\n[labels."not_cake"]\n')
    (said,) = small.run("labels rename cake torte")
    lines = (small.folder / "isitcake.toml").read_text().splitlines()
    named = [str(number) for number, line in enumerate(lines, 1) if '"cake"' in line or line == "[labels.cake]"]
    assert ", ".join(named) in said
    assert "write 'torte'" in here(small.folder, "collect").sentence(2)


def test_a_folder_that_is_called_like_the_label_keeps_its_name(small: SmallProject) -> None:
    """As `isitcake init` writes it: the source and its folder have the label's name, and stay."""
    config = small.folder / "isitcake.toml"
    config.write_text(
        '[project]\nname = "cake"\nlabels = [\n  "cake",  # "cake"\n  "not_cake",\n]\n\n[labels."cake"]\n'
        'means = ["cake"]\n\n[[sources]]\nname = "cake"\nkind = "folder"\nlabel = "cake"\npath = "cake"\n'
    )
    (small.folder / "c").rename(small.folder / "cake")
    shutil.rmtree(small.folder / "library")
    small.run("collect")
    (said,) = small.run("labels rename cake torte")
    assert said.split("isitcake.toml")[-1].split() == [",", "lines", "4,", "8,", "14"]
    (said,) = small.run("sources rename cake bakery")
    assert said.split("isitcake.toml")[-1].split() == [",", "line", "12"]


def test_a_removed_label_is_refused_while_pictures_have_it(small: SmallProject) -> None:
    """Data F5: a label that pictures have cannot be removed; one that nothing has can."""
    small.configure(N, C, labels=("cake", "not_cake", "pie"))
    small.run("collect")
    small.configure(N, C)
    small.run("collect")
    small.configure("n n pie CC0-1.0", C, labels=("cake", "pie", "tart"))
    assert "'not_cake' is missing" in here(small.folder, "publish").sentence(2)


def test_another_order_of_labels_is_refused(small: SmallProject) -> None:
    """Data F14: labels number the classes, so their order stays; new ones are added."""
    small.configure(N, C, labels=("not_cake", "cake"))
    for command in ("collect", "publish"):
        assert "another order" in here(small.folder, command).sentence(2)
    small.configure(N, C, labels=("cake", "not_cake", "pie"))
    small.run("collect")


@pytest.mark.parametrize(("old", "new", "why"), [
    ("pie", "tart", "no label 'pie'"),
    ("cake", "not_cake", "in use already"),
    ("cake", "cake", "has this name already"),
    ("cake", "unsure", "cannot be a label"),
    ("cake", "a/b", "cannot be a label"),
])  # fmt: skip
def test_a_rename_that_cannot_be(small: SmallProject, old: str, new: str, why: str) -> None:
    """A rename to a name that is used, or that is no name, changes nothing."""
    assert why in here(small.folder, "labels", "rename", old, new).sentence(2)
    assert "nothing changed" in small.run("publish")[0]


def test_a_catalog_without_names_takes_the_labels_of_isitcake_toml(small: SmallProject) -> None:
    """Data F5: a catalog of an older program has no record of labels; a renamed one is refused all the same."""
    project = open_project(small.folder / "isitcake.toml")
    with project.catalog.write() as connection:
        connection.execute(names.delete())
    project.close()
    small.configure(N, "c c torte CC-BY-4.0", labels=("torte", "not_cake"))
    assert "labels rename cake torte" in here(small.folder, "publish").sentence(2)
    small.run("labels rename cake torte", *STAGES)
    small.configure(N, C, labels=("cake", "not_cake"))
    assert "write 'torte'" in here(small.folder, "publish").sentence(2)


def test_a_renamed_source_is_carried_through(small: SmallProject) -> None:
    """Data F14: a source has another name and [publish] max_age_days is set: what the sentences say works."""
    more = "[publish]\nmax_age_days = 30"
    small.configure(N, "cakes c cake CC-BY-4.0", more=more)
    for command in ("collect", "publish"):
        said = here(small.folder, command).sentence(2)
        assert "isitcake sources rename c NEW" in said
        assert "isitcake sources retire c" in said
    before = labels_of(small)
    small.run("sources rename c cakes", "publish", *STAGES)
    newest = published.newest(small.folder / "library")
    assert newest is not None
    assert labels_of(small) == before
    assert {source for row in newest.rows() for source in row.sources} == {"n", "cakes"}
    assert {row.site for row in newest.rows()} == {"n", "cakes"}
    assert _collected(small) == {"n", "cakes"}
    first, second = (version.name for version in published.listing(small.folder / "library"))
    said = small.run(f"versions diff {first} {second}")[0]
    assert f"source c is cakes in {second}, for {before.count('cake')} images" in said
    small.configure(N, C, more=more)
    assert "name = 'cakes'" in here(small.folder, "publish").sentence(2)


def _collected(small: SmallProject) -> set[str]:
    project = open_project(small.folder / "isitcake.toml")
    with project.catalog.read() as connection:
        found = set(connection.execute(select(runs.c.source)).scalars())
    project.close()
    return found


def test_a_retired_source_leaves_the_next_version_and_may_come_back(small: SmallProject) -> None:
    """Data F14: `sources retire` leaves the pictures of a removed source out; published versions keep them."""
    before = labels_of(small)
    small.configure(N)
    small.run("sources retire c", "curate", "publish")
    assert set(labels_of(small)) == {"not_cake"}
    first = published.listing(small.folder / "library")[0]
    assert sorted(row.label for row in first.rows()) == before
    small.configure(N, C)
    small.run(*STAGES)
    assert labels_of(small) == before


def test_a_removed_source_can_be_erased(small: SmallProject) -> None:
    """Data F14: the third choice of the sentence works while isitcake.toml and the catalog differ."""
    small.configure(N)
    small.run("erase --source c --reason asked", "curate", "publish")
    assert set(labels_of(small)) == {"not_cake"}


@pytest.mark.parametrize(("old", "new", "why"), [
    ("d", "e", "no source 'd'"), ("c", "n", "was collected already"), ("c", "a b", "cannot be the name"),
])  # fmt: skip
def test_a_source_that_cannot_be_renamed(small: SmallProject, old: str, new: str, why: str) -> None:
    """A rename to a source that there is, or to what is no name, changes nothing."""
    assert why in here(small.folder, "sources", "rename", old, new).sentence(2)


@pytest.mark.parametrize(
    ("new", "says"), [("None", "'None' is a word"), ("NOT_CAKE", "differ only in capital letters")]
)
def test_a_label_gets_no_name_that_is_mistaken(small: SmallProject, new: str, says: str) -> None:
    """As `init` refuses it for a new project."""
    assert says in here(small.folder, "labels", "rename", "cake", new).sentence(2)
