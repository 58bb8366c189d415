"""The guideline that reviewers read beside the picture."""

import base64
import html
import io
import re
from pathlib import Path

from dataset.project import Project
from dataset.suspicion.packs import pack
from foundation.settings import LabelSection

GUIDELINE = "guideline.md"
EXAMPLE_PX = 96  # longest side of an example's picture
NO_TABLE = LabelSection()


def guideline(project: Project) -> str:
    """Markdown: guideline.md beside isitcake.toml; else by [labels.X]; else the pack's; else a list of the labels."""
    own = project.settings.root / GUIDELINE
    if own.is_file():
        return own.read_text(encoding="utf-8")
    items = instructions(project)
    chosen = pack(project.settings.project.subject)
    if not items and chosen and set(chosen.labels) == set(_labels(project)):
        return chosen.guideline
    lines = "\n".join(f"- **{label}**{': ' + items[label] if label in items else ''}" for label in _labels(project))
    return (
        "**Judge what the picture shows, not where it came from.**\n\n"
        f"{lines}\n- **unusable**: not a photo that could train or test a model\n"
        "- **unsure**: a careful person could not tell\n"
    )


def instructions(project: Project) -> dict[str, str]:
    """What [labels.X] tells reviewers about each label; empty if it tells nothing about any."""
    told = {}
    for label in _labels(project):
        table = project.settings.labels.get(label, NO_TABLE)
        parts = [table.definition.strip().rstrip(".")]
        parts += [f"Also: {', '.join(table.means)}"] if table.means else []
        parts += [f"Examples: {', '.join(map(_short, table.examples))}"] if table.examples else []
        if text := ". ".join(part for part in parts if part):
            told[label] = f"{text}."
    return told


def examples(project: Project) -> dict[str, list[str]]:
    """The example files of each label that has some, as small JPEG pictures in base64.

    Examples that are images of the library are not among them: an erasure does not reach what is inside Label Studio.
    """
    shown = {}
    for label in _labels(project):
        files = project.settings.labels.get(label, NO_TABLE).examples
        found = [_thumbnail(project.settings.root / Path(file).expanduser()) for file in files]
        shown[label] = [text for text in found if text]
    return {label: texts for label, texts in shown.items() if texts}


def _thumbnail(file: Path) -> str:
    """A small JPEG of a picture, in base64; empty where there is no file, or no picture in it."""
    if not file.is_file():
        return ""
    from dataset.pictures.decoding import Undecodable  # slow to import, and few labels have examples
    from dataset.reader import decoded

    try:
        image = decoded(file.read_bytes())
    except Undecodable:
        return ""
    image.thumbnail((EXAMPLE_PX, EXAMPLE_PX))
    content = io.BytesIO()
    image.save(content, "JPEG", quality=80)
    return base64.b64encode(content.getvalue()).decode()


def _labels(project: Project) -> list[str]:
    return project.settings.project.labels


def _short(example: str) -> str:
    """A path as it is; of a SHA-256, as many digits as commands need."""
    return example[:16] if re.fullmatch(r"[0-9a-f]{64}", example) else example


def as_html(markdown: str) -> str:
    """HTML of the Markdown that a guideline may use: paragraphs, lists and bold text."""
    parts = []
    for block in re.split(r"\n\s*\n", markdown.strip()):
        lines = [re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", html.escape(line)) for line in block.splitlines()]
        if all(line.startswith("- ") for line in lines):
            parts.append("<ul>" + "".join(f"<li>{line[2:]}</li>" for line in lines) + "</ul>")
        else:
            parts.append(f"<p>{' '.join(line.lstrip('# ') for line in lines)}</p>")
    return "".join(parts)
