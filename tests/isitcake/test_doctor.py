"""What doctor says about one configuration or another."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ENTRY, here
from small_projects import SmallProject

from foundation.environment import child_environment
from isitcake.doctor import Check, examine

SOURCE = '[[sources]]\nname = "a"\nlabel = "mug"\n'
FOLDER, SITE = f'{SOURCE}kind = "folder"\npath = "."\n', f'{SOURCE}kind = "site"\nstart_urls = ["https://a.example"]\n'


def check(folder: Path, name: str, content: str) -> Check:
    path = folder / "isitcake.toml"
    path.write_text(content)
    return next(one for one in examine(path) if one.name == name)


@pytest.mark.parametrize(
    ("source", "state"), [(FOLDER, "ok"), (SITE, "MISSING"), ("", "ok"), (FOLDER + SITE, "MISSING")]
)
def test_a_contact_is_needed_where_somebody_else_is_asked(source: str, state: str, tmp_path: Path) -> None:
    """Folders have no owner who reads the user agent."""
    content = '[project]\nlabels = ["mug", "bowl"]\n' + source.replace(
        '"a"', '"b"', 1 if source == FOLDER + SITE else 0
    )
    assert check(tmp_path, "contact", content).state == state


def test_a_project_without_sources_is_told_what_to_add(tmp_path: Path) -> None:
    """It has nothing to collect; a contact is not what it lacks first."""
    found = check(tmp_path, "sources", '[project]\nlabels = ["mug", "bowl"]\n')
    assert found.state == "MISSING"
    assert "add [[sources]]" in found.message
    assert found.needed
    assert not [one for one in _first(_write(tmp_path, FOLDER)) if one.name == "sources"]


def _write(folder: Path, sources: str) -> Path:
    path = folder / "isitcake.toml"
    path.write_text(f'[project]\nlabels = ["mug", "bowl"]\n{sources}')
    return path


def _first(config: Path) -> list[Check]:
    """What comes before the checks that take long."""
    return list(itertools.takewhile(lambda one: one.name != "secrets", examine(config)))


INNER = '[[sources]]\nname = "b"\nlabel = "bowl"\nkind = "folder"\npath = "{}"\n'


@pytest.mark.parametrize(
    ("inner", "says"),
    [
        ("inner", "its folder lies in the folder of source 'a', which collects the same pictures as mug"),
        ("./inner/..", "its folder is also the folder of source 'a'"),
        ("link", "its folder lies in the folder of source 'a'"),
    ],
)
def test_a_folder_in_the_folder_of_another_label_is_a_warning(inner: str, says: str, tmp_path: Path) -> None:
    """Its pictures are claimed as both."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "link").symlink_to("inner")
    path = _write(tmp_path, FOLDER + INNER.format(inner))
    warnings = [one for one in _first(path) if one.name.startswith("source ")]
    assert [(one.name, one.state) for one in warnings] == [("source b", "WARNING")]
    assert says in warnings[0].message
    same_label = _write(tmp_path, FOLDER + INNER.format(inner).replace("bowl", "mug"))
    assert not [one for one in _first(same_label) if one.name.startswith("source ")]


@pytest.mark.parametrize(("path", "says"), [("library", "is the library"), ("library/blobs", "lies in the library")])
def test_a_source_in_the_library_is_missing(path: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "library" / "blobs").mkdir(parents=True)
    found = check(tmp_path, "source b", f'[project]\nlabels = ["mug", "bowl"]\n{INNER.format(path)}')
    assert found.state == "MISSING"
    assert says in found.message
    assert "name the folder that has your own pictures" in found.message


@pytest.mark.parametrize(("labels", "says"), [(["mug", "none"], "'none' is a word"), (["mug", "Mug"], "capital")])
def test_labels_that_are_mistaken_are_a_warning(labels: list[str], says: str, tmp_path: Path) -> None:
    """A project that has them opens as before."""
    found = check(tmp_path, "labels", f'[project]\nlabels = ["{labels[0]}", "{labels[1]}"]\n{FOLDER}')
    assert found.state == "WARNING"
    assert says in found.message


ALL_CLOSED = {"versions": 0o555, "locks": 0o555, "derived/new": 0o555, "catalog.db": 0o444}


@pytest.mark.parametrize(
    ("closed", "says"),
    [
        (
            ALL_CLOSED,
            ["library/derived/new, ", "library/locks, ", "library/versions are not writable", "catalog.db is"],
        ),
        ({"versions": 0}, ["library/versions is not writable", "library/versions cannot be read"]),
    ],
)
def test_what_a_run_writes_to_is_checked(closed: dict[str, int], says: list[str], tmp_path: Path) -> None:
    """Not the library's own folder alone: publish writes to library/versions."""
    small = SmallProject(tmp_path, 1)
    small.configure("c c cake CC0", "n n not_cake CC0")
    small.run("collect")
    for name, mode in closed.items():
        path = tmp_path / "library" / name
        if not path.exists():
            path.mkdir(parents=True)
        path.chmod(mode)
    without = "-dac_override,-dac_read_search,-fowner"
    powerless = ["setpriv", "--bounding-set", without, "--inh-caps", without] if os.geteuid() == 0 else []
    command = [*powerless, sys.executable, "-c", ENTRY, "doctor", "--wide"]
    ended = subprocess.run(
        command, cwd=tmp_path, env=child_environment(), capture_output=True, text=True, timeout=60, check=False
    )
    for name in closed:
        (tmp_path / "library" / name).chmod(0o755)
    assert ended.returncode == 1, ended.stderr
    missing = [line for line in ended.stdout.splitlines() if line.startswith("MISSING")]
    assert all(any(part in line for line in missing) for part in says), ended.stdout


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    content = f'[project]\nlabels = ["mug", "bowl"]\n{FOLDER.replace(".", "gone")}'
    assert check(tmp_path, "source a", content).state == "MISSING"
    assert (
        "gone; create it, attach the disk that has it, or fix the path" in check(tmp_path, "source a", content).message
    )


@pytest.mark.slow  # loads the network
def test_weak_features_are_a_warning_with_cost_and_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code stays 0: a run works with them."""
    monkeypatch.delenv("ISITCAKE_MODELS_NETWORK")
    project = f'[project]\nlabels = ["mug", "bowl"]\n{FOLDER}'
    weak = check(tmp_path, "network", f'{project}[models]\nnetwork = "colour_texture"\n')
    assert weak.state == "WARNING"
    assert "instead of 65 %" in weak.message
    assert "fix: remove [models] network" in weak.message
    ended = here(tmp_path, "doctor")
    assert ended.returncode == 0
    assert "WARNING  network" in ended.stdout
    assert check(tmp_path, "network", project).state == "ok"


@pytest.mark.parametrize(
    ("safety", "name", "state", "part"),
    [
        ('hash_lists = ["known.txt"]\ncontact = "x"', "hash lists", "ok", "1 by MD5, 0 by PDQ"),
        ('hash_lists = ["gone.txt"]\ncontact = "x"', "hash lists", "MISSING", "gone.txt cannot be read"),
        ('nsfw = "gone.onnx"', "explicit pictures", "MISSING", "gone.onnx"),
    ],
)
def test_what_keeps_pictures_out_is_there(safety: str, name: str, state: str, part: str, tmp_path: Path) -> None:
    """Without its list or its network no run begins."""
    (tmp_path / "known.txt").write_text("0123456789abcdef0123456789abcdef\n")
    found = check(tmp_path, name, f'[project]\nlabels = ["mug", "bowl"]\n{FOLDER}[safety]\n{safety}\n')
    assert found.state == state
    assert part in found.message
