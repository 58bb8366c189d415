"""An audit from the command to the file of fixes, on drawn pictures."""

import hashlib
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from commands import Ended, apart, here
from PIL import Image
from projects import LAYOUTS
from small_projects import drawn, make_splits, put, tree

from dataset.project import Project
from dataset.versions.published import Version
from dataset.versions.verify import verify
from isitcake.auditing.fixes import Fix, Fixes, Named, write_fixes
from isitcake.auditing.layout import read_layout
from isitcake.auditing.library import library
from isitcake.cli import cli
from isitcake.options import Context


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder is empty, and the key is not the user's own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_splits(tmp_path_factory.mktemp("splits") / "cups-and-cakes")


def run(*arguments: str | Path) -> Ended:
    return here(Path.cwd(), *map(str, arguments))


def as_json(*arguments: str | Path) -> Any:
    ended = run(*arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_version_of_a_project_is_audited(published_project: Project, version: Version) -> None:
    """By its path, also beside it, and by its name, whatever its layout is; the pictures are those of the version."""
    folder = published_project.home.parent
    for ended in (
        here(folder, "audit", str(version.path), "--json"),
        here(folder, "audit", version.name, "--json"),
        apart(version.path.parent, "audit", version.name, "--json", "--report", str(folder / "beside.html")),
    ):
        assert ended.returncode == 0, ended.stderr
        assert json.loads(ended.stdout)["files"] == version.images
    assert verify(published_project.home, version.name).problems == []


def test_an_audit_leads_to_fixes_that_can_be_applied(splits: Path, tmp_path: Path) -> None:
    """It finds the copy, the leak and the broken files; the data set stays as it is until --apply, which loses none."""
    before = tree(splits)
    ended = run("audit", splits, "--fixes", "fixes.json")
    assert ended.returncode == 0, ended.stderr
    assert "18 pictures read, 2 not read, 1 near-duplicate, 1 leak" in ended.stdout
    assert re.search(r"train/cake/leak.jpg +test/cake/cake-7.jpg", ended.stdout)
    assert re.search(r"train/cake/small.jpg +train/cake/cake-0.jpg", ended.stdout)
    assert re.search(r"train/cup/readme.txt +not an image: text", ended.stdout)
    assert tree(splits) == before
    page = Path("audit-report.html").read_text(encoding="utf-8")
    assert "<details><summary>why</summary>" in page  # also for fingers and keyboards, which point at nothing
    assert page.count("data:image/jpeg;base64,") >= 18
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", page)

    copy = tmp_path / "copy"
    shutil.copytree(splits, copy)
    dry = as_json("audit", copy, "--apply", "fixes.json", "--dry-run")
    assert (dry["moved"], tree(copy)) == (0, before)
    assert as_json("audit", copy, "--apply", "fixes.json")["moved"] == 2
    assert sorted(tree(tmp_path / "copy.removed")) == ["train/cake/leak.jpg", "train/cake/small.jpg"]
    assert {**tree(copy), **tree(tmp_path / "copy.removed")} == before
    assert as_json("audit", copy, "--apply", "fixes.json")["moved"] == 0
    assert "3 files" not in run("audit", copy, "--apply", "fixes.json").stdout


def test_work_is_kept_for_its_data_set_only(tmp_path: Path) -> None:
    """The second run computes nothing again; another data set, and a folder inside the data set, are refused."""
    root = tmp_path / "set"
    for label in ("cake", "cup"):
        put(root, f"{label}/1.jpg", drawn(label, 1))
    first = as_json("audit", root, "--work", tmp_path / "work", "--limit", "1")
    assert len(first["labels"]) == 2  # --limit is of the tables
    again = run("audit", root, "--work", tmp_path / "work")
    assert "pictures: " not in again.stderr
    assert as_json("audit", root, "--work", tmp_path / "work") == first
    put(root, "mug/1.jpg", drawn("cup", 2))
    assert "another data set or of other labels" in run("audit", root, "--work", tmp_path / "work").sentence(2)
    assert "lies in the data set" in run("audit", root, "--work", root / "work").sentence(2)
    assert "lies in the data set" in run("audit", root, "--report", root / "r.html").sentence(2)
    assert sorted(tree(root)) == ["cake/1.jpg", "cup/1.jpg", "mug/1.jpg"]


def test_labels_may_be_any_names(tmp_path: Path) -> None:
    """Also with spaces, in other letters, and words of our own; people read them as they are."""
    root = tmp_path / "set"
    names = ("gâteau au chocolat", "unusable")
    for number, name in enumerate(names):
        put(root, f"{name}/1.jpg", drawn("cake", number))
    with library(root, read_layout(root).parts, None) as opened:
        opened.collect(lambda *_: None)
        assert [file.label for file in opened.files()] == list(names)
    assert as_json("audit", root)["counts"] == {name: {"all": 1} for name in names}


def test_one_label_and_three_pictures(tmp_path: Path) -> None:
    root = tmp_path / "set"
    for number in range(3):
        put(root, f"cake/{number}.jpg", drawn("cake", number))
    ended = run("audit", root)
    assert ended.returncode == 0, ended.stderr
    assert "there is one label only (cake)" in ended.stdout
    assert "3 pictures read, 0 near-duplicates" in ended.stdout


def test_a_picture_with_two_labels_waits_for_a_person(tmp_path: Path) -> None:
    root = tmp_path / "set"
    for label in ("cake", "cup"):
        put(root, f"{label}/1.jpg", drawn("cake", 1))
        put(root, f"{label}/2.jpg", drawn(label, 2))
    assert "1 picture with two labels" in run("audit", root, "--fixes", "fixes.json").stdout
    assert as_json("audit", root, "--apply", "fixes.json")["undecided"] >= 1
    assert sorted(tree(root)) == ["cake/1.jpg", "cake/2.jpg", "cup/1.jpg", "cup/2.jpg"]
    rows = [row for row in as_json("audit", root)["labels"] if {"cake/1.jpg", "cup/1.jpg"} & set(row["files"])]
    assert [row["suggestion"] in ("cake", "cup") for row in rows] == [True]  # once, and not as no photo


def test_a_copy_in_other_colours_waits_for_a_person(tmp_path: Path) -> None:
    """A red and a green apple of one shape count as the same picture; which of them is wanted is not for a program."""
    root = tmp_path / "set"
    put(root, "cake/a.jpg", drawn("cake", 0))
    with Image.open(io.BytesIO(drawn("cake", 0))) as image:
        red, green, blue = image.convert("RGB").split()
        Image.merge("RGB", (blue, red, green)).resize(image.size).save(root / "cake" / "b.jpg", quality=85)
    put(root, "cup/a.jpg", drawn("cup", 0))
    found = as_json("audit", root, "--fixes", "fixes.json")
    (copy,) = found["duplicates"]
    assert copy["doubts"] == ["the other file has other colours"]
    assert any("1 file with other colours than the file to keep" in note for note in found["notes"])
    fixes = json.loads(Path("fixes.json").read_text())["fixes"]
    assert [fix["decided"] for fix in fixes if fix["reason"] == "duplicate"] == [False]
    said = run("dedupe", root, "--move", tmp_path / "out").stdout
    assert "3 pictures; 0 copies of 0 pictures; 1 file of the same shapes in other colours" in said
    assert "  other colours" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["audit"], "give a FOLDER"),
        (["audit", "gone"], "no folder gone"),
        (["audit", "."], "has no pictures"),
        (["audit", "hf:"], "needs a name"),
        (["audit", "2020.1.0"], "no folder 2020.1.0"),
        (["audit", ".", "--dry-run"], "--dry-run needs --apply"),
        (["audit", ".", "--signer", "0"], "--signer needs --apply"),
        (["audit", ".", "--sign", "a.json", "--apply", "a.json"], "--sign and --apply do not go together"),
        (["audit", ".", "--apply", "a.json", "--fixes", "b.json"], "--apply and --fixes do not go together"),
        (["audit", ".", "--apply", "a.json", "--report", "b.html"], "--apply and --report do not go together"),
        (["audit", ".", "--apply", "a.json", "--work", "w"], "--apply and --work do not go together"),
        (["audit", "/"], "is the whole disk"),
        (["dedupe", ".", "--move", "inside", "--work", "w"], "lies in the folder that is searched"),
        (["audit", ".", "--apply", "gone.json"], "gone.json cannot be read"),
        (["dedupe", "gone"], "no folder gone; give a folder that has pictures"),
        (["dedupe", "hf:foo/bar"], "no folder hf:foo/bar; give a folder that has pictures"),
        (["dedupe", "2020.1.0", "--move", "x"], "no folder 2020.1.0; give a folder that has pictures"),
        (["originals", "cake.jpg"], "is not a web address"),
    ],
)
def test_a_wrong_request_is_one_sentence(arguments: list[str], message: str) -> None:
    ended = run(*arguments)
    assert message in ended.sentence(2)
    assert list(Path.cwd().iterdir()) == []


def test_fixes_of_another_person_need_their_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said before anything moves; a dry run needs none."""
    root = tmp_path / "set"
    for name in ("1", "2"):
        put(root, f"cake/{name}.jpg", b"same")
    before, digest = tree(root), hashlib.sha256(b"same").hexdigest()
    kept = Named(path="cake/1.jpg", sha256=digest)
    fix = Fix(action="remove", reason="duplicate", path="cake/2.jpg", sha256=digest, keeps=kept, decided=True)
    fixes = Fixes(format="isitcake fixes", version=1, made_by="", created="", dataset="set", files=2, fixes=[fix])
    theirs = write_fixes(Path("fixes.json"), fixes)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "mine"))
    dry = run("audit", root, "--apply", "fixes.json", "--dry-run")
    assert f"signed by key {theirs} (not yours" in dry.stdout
    assert "1 file to move" in dry.stdout
    assert f"add `--signer {theirs}`" in run("audit", root, "--apply", "fixes.json").sentence(2)
    assert "not by 0" in run("audit", root, "--apply", "fixes.json", "--signer", "0").sentence(2)
    assert tree(root) == before
    ended = run("audit", root, "--apply", "fixes.json", "--signer", theirs)
    assert ended.stdout.splitlines()[-1] == "1 file moved"
    assert sorted(tree(root)) == ["cake/1.jpg"]


def test_a_broken_configuration_is_not_taken_for_no_project() -> None:
    (Path.cwd() / "isitcake.toml").write_text("[project")
    for arguments in (
        ["audit", "2020.1.0"],
        ["originals", "https://a.example/1.jpg", "--check", "--contact", "a@b.example"],
    ):
        assert "is not valid TOML" in str(CliRunner().invoke(cli, arguments, obj=Context(None)).exception)


def test_dedupe_lists_as_much_as_it_is_asked_for(tmp_path: Path) -> None:
    root = tmp_path / "set"
    for number in range(2):
        for name in ("a", "b"):
            put(root, f"{name}{number}.jpg", drawn("cake", number))
    (root / "b0.jpg").rename(root / "b0\n.jpg")  # a name cannot look like another line
    out = run("dedupe", root, "--limit", "1").stdout
    assert (out.count("keep "), out.splitlines()[-1]) == (1, "4 pictures; 2 copies of 2 pictures")
    assert "… and 1 more; --limit 2 shows all" in out
    assert "copy  b0\\n.jpg" in out
    (root / "b0\n.jpg").unlink()
    assert run("dedupe", root).stdout.splitlines()[-1] == "3 pictures; 1 copy of 1 picture"
    put(root, "version.json", b"{}")
    assert "is a version" in run("dedupe", root, "--move", tmp_path / "out").sentence(2)


def test_dedupe_moves_copies_and_keeps_the_largest(tmp_path: Path) -> None:
    """In any folder, without labels."""
    root = make_splits(tmp_path / "set")
    put(root, "cake-0.jpg", drawn("cake", 0))
    before = tree(root)
    found = as_json("dedupe", root)
    assert {group["keep"]: group["copies"] for group in found["groups"]} == {
        "cake-0.jpg": ["train/cake/cake-0.jpg", "train/cake/small.jpg"],
        "test/cake/cake-7.jpg": ["train/cake/leak.jpg"],
    }
    assert tree(root) == before
    assert "lies in the folder" in run("dedupe", root, "--move", root / "out").sentence(2)
    ended = run("dedupe", root, "--move", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    assert "3 copies of 2 pictures" in ended.stdout
    assert {**tree(root), **tree(tmp_path / "out")} == before
    assert as_json("dedupe", root)["groups"] == []


@pytest.mark.parametrize(
    ("labels", "subject", "used"),
    [
        (("cake", "not_cake"), [], "cake"),
        (("cake", "not_cake"), ["--subject", "none"], ""),
        (("cake", "not_cake", "mug"), [], ""),
        (("cake", "not_cake", "mug"), ["--subject", "cake"], "cake"),
        (("mug", "bowl"), [], ""),
    ],
)
def test_the_pack_that_knows_the_labels_is_used_and_named(
    tmp_path: Path, labels: tuple[str, ...], subject: list[str], used: str
) -> None:
    for label in labels:
        put(tmp_path / "set", f"{label}/1.jpg", drawn("cake" if label == "cake" else "cup", len(label)))
    found = as_json("audit", tmp_path / "set", *subject)
    notes = [note for note in found["notes"] if "subject pack" in note]
    assert notes == ([f"labels were judged with the subject pack {used}; --subject none leaves it out"] if used else [])


@pytest.mark.parametrize("subject", ["cake", "tea"])
def test_a_pack_of_other_labels_is_refused(tmp_path: Path, subject: str) -> None:
    put(tmp_path / "set", "mug/1.jpg", drawn("cup", 1))
    result = CliRunner().invoke(cli, ["audit", str(tmp_path / "set"), "--subject", subject], obj=Context(None))
    assert "subject" in str(result.exception)
