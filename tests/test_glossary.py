"""Retired words stay out of everything that a person reads."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RETIRED = re.compile(r"\b(mend(s|ed|ing)?|put up|set aside|champions?)\b", re.IGNORECASE)
# Names that are a contract: files on disk, values in catalogs and metrics of published models.
KEPT = re.compile(r"champion\.(json|lock)|\"champion\"")
ENDINGS = (".py", ".md", ".html", ".js", ".toml", ".sh", ".yaml", ".yml", ".css")
EXEMPT = ("docs/glossary.md", "tests/test_glossary.py", "CHANGELOG.md")


def test_retired_words_stay_out() -> None:
    """Code, messages, pages and documents."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    found = []
    for name in names:
        if not name.endswith(ENDINGS) or name in EXEMPT or not (ROOT / name).is_file():
            continue
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1):
            if match := RETIRED.search(KEPT.sub("", line)):
                found.append(f"{name}:{number}: {match.group(0)!r}")
    assert found == [], "see docs/glossary.md for the words to use"


@pytest.mark.parametrize("word", ["default model", "excluded automatically", "representative"])
def test_the_glossary_lists_the_words(word: str) -> None:
    assert f"| {word} |" in (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
