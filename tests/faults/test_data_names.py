"""Data F4, F5 and F14: labels, licences, sources and folders that change their name or their order.

A command may refuse what would lose pictures; then the command that its message names has to help.
"""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from black_box.library import (
    STAGES,
    C,
    N,
    answers,
    attempt,
    name_of,
    names,
    newest,
    obey,
    published_once,
    rows,
    versions,
    words,
)
from commands import here
from small_projects import SmallProject, drawn

PICTURES = 5  # enough of each label to train on
TORTE = "c c torte CC-BY-4.0"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    """A project with one version, to copy from."""
    return published_once(SmallProject(tmp_path_factory.mktemp("home"), pictures=PICTURES))


@pytest.fixture
def small(home: SmallProject, tmp_path: Path) -> SmallProject:
    return home.copy(tmp_path)


def labels(version: Path) -> dict[str, str]:
    return {row["sha256"]: row["label"] for row in rows(version)}


@pytest.mark.parametrize("what", ["label", "licence"])
def test_a_corrected_claim_is_published(small: SmallProject, what: str) -> None:
    """Data F4: label or licence of a source are corrected in isitcake.toml: the next version has the new ones."""
    label, licence = ("not_cake", "CC-BY-4.0") if what == "label" else ("cake", "CC0-1.0")
    small.configure(N, f"c c {label} {licence}")
    for ended in attempt(small, *STAGES):
        assert ended.returncode == 0, words(ended)
    of_c = {(row["label"], row["licence"]) for row in rows(newest(small)) if row["sources"] == ["c"]}
    assert of_c == {(label, licence)}


def test_a_corrected_label_is_in_the_diff(small: SmallProject) -> None:
    """Data F4: what was relabelled is listed."""
    small.configure(N, "c c not_cake CC-BY-4.0")
    attempt(small, *STAGES)
    old, new = versions(small)[0].name, newest(small).name
    changed = json.loads(small.run(f"versions diff {old} {new} --json")[0])["relabelled"]
    assert [(one["was"], one["label"]) for one in changed] == [("cake", "not_cake")] * PICTURES


def test_a_moved_file_has_the_label_of_its_new_folder(tmp_path: Path) -> None:
    """Data F4: two cakes are moved from n to c: they are cakes, and no two sources quarrel about them."""
    small, moved = SmallProject(tmp_path, pictures=2), ["moved-0.jpg", "moved-1.jpg"]
    for number, name in enumerate(moved):
        (small.folder / "n" / name).write_bytes(drawn("cake", number))
    published_once(small)
    for name in moved:
        shutil.move(small.folder / "n" / name, small.folder / "c" / name)
    collected, *_ = attempt(small, *STAGES)
    found = {name_of(row): row["label"] for row in rows(newest(small))}
    assert {name: found.get(name) for name in moved} == dict.fromkeys(moved, "cake")
    assert "no longer in the folder: 2" in words(collected)


@pytest.mark.parametrize("stages", [("publish",), STAGES], ids=["published", "collected again"])
def test_a_renamed_label_keeps_its_class(small: SmallProject, stages: tuple[str, ...]) -> None:
    """Data F5: cake becomes torte in isitcake.toml: the next version has every picture of it, under the new name."""
    before = labels(newest(small))
    small.configure(N, TORTE, labels=("torte", "not_cake"))
    for command in stages:
        ended = obey(small, command)
        assert ended.returncode == 0, words(ended)
    assert labels(newest(small)) == {sha256: "torte" if label == "cake" else label for sha256, label in before.items()}


def test_answers_of_a_renamed_label_are_imported(small: SmallProject) -> None:
    """Data F5: the project's own export of answers is read after the rename."""
    answered = sorted(labels(newest(small)))[:3]
    assert answers(small, [f"{sha256},cake,ann" for sha256 in answered]).returncode == 0
    small.run(f"review export {small.folder}/export.csv")
    small.configure(N, TORTE, labels=("torte", "not_cake"))
    ended = obey(small, f"review import {small.folder}/export.csv")
    assert ended.returncode == 0, words(ended)
    obey(small, "publish")
    found = labels(newest(small))
    assert {found.get(sha256) for sha256 in answered} == {"torte"}


def test_a_renamed_label_is_trained_on(small: SmallProject) -> None:
    """Data F5: the newest version has both classes for `train`."""
    small.configure(N, TORTE, labels=("torte", "not_cake"))
    obey(small, "publish")
    ended = here(small.folder, "train", "--model", "linear")
    assert ended.returncode == 0, words(ended)


def test_a_renamed_source_can_be_published(small: SmallProject) -> None:
    """Data F14: with [publish] max_age_days, long after the source had its old name."""
    with closing(sqlite3.connect(small.folder / "library" / "catalog.db")) as connection:
        connection.execute("UPDATE runs SET started_at = '2026-01-01 00:00:00', finished_at = '2026-01-01 00:00:00'")
        connection.commit()
    before = names(newest(small))
    small.configure(N, "cakes c cake CC-BY-4.0", more="[publish]\nmax_age_days = 30")
    for command in (*STAGES, "publish"):
        ended = obey(small, command, new="cakes")
    assert ended.returncode == 0, words(ended)
    assert names(newest(small)) == before
    assert {source for row in rows(newest(small)) for source in row["sources"]} == {"n", "cakes"}


def test_a_quarrel_is_never_a_label(tmp_path: Path) -> None:
    """Data F14: a label `set_aside` is refused, or means what others mean: a photo of two labels is not published."""
    small = SmallProject(tmp_path)
    shutil.copy(small.folder / "c" / "c0.jpg", small.folder / "n" / "quarrel.jpg")
    small.configure("n n set_aside CC0-1.0", C, labels=("cake", "set_aside"))
    if all(ended.returncode == 0 for ended in attempt(small, *STAGES)):
        assert not names(newest(small)) & {"c0.jpg", "quarrel.jpg"}


def test_folders_with_a_question_mark_have_a_catalog_each(tmp_path: Path) -> None:
    """Data F14: q?1 and q?x share nothing, and both are published."""
    for name in ("q?1", "q?x"):
        published_once(SmallProject(tmp_path / name, pictures=2), C if name == "q?1" else N)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["q?1", "q?x"]
    assert names(newest(SmallProject(tmp_path / "q?1"))) == {"c0.jpg", "c1.jpg"}
    assert names(newest(SmallProject(tmp_path / "q?x"))) == {"n0.jpg", "n1.jpg"}


def test_another_order_of_labels_is_said(small: SmallProject) -> None:
    """Data F14: 0 would mean not_cake from then on: it is refused, or `versions diff` says so."""
    small.configure(N, C, labels=("not_cake", "cake"))
    ended = attempt(small, *STAGES)[-1]
    if ended.returncode == 0:
        ended = here(small.folder, "versions", "diff", versions(small)[0].name, newest(small).name)
    assert "order" in words(ended) or "number" in words(ended)
