"""What doctor says about one configuration or another."""

from pathlib import Path

import pytest
from commands import here

from isitcake.doctor import Check, examine

SOURCE = '[[sources]]\nname = "a"\nlabel = "mug"\n'
FOLDER, SITE = f'{SOURCE}kind = "folder"\npath = "."\n', f'{SOURCE}kind = "site"\nstart_urls = ["https://a.example"]\n'


def check(folder: Path, name: str, content: str) -> Check:
    path = folder / "isitcake.toml"
    path.write_text(content)
    return next(one for one in examine(path) if one.name == name)


@pytest.mark.parametrize(
    ("source", "state"), [(FOLDER, "ok"), (SITE, "MISSING"), ("", "MISSING"), (FOLDER + SITE, "MISSING")]
)
def test_a_contact_is_needed_where_somebody_else_is_asked(source: str, state: str, tmp_path: Path) -> None:
    """Folders have no owner who reads the user agent."""
    content = '[project]\nlabels = ["mug", "bowl"]\n' + source.replace(
        '"a"', '"b"', 1 if source == FOLDER + SITE else 0
    )
    assert check(tmp_path, "contact", content).state == state


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
