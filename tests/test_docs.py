"""The docs name every command, configuration key, detector, error and variable."""

import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from dataset.suspicion.detectors import DETECTORS
from foundation import errors, settings, settings_file
from foundation.default_config import default_config
from isitcake.cli import cli

ROOT = Path(__file__).parents[1]
DOCS = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md")))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands(group: click.Group, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}"


def keys() -> Iterator[str]:
    """Keys of isitcake.toml, with their tables."""
    for table, field in settings.Settings.model_fields.items():
        if table in ("config_path", "secrets", "browser"):
            continue
        repeated: dict[str, object] = {"sources": settings.Source, "labels": settings.LabelSection}
        model = repeated.get(table, field.annotation)
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        yield from (f"{table}.{key}" for key in model.model_fields)


@pytest.mark.parametrize("command", [*commands(cli, "isitcake")])
def test_every_command_is_in_the_docs(command: str) -> None:
    assert re.search(rf"`{command}[ `]", DOCS)


@pytest.mark.parametrize("key", [*keys()])
def test_every_configuration_key_is_in_the_docs(key: str) -> None:
    table, name = key.split(".")
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    section = re.split(rf"^## `\[+{table}\]+`$", page, flags=re.MULTILINE)[1].split("\n## ")[0]
    assert f"| `{name}` |" in section


@pytest.mark.parametrize("detector", [detector.name for detector in DETECTORS])
def test_every_detector_is_in_the_docs(detector: str) -> None:
    assert f"| `{detector}` |" in DOCS


@pytest.mark.parametrize("name", [n for n, _ in inspect.getmembers(errors, inspect.isclass)])
def test_every_error_is_in_the_docs(name: str) -> None:
    assert f"`{name}`" in DOCS


def test_every_variable_is_in_the_docs() -> None:
    """Every ISITCAKE_… that settings_file.py reads by name."""
    named = set(re.findall(r"\"(ISITCAKE_[A-Z_]+)\"", inspect.getsource(settings_file)))
    assert named
    assert [name for name in sorted(named) if f"`{name}`" not in DOCS] == []


def test_defaults_in_the_docs_are_those_of_the_program() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for table in ("project", "catalog", "crawl", "review", "publish", "models"):
        model = settings.Settings.model_fields[table].annotation
        section = page.split(f"## `[{table}]`")[1].split("\n## ")[0]
        for key, default in re.findall(r"^\| `(\w+)` \| `(.+?)` \|", section, flags=re.MULTILINE):
            assert isinstance(model, type)
            assert issubclass(model, BaseModel)
            assert (
                model.model_fields[key].get_default(call_default_factory=True) == tomllib.loads(f"x = {default}")["x"]
            )


def test_the_template_has_the_sources_of_the_talk() -> None:
    """It has 18 pages and 29 queries."""
    sources = tomllib.loads(default_config())["sources"]
    assert sum(len(source.get("start_urls", ())) for source in sources) == 18
    assert [len(source["queries"]) for source in sources if source["kind"] == "unsplash"] == [29]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_exist(page: Path) -> None:
    """Pages and pictures."""
    for target in re.findall(r"\]\((?!https?://|#)([^)#\s]+)|src=\"(?!https?://)([^\"]+)\"", page.read_text()):
        path = page.parent / (target[0] or target[1])
        assert path.exists(), f"{page.name} links to {path}"
