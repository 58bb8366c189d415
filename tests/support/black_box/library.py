"""What a user sees of a project, without a module of ours: the command's words and the files that it leaves.

Only the reasons of single files are read from the catalog with SQL: before there was `isitcake outcomes`, nothing else
showed them.
"""

import io
import json
import re
import sqlite3
import subprocess
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq
from commands import Ended, here
from PIL import Image
from small_projects import SmallProject, drawn

STAGES = ("collect", "curate", "publish")
N, C = "n n not_cake CC0-1.0", "c c cake CC-BY-4.0"


def versions(project: SmallProject) -> list[Path]:
    """The versions of the project, oldest first."""
    found = (path.parent for path in (project.folder / "library" / "versions").glob("*/version.json"))
    return sorted(found, key=lambda path: [int(part) for part in path.name.split(".")])


def newest(project: SmallProject) -> Path:
    return versions(project)[-1]


def facts(version: Path) -> dict[str, Any]:
    """What version.json says."""
    content: dict[str, Any] = json.loads((version / "version.json").read_bytes())
    return content


def rows(version: Path) -> list[dict[str, Any]]:
    """The rows of the manifest."""
    table: list[dict[str, Any]] = pq.read_table(version / "manifest.parquet").to_pylist()
    return table


def name_of(row: dict[str, Any]) -> str:
    """The name of the file that a row of the manifest was collected from."""
    return PurePosixPath(unquote(row["image_url"])).name


def names(version: Path) -> set[str]:
    return {name_of(row) for row in rows(version)}


def drawn_as(kind: str, number: int = 1) -> bytes:
    """A drawn cake of 320 by 320 pixels, in one of Pillow's formats."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(drawn("cake", number))) as image:
        image.convert("RGB").resize((320, 320)).save(out, kind)
    return out.getvalue()


def words(ended: Ended | subprocess.CompletedProcess[str]) -> str:
    """What a command said, on one line."""
    return " ".join((ended.stdout + ended.stderr).split())


def attempt(project: SmallProject, *commands: str) -> list[Ended]:
    """Run commands that may fail."""
    return [here(project.folder, *command.split()) for command in commands]


def answers(project: SmallProject, lines: Iterable[str], header: str = "sha256,label,reviewer") -> Ended:
    """Import answers from a CSV file."""
    path = project.folder / "answers.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return here(project.folder, "review", "import", str(path))


def reasons(project: SmallProject) -> dict[str, tuple[str, str]]:
    """Outcome and reason of every file that was collected, by its name."""
    return {PurePosixPath(unquote(address)).name: (outcome, reason) for address, outcome, reason in _outcomes(project)}


def _outcomes(project: SmallProject) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(project.folder / "library" / "catalog.db")) as connection:
        return connection.execute("SELECT image_url, outcome, reason FROM outcomes ORDER BY id").fetchall()


def published_once(project: SmallProject, *sources: str) -> SmallProject:
    """Configure the project with these sources (folders n and c), and publish its first version."""
    project.configure(*(sources or (N, C)))
    project.run(*STAGES)
    return project


def obey(project: SmallProject, command: str, new: str = "") -> Ended:
    """Run a command. If it is refused, run the command that its message names first, and then the command again.

    new: what to write where the message says NEW.
    """
    ended = here(project.folder, *command.split())
    named = re.search(r"`isitcake ([^`]+)`", ended.stderr)
    if ended.returncode and named:
        here(project.folder, *named[1].replace("NEW", new).split())
        ended = here(project.folder, *command.split())
    return ended
