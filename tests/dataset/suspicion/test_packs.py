"""Subject packs: folders of data that `[project] subject` chooses, and what the settings say about them."""

from pathlib import Path

import pytest

from dataset.suspicion import packs
from dataset.suspicion.meanings import meanings
from foundation.default_config import default_config
from foundation.errors import ConfigError
from foundation.settings import SUBJECTS, Settings
from foundation.settings_file import load


def settings_of(folder: Path, text: str) -> Settings:
    path = folder / "isitcake.toml"
    path.write_text(f'[project]\ncontact = "https://example.org"\n{text}\n')
    return load(path)


def test_every_pack_is_a_folder_and_every_folder_a_pack() -> None:
    """Use A3: each has a guideline, priors, and answers that are labels of the pack or `unusable`."""
    folders = {path.parent.name for path in packs.FOLDER.glob("*/pack.toml")}
    assert folders == set(SUBJECTS)
    for name in folders:
        pack = packs.pack(name)
        assert pack is not None
        assert pack.guideline.strip()
        assert list(pack.priors.glob("*.npz"))
        named = {*pack.objects, *pack.classes, *pack.words, *pack.parts_of_words, *pack.zero_shot}
        assert named <= {*pack.labels, "unusable"}


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("", "cake"),
        ('labels = ["cake", "not_cake"]', "cake"),
        ('labels = ["not_cake", "cake"]', "cake"),
        ('labels = ["cake", "not_cake"]\nsubject = ""', ""),
        ('labels = ["mug", "bowl"]', ""),
        ('labels = ["cake", "not_cake", "pie"]', ""),
        ('labels = ["cake", "not_cake", "pie"]\nsubject = "cake"', "cake"),
    ],
)
def test_without_the_key_the_labels_of_a_pack_choose_it(tmp_path: Path, text: str, subject: str) -> None:
    """Use A3: files of older programs keep their pack; other labels have none, unless the key says so."""
    assert settings_of(tmp_path, text).project.subject == subject


def test_init_names_its_pack(tmp_path: Path) -> None:
    path = tmp_path / "isitcake.toml"
    path.write_text(default_config())
    assert 'subject = "cake"' in path.read_text()
    assert load(path).project.subject == "cake"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('subject = "cakes"', r"line 3: project\.subject: no subject pack 'cakes'; there is 'cake'; "),
        (
            'labels = ["mug", "bowl"]\n[labels.mugg]\nmeans = ["cup"]',
            r"'mugg' .*did you mean \[labels\.mug\]",
        ),
        ('labels = ["mug", "bowl"]\n[labels.x]', r"\[labels\.x\].*use one of mug, bowl"),
        ('labels = ["mug", "bowl"]\n[labels.mug]\nmeens = ["cup"]', r"line 5: labels\.mug\.meens: .*`means`"),
        ('labels = ["mug", "bowl"]\n[labels.mug]\nmeans = "cup"', r"line 5: labels\.mug\.means: "),
        (
            'labels = ["mug", "bowl"]\n[labels.mug]\nmeans = [" "]',
            r"line 5: labels\.mug\.means: contains an empty text",
        ),
        ('labels = ["mug", "bowl"]\n[labels.mug]\nexamples = ["no.jpg"]', r"line 5: labels\.mug\.examples: 'no\.jpg'"),
        (
            'labels = ["mug", "bowl"]\n[labels.mug]\nmeans = ["Tea_cup"]\n[labels.bowl]\nmeans = ["tea cup"]',
            r"'tea cup' is in means of \[labels\.mug\] and of \[labels\.bowl\]; keep one",
        ),
    ],
)
def test_a_mistake_about_subjects_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    """Use A3: an unknown pack lists the packs; a label that is not the project's gets a suggestion."""
    with pytest.raises(ConfigError, match=message):
        settings_of(tmp_path, text)


def test_examples_are_files_or_digests(tmp_path: Path) -> None:
    (tmp_path / "blue.jpg").write_bytes(b"")
    text = f'labels = ["mug", "bowl"]\n[labels.mug]\nexamples = ["blue.jpg", "{"ab" * 32}"]'
    assert settings_of(tmp_path, text).labels["mug"].examples == ["blue.jpg", "ab" * 32]


def test_a_pack_says_nothing_of_labels_that_the_project_lacks(tmp_path: Path) -> None:
    known = meanings(settings_of(tmp_path, 'labels = ["cake", "pie"]\nsubject = "cake"'))
    assert known.rest == ""
    assert set(known.words) == {"unusable"}
    assert not known.has_prior


@pytest.mark.parametrize(
    ("subject", "labels", "asked"),
    [
        ("cake", ["cake", "not_cake"], ("Is it", "cake?")),
        ("", ["mug", "bowl"], ("", "mug or bowl?")),
        ("", ["wild_animal", "vehicle", "kitchen"], ("", "wild animal, vehicle or kitchen?")),
    ],
)
def test_the_game_asks_a_question_that_is_right_for_any_labels(
    subject: str, labels: list[str], asked: tuple[str, str]
) -> None:
    """Use A3: not "Is it animal?"."""
    assert packs.question(subject, labels) == asked
