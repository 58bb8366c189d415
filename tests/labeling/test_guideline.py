"""labeling.guideline: the text that reviewers read beside the picture."""

import base64
import io
from pathlib import Path

from PIL import Image

from dataset.opening import open_project
from dataset.project import Project
from labeling.guideline import as_html, examples, guideline


def project(folder: Path, labels: str, more: str = "") -> Project:
    (folder / "isitcake.toml").write_text(f'[project]\ncontact = "https://example.org"\nlabels = {labels}\n{more}\n')
    return open_project(folder / "isitcake.toml")


def test_cake_has_a_guideline_of_ours(tmp_path: Path) -> None:
    text = guideline(project(tmp_path, '["cake", "not_cake"]'))
    assert "cheesecake" in text
    assert "**unsure**" in text


def test_other_labels_are_listed_with_the_two_extra_answers(tmp_path: Path) -> None:
    text = guideline(project(tmp_path, '["cat", "dog"]'))
    assert all(f"- **{answer}**" in text for answer in ("cat", "dog", "unusable", "unsure"))
    assert "cheesecake" not in text


def test_what_labels_mean_becomes_the_instructions(tmp_path: Path) -> None:
    """Use A3: definition, names and examples of [labels.X]; a label without a table has its name."""
    (tmp_path / "blue.jpg").write_bytes(b"")
    more = (
        '[labels.mug]\ndefinition = "For hot drinks."\nmeans = ["coffee mug", "cup"]\n'
        f'examples = ["blue.jpg", "{"ab" * 32}"]'
    )
    text = guideline(project(tmp_path, '["mug", "bowl"]', more))
    told = "For hot drinks. Also: coffee mug, cup. Examples: blue.jpg, abababababababab."
    assert f"- **mug**: {told}\n- **bowl**\n" in text
    assert f"<li><b>mug</b>: {told}</li>" in as_html(text)


def test_example_files_are_small_pictures(tmp_path: Path) -> None:
    """A file that is no picture, and an image of the library, are named only."""
    Image.new("RGB", (800, 400), "red").save(tmp_path / "red.png")
    (tmp_path / "text.jpg").write_bytes(b"no picture")
    more = f'[labels.mug]\nexamples = ["red.png", "text.jpg", "{"ab" * 32}"]\n[labels.bowl]\nexamples = ["text.jpg"]'
    ((label, (text,)),) = examples(project(tmp_path, '["mug", "bowl"]', more)).items()
    assert label == "mug"
    assert Image.open(io.BytesIO(base64.b64decode(text))).size == (96, 48)


def test_the_guideline_of_a_pack_is_for_its_labels_only(tmp_path: Path) -> None:
    """Use A3: with one more label it would not name that label."""
    text = guideline(project(tmp_path, '["cake", "not_cake", "pie"]', 'subject = "cake"'))
    assert "- **pie**" in text
    assert "cheesecake" not in text


def test_what_labels_mean_replaces_the_guideline_of_a_pack(tmp_path: Path) -> None:
    text = guideline(project(tmp_path, '["cake", "not_cake"]', '[labels.cake]\ndefinition = "Round."'))
    assert "- **cake**: Round." in text
    assert "cheesecake" not in text


def test_a_guideline_beside_the_configuration_is_used(tmp_path: Path) -> None:
    (tmp_path / "guideline.md").write_text("Look twice.")
    assert guideline(project(tmp_path, '["cake", "not_cake"]')) == "Look twice."


def test_html_has_paragraphs_lists_and_bold_text() -> None:
    """Markup of the author is shown as text."""
    html = as_html("# Title\n\n- **cake**: round\n- <b>not</b>\n\nOne line\nand another")
    assert html == (
        "<p>Title</p><ul><li><b>cake</b>: round</li><li>&lt;b&gt;not&lt;/b&gt;</li></ul><p>One line and another</p>"
    )
