"""The guideline that reviewers read beside the picture."""

import html
import re
from pathlib import Path

from dataset.project import Project

GUIDELINE = "guideline.md"


def guideline(project: Project) -> str:
    """Markdown: guideline.md beside isitcake.toml; else our own for cake and not_cake; else a list of the labels."""
    own = project.settings.root / GUIDELINE
    if own.is_file():
        return own.read_text(encoding="utf-8")
    labels = project.settings.project.labels
    if labels == ["cake", "not_cake"]:
        return (Path(__file__).parent / GUIDELINE).read_text(encoding="utf-8")
    items = "\n".join(f"- **{label}**" for label in labels)
    return (
        "**Judge what the picture shows, not where it came from.**\n\n"
        f"{items}\n- **unusable**: not a photo that could train or test a model\n"
        "- **unsure**: a careful person could not tell\n"
    )


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
