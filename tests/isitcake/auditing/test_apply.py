"""A signed file of fixes, and what applying it does to a folder."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from small_projects import put, tree

from foundation.errors import StageError, UsageError
from isitcake.auditing import apply
from isitcake.auditing.apply import Plan, carry_out, plan
from isitcake.auditing.fixes import Fix, Fixes, Named, read_fixes, sign_again, write_fixes
from isitcake.auditing.signature import key_path, own_fingerprint


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("cake/1", "cake/2", "cup/1", "cup/3"):
        put(tmp_path / "set", f"{name}.jpg", name.encode())
    return tmp_path / "set"


def named(path: str) -> dict[str, Any]:
    return {"path": f"{path}.jpg", "sha256": hashlib.sha256(path.encode()).hexdigest()}


def remove(path: str, keeps: str, decided: bool = True) -> Fix:
    return Fix(action="remove", reason="duplicate", keeps=Named(**named(keeps)), decided=decided, **named(path))


def relabel(path: str, to: str, decided: bool = True) -> Fix:
    folder = path.rpartition("/")[0]
    return Fix(action="relabel", reason="label", label=folder, label_folder=folder, to=to, decided=decided,
               **named(path))  # fmt: skip


def fixes(*found: Fix) -> Fixes:
    return Fixes(format="isitcake fixes", version=1, made_by="test", created="", dataset="set", files=4,
                 fixes=list(found))  # fmt: skip


def applied(root: Path, *found: Fix) -> Plan:
    planned = plan(root, fixes(*found), silent)
    carry_out(planned, silent)
    return planned


def silent(_what: str, _done: int, _total: int) -> None: ...


def test_files_move_and_none_is_lost(root: Path) -> None:
    """Removed files lie beside the data set; a new label's folder gets the file, under another name if it is taken."""
    before = sorted(tree(root).values())
    planned = applied(root, remove("cake/2", "cup/3"), relabel("cake/1", "cup"), remove("cup/1", "cup/3", False))
    assert (len(planned.waiting), planned.undecided) == (2, 1)
    digest = hashlib.sha256(b"cake/1").hexdigest()[:8]
    assert sorted(tree(root)) == [f"cup/1-{digest}.jpg", "cup/1.jpg", "cup/3.jpg"]
    assert tree(root.with_name("set.removed")) == {"cake/2.jpg": b"cake/2"}
    assert sorted([*tree(root).values(), *tree(root.with_name("set.removed")).values()]) == before


def test_a_second_run_changes_nothing(root: Path) -> None:
    """Also about a file that stays and got another label."""
    found = remove("cake/2", "cake/1"), relabel("cake/1", "cup")
    applied(root, *found)
    after = tree(root.parent)
    assert applied(root, *found).waiting == []
    assert tree(root.parent) == after


@pytest.mark.parametrize("killed_in", ["between two files", "between the two names of one"])
def test_a_killed_run_goes_on(root: Path, killed_in: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = remove("cake/1", "cup/3"), remove("cake/2", "cup/3")
    planned = plan(root, fixes(*found), silent)
    first = planned.moves[0]
    if killed_in == "between two files":
        apply.move_file(first.source, first.target)
    else:
        first.target.parent.mkdir(parents=True)
        first.target.hardlink_to(first.source)
    applied(root, *found)
    assert sorted(tree(root)) == ["cup/1.jpg", "cup/3.jpg"]
    assert sorted(tree(root.with_name("set.removed"))) == ["cake/1.jpg", "cake/2.jpg"]


def test_a_folder_that_does_not_fit_is_refused_before_anything_moves(root: Path) -> None:
    before = tree(root)
    put(root, "cup/3.jpg", b"other")
    changed = tree(root)
    with pytest.raises(UsageError, match=r"cup/3.jpg is not the file that was audited"):
        applied(root, remove("cake/2", "cake/1"), relabel("cup/3", "cake"))
    with pytest.raises(UsageError, match="which should stay in its place, is gone or changed"):
        applied(root, remove("cake/2", "cup/3"))
    (root / "cup/3.jpg").unlink()
    with pytest.raises(UsageError, match=r"cup/3.jpg is gone"):
        applied(root, remove("cake/2", "cake/1"), relabel("cup/3", "cake"))
    put(root, "cup/3.jpg", before["cup/3.jpg"])
    assert (changed != before, tree(root.parent / "set")) == (True, before)


def test_the_last_copy_is_never_removed(root: Path) -> None:
    with pytest.raises(UsageError, match="but that is removed too"):
        applied(root, remove("cake/1", "cake/2"), remove("cake/2", "cake/1"))


def test_nothing_is_replaced(root: Path) -> None:
    put(root.with_name("set.removed"), "cake/2.jpg", b"of another time")
    with pytest.raises(UsageError, match="nothing is replaced"):
        applied(root, remove("cake/2", "cake/1"))
    with pytest.raises(StageError, match="nothing is replaced"):
        apply.move_file(root / "cake/1.jpg", root / "cake/2.jpg")


def test_a_link_out_of_the_data_set_is_not_followed(root: Path) -> None:
    put(root.parent, "secret/2.jpg", b"cake/2")
    (root / "cake" / "2.jpg").unlink()
    (root / "link").symlink_to(root.parent / "secret")
    fix = Fix(action="remove", reason="label", decided=True, path="link/2.jpg", sha256=named("cake/2")["sha256"])
    with pytest.raises(UsageError, match="is a link"):
        applied(root, fix)


@pytest.mark.parametrize("name", ["set.removed", "set.removed/cake"])
def test_a_link_beside_the_data_set_is_not_followed(root: Path, name: str) -> None:
    before = tree(root)
    (root.parent / "elsewhere").mkdir()
    place = root.parent / name
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(root.parent / "elsewhere")
    with pytest.raises(UsageError, match="is a link"):
        applied(root, remove("cup/1", "cup/3"), remove("cake/2", "cake/1"))
    assert (tree(root), list((root.parent / "elsewhere").iterdir())) == (before, [])


@pytest.mark.parametrize("blocker", ["set.removed", "set.removed/cake", "set/mug"])
def test_a_file_where_a_folder_has_to_be_is_seen_before_anything_moves(root: Path, blocker: str) -> None:
    put(root.parent, blocker, b"a file")
    before = tree(root.parent)
    with pytest.raises(UsageError, match="is a file, but"):
        applied(root, remove("cup/1", "cup/3"), remove("cake/2", "cake/1"), relabel("cake/1", "mug"))
    assert tree(root.parent) == before


def test_two_labels_are_swapped_and_it_can_be_repeated(root: Path) -> None:
    """Also where the file whose name was taken is gone in the next run."""
    found = relabel("cake/1", "cup"), relabel("cup/1", "cake"), remove("cake/2", "cup/3")
    applied(root, *found)
    after = tree(root.parent)
    assert plan(root, fixes(*found), silent).waiting == []
    assert sorted(after.values()) == sorted([b"cake/1", b"cake/2", b"cup/1", b"cup/3"])


@pytest.mark.parametrize("killed_after", [0, 1, 2, 3])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_chain_of_labels_goes_on_after_a_kill(root: Path, killed_after: int, order: tuple[int, ...]) -> None:
    """A file takes the label of one that goes itself, by a new label or as a copy."""
    put(root, "mug/1.jpg", b"mug/1")
    before = sorted(tree(root).values())
    chain = relabel("cake/1", "cup"), relabel("cup/1", "mug"), remove("mug/1", "cup/3")
    found = [chain[number] for number in order]
    for move in plan(root, fixes(*found), silent).waiting[:killed_after]:
        apply.move_file(move.source, move.target)
    applied(root, *found)
    assert plan(root, fixes(*found), silent).waiting == []
    assert sorted([*tree(root).values(), *tree(root.with_name("set.removed")).values()]) == before


@pytest.mark.parametrize("content", [b"plate/1", b"cake/1"])
def test_two_files_may_get_one_name(root: Path, content: bytes) -> None:
    """Both stay, also with equal bytes; a second run changes nothing."""
    put(root, "plate/1.jpg", content)
    before = sorted(tree(root).values())
    second = relabel("plate/1", "mug").model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})
    found = relabel("cake/1", "mug"), second
    applied(root, *found)
    assert sorted(tree(root).values()) == before
    assert {"mug/1.jpg", f"mug/1-{second.sha256[:8]}.jpg"} < set(tree(root))
    assert plan(root, fixes(*found), silent).waiting == []


def test_three_equal_files_with_one_name_are_refused(root: Path) -> None:
    found = [relabel("cake/1", "mug")]
    for folder in ("plate", "bowl"):
        put(root, f"{folder}/1.jpg", b"cake/1")
        found.append(relabel(f"{folder}/1", "mug").model_copy(update={"sha256": found[0].sha256}))
    before = tree(root)
    with pytest.raises(UsageError, match="the place of two files"):
        applied(root, *found)
    assert tree(root) == before


def test_a_file_that_changed_since_it_was_checked_stays(root: Path) -> None:
    planned = plan(root, fixes(remove("cake/2", "cake/1")), silent)
    put(root, "cake/2.jpg", b"other")
    with pytest.raises(StageError, match="changed meanwhile"):
        carry_out(planned, silent)
    assert (root / "cake/2.jpg").read_bytes() == b"other"


def test_a_file_never_moves_onto_itself(root: Path) -> None:
    with pytest.raises(ValueError, match="has the label 'cake' already"):
        relabel("cake/1", "cake")
    with pytest.raises(StageError, match="nothing is replaced"):
        apply.move_file(root / "cake/1.jpg", root / "cake/1.jpg")
    assert (root / "cake/1.jpg").read_bytes() == b"cake/1"


def test_a_copy_names_the_file_that_stays() -> None:
    with pytest.raises(ValueError, match="`keeps` has to name"):
        Fix(action="remove", reason="leak", decided=True, **named("cake/1"))


@pytest.mark.parametrize(
    "path", ["../x.jpg", "/etc/passwd", "a/../../x.jpg", "a//b.jpg", "", ".git/hooks/x", "a/.x.jpg", "a/.b/x.jpg"]
)
def test_a_path_stays_inside(path: str) -> None:
    with pytest.raises(ValueError, match="no path inside the data set"):
        Named(path=path, sha256="0" * 64)


@pytest.mark.parametrize("folder", ["..", "../set", ".git", "a/.git", "/a", "a//b"])
def test_a_label_folder_stays_inside(folder: str) -> None:
    with pytest.raises(ValueError, match="no path inside the data set"):
        Fix(action="remove", reason="label", label_folder=folder, decided=True, **named("cake/1"))


@pytest.mark.parametrize("label", ["..", ".", "a/b", ".git"])
def test_a_label_is_one_folder(label: str) -> None:
    with pytest.raises(ValueError, match="is no label"):
        relabel("cake/1", label)


@pytest.mark.parametrize("inside", ["", "data", "data/train"])
def test_a_version_never_changes(inside: str, root: Path) -> None:
    """Nor its folder of pictures."""
    version = root.rename(root.with_name("2026.1.0")) if not inside else root.parent / "2026.1.0"
    if inside:
        (version / inside).parent.mkdir(parents=True)
        root.rename(version / inside)
    put(version, "version.json", b"{}")
    with pytest.raises(UsageError, match="never changes"):
        applied(version / inside, remove("cake/2", "cake/1"))


def test_the_whole_disk_is_refused() -> None:
    with pytest.raises(UsageError, match="is the whole disk"):
        applied(Path("/"), remove("cake/2", "cake/1"))


def test_a_file_is_signed_and_a_change_shows(tmp_path: Path) -> None:
    """A person who decides something signs it anew: the name on the file is of who changed it last."""
    path = tmp_path / "fixes.json"
    key = write_fixes(path, fixes(relabel("cake/1", "cup", decided=False)))
    assert (read_fixes(path).signer, own_fingerprint()) == (key, key)
    content = json.loads(path.read_text())
    content["fixes"][0]["decided"] = True
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError, match=r"was changed after it was signed; .*--sign"):
        read_fixes(path)
    assert sign_again(path).signer == key
    assert read_fixes(path).fixes.fixes[0].decided


def test_spaces_and_order_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "fixes.json"
    write_fixes(path, fixes(relabel("cake/1", "cup")))
    content = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(content.items())), indent=4))
    assert read_fixes(path).fixes.dataset == "set"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is no file of fixes"),
        ('{"format": "isitcake fixes"}', "Field required"),
    ],
)
def test_another_file_is_one_sentence(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_fixes(path)


def test_a_file_without_a_signature_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(fixes().model_dump_json())
    with pytest.raises(UsageError, match="has no signature"):
        read_fixes(path)


def test_only_its_user_can_read_the_key(tmp_path: Path) -> None:
    write_fixes(tmp_path / "fixes.json", fixes())
    assert key_path().stat().st_mode & 0o777 == 0o600
    key_path().write_text("x")
    with pytest.raises(UsageError, match="holds no key"):
        write_fixes(tmp_path / "fixes.json", fixes())
