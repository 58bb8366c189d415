"""isitcake init: a first file that loads, for any labels."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ENTRY, here

from foundation import settings_file
from foundation.environment import child_environment


def test_a_file_for_labels_of_ones_own(tmp_path: Path) -> None:
    """It loads as it is: labels of the sources count too, names of sources differ, nothing of cakes is in it."""
    for name in ("mugs", "my bowls"):
        (tmp_path / name).mkdir()
    arguments = [
        "--label",
        "mug",
        "--folder",
        "mugs=mug",
        "--folder",
        "my bowls=bowl",
        "--site",
        "https://x.example/=mug",
    ]
    ended = here(tmp_path, "init", *arguments, "--site", "https://x.example/a=b=bowl")
    assert ended.returncode == 0, ended.stderr
    settings = settings_file.load(tmp_path / "isitcake.toml", {})
    assert settings.project.labels == ["mug", "bowl"]
    assert [(source.name, source.kind, source.label) for source in settings.sources] == [
        ("mugs", "folder", "mug"), ("my-bowls", "folder", "bowl"), ("x-example", "site", "mug"),
        ("x-example-2", "site", "bowl"),
    ]  # fmt: skip
    assert settings.sources[3].start_urls == ["https://x.example/a=b"]
    assert not settings.project.subject
    assert "cake" not in (tmp_path / "isitcake.toml").read_text().replace("isitcake", "")


@pytest.mark.parametrize("labels", [["a b", "c"], ["Käse", "Brot"], ['"quoted"', "c"], ["a.b", "c-d", "e_f"]])
def test_labels_of_any_spelling(labels: list[str], tmp_path: Path) -> None:
    """The file loads with exactly these labels, or they are refused and no file stays."""
    ended = here(tmp_path, "init", *(part for label in labels for part in ("--label", label)))
    path = tmp_path / "isitcake.toml"
    if ended.returncode == 0:
        assert settings_file.load(path, {}).project.labels == labels
    else:
        assert ended.stderr.startswith("error: ")
        assert not path.exists()


@pytest.mark.parametrize(("arguments", "message"), [
    (["--folder", "mugs"], "names no label"), (["--site", "=mug"], "names no label"),
    (["--label", "mug"], "two labels"),
    (["--label", "mug", "--folder", "nothing=bowl"], "no folder"), (["--subject", "cat"], "one of cake"),
    (["--subject", "cake", "--label", "mug"], "takes no other options"),
    (["--label", "mug", "--label", "unsure"], "unsure"),
    (["--label", "mug", "--label", "Excluded"], "a word with which `isitcake search`"),
    (["--label", "none", "--label", "mug"], "'none' is a word"),
    (["--label", "mug", "--label", "Mug", "--label", "bowl"], "'mug' and 'Mug' differ only in capital letters"),
    (["--folder", ".=mug", "--folder", ".=bowl"], "--folder: . is one folder with two labels, 'mug' and 'bowl'"),
    (["--folder", "here=mug", "--folder", "./here/../here=bowl"], "here and ./here/../here are one folder"),
    (["--folder", "here=mug", "--folder", "link=bowl"], "here and link are one folder"),
    (["--site", "https://a.example/=mug", "--site", "https://a.example/=bowl"], "is one page with two labels"),
    (["--folder", "library=mug", "--label", "bowl"], "library is the library: this program writes its files there"),
    (["--folder", "library/blobs=mug", "--label", "bowl"], "lies in the library"),
    (["--label", "mug", "--site", "mugs=bowl"], "--site: 'mugs' is not a web address"),
    (["--label", "Süße Tasse", "--label", "bowl"], "label 'Süße Tasse' is not a name"),
    (["--label", "Süße Tasse", "--label", "bowl"], "like 'Susse_Tasse'"),
])  # fmt: skip
def test_a_mistake_is_one_sentence_and_no_file(arguments: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to("here")
    (tmp_path / "library" / "blobs").mkdir(parents=True)
    ended = here(tmp_path, "init", *arguments)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert "isitcake.toml" not in ended.stderr  # nothing is said of a line of a file that nobody has
    assert not (tmp_path / "isitcake.toml").exists()


def test_a_repeated_folder_is_one_source(tmp_path: Path) -> None:
    """Also where it is written in another way; else each of its pictures would be claimed twice."""
    (tmp_path / "mugs").mkdir()
    sites = ["--site", "https://a.example/=bowl"] * 2
    ended = here(tmp_path, "init", "--folder", "mugs=mug", "--folder", "./mugs=mug", *sites)
    assert ended.returncode == 0, ended.stderr
    settings = settings_file.load(tmp_path / "isitcake.toml", {})
    assert [(source.name, source.label) for source in settings.sources] == [("mugs", "mug"), ("a-example", "bowl")]


def test_without_options_and_terminal_it_is_the_talks(tmp_path: Path) -> None:
    """So is --subject cake; neither overwrites a file."""
    assert here(tmp_path, "init").returncode == 0
    written = (tmp_path / "isitcake.toml").read_text()
    assert settings_file.load(tmp_path / "isitcake.toml", {}).project.subject == "cake"
    assert here(tmp_path, "init", "--subject", "cake").returncode == 2
    (tmp_path / "isitcake.toml").unlink()
    assert here(tmp_path, "init", "--subject", "cake").returncode == 0
    assert (tmp_path / "isitcake.toml").read_text() == written


def test_a_contact_is_asked_for_where_somebody_is_crawled(tmp_path: Path) -> None:
    """Not for folders alone."""
    (tmp_path / "mugs").mkdir()
    labels = ["--label", "mug", "--label", "bowl"]
    assert "under contact" not in here(tmp_path, "init", *labels, "--folder", "mugs=mug").stdout
    (tmp_path / "isitcake.toml").unlink()
    assert "under contact" in here(tmp_path, "init", *labels, "--site", "https://x.example/=mug").stdout


def test_many_labels(tmp_path: Path) -> None:
    """The project's name is short enough, and the next step names the labels that have no source yet."""
    (tmp_path / "p").mkdir()
    labels = [f"a_rather_long_label_{number}" for number in range(12)]
    written = here(tmp_path, "init", *(f"--label={label}" for label in labels), f"--folder=p={labels[0]}")
    assert written.returncode == 0, written.stderr
    assert settings_file.load(tmp_path / "isitcake.toml", {}).project.name == "a_rather_long_label_0-or-11-more"
    assert f"add [[sources]] of {', '.join(labels[1:])}, then " in written.stdout


def test_a_question_is_asked_again_until_its_answer_can_be_used(tmp_path: Path) -> None:
    """One wrong answer does not lose those before it."""
    for name in ("mugs", "bowls"):
        (tmp_path / name).mkdir()
    labels = ["mug", "mug, süß", "mug, Mug", "mug, none", "mug, bowl, mug"]
    answers = [*labels, "mugs", "bowl", "./mugs", "www.x.example", "bowls", "nobody", "me@x.example"]
    master, slave = pty.openpty()
    os.write(master, "\n".join([*answers, ""]).encode())
    ended = subprocess.run(
        [sys.executable, "-c", ENTRY, "init"], cwd=tmp_path, env=child_environment(), stdin=slave, timeout=60,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    os.close(slave)
    os.close(master)
    assert ended.returncode == 0, ended.stderr
    for problem in (
        "two classes or more",
        "like 'suss'",
        "no folder",
        "neither a web page nor an e-mail address",
        "differ only in capital letters",
        "'none' is a word",
        "has the pictures of mug already",
    ):
        assert problem in ended.stdout
    settings = settings_file.load(tmp_path / "isitcake.toml", {})
    assert [(source.path, source.label) for source in settings.sources] == [("mugs", "mug"), ("bowls", "bowl")]
    assert (settings.project.labels, settings.project.contact) == (["mug", "bowl"], "me@x.example")


def test_a_source_has_a_name_that_can_be_read(tmp_path: Path) -> None:
    """Accents are left off; a folder without a letter of the alphabet gives its source the name of its label."""
    for name in ("Müller Straße", "茶碗"):
        (tmp_path / name).mkdir()
    folders = ["--folder", "茶碗=Bowl", "--folder", "Müller Straße=mug"]
    ended = here(tmp_path, "init", "--label", "mug", "--label", "Bowl", *folders)
    assert ended.returncode == 0, ended.stderr
    settings = settings_file.load(tmp_path / "isitcake.toml", {})
    assert [source.name for source in settings.sources] == ["bowl", "muller-strasse"]
