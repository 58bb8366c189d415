"""Kill stages with -9 and compare what they left with an undisturbed run. A benchmark counts with these too."""

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from commands import ENTRY
from sqlalchemy import select

from dataset.catalog.tables import (
    clusters,
    decisions,
    features,
    findings,
    fingerprints,
    pairs,
    queue,
    splits,
)
from dataset.project import Project
from foundation.environment import child_environment

MOVES = {
    "id",
    "run_id",
    "at",
    "first_seen",
    "seen_at",
    "assigned_at",
    "decided_at",
    "begun_at",
    "done_at",
    "erased_at",
    "asserted_at",
    "since",
}  # differ between equal runs
DERIVED = (fingerprints, features, pairs, clusters, findings, queue, decisions, splits)  # by curate and publish
MOST_CHANGES = 40  # of the library, before a kill
POLL_S = 0.01
DEADLINE_S = 120
WORK_S = 300  # a whole stage on a busy machine


def dump(project: Project, *tables: Any) -> dict[str, list[str]]:
    """Every row but for numbers and times, in an order of its own."""
    with project.catalog.read() as connection:
        return {
            table.name: sorted(
                json.dumps({k: str(v) for k, v in row.items() if k not in MOVES}, sort_keys=True)
                for row in connection.execute(select(table)).mappings()
            )
            for table in tables
        }


def files(folder: Path) -> set[tuple[str, int, int]]:
    """Every file of a folder with its size and time of change."""
    states = set()
    for parent, folders, names in os.walk(folder):  # unlike rglob, it passes over what has just gone
        for path in (Path(parent, name) for name in (*folders, *names)):
            with contextlib.suppress(FileNotFoundError):  # temporary files come and go
                states.add((str(path), path.stat().st_size, path.stat().st_mtime_ns))
    return states


def _start(folder: Path, arguments: Sequence[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", ENTRY, *arguments, "--json"],
        cwd=folder, env=child_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def worked_s(folder: Path, arguments: Sequence[str], kill_after_s: float | None = None) -> float | None:
    """Start the command; kill it, and it alone, so long after it first changed a file of the project.

    Returns None if it was killed, or for how many seconds it went on after its first change.
    """
    before = files(folder)
    process = _start(folder, arguments)
    deadline = time.monotonic() + WORK_S
    while process.poll() is None and files(folder) == before:
        assert time.monotonic() < deadline, f"{arguments} changed nothing"
        time.sleep(POLL_S)
    began = time.monotonic()
    try:
        process.wait(WORK_S if kill_after_s is None else kill_after_s)
        return time.monotonic() - began
    except subprocess.TimeoutExpired:
        assert kill_after_s is not None, f"{arguments} did not end"
        return None
    finally:
        process.kill()
        process.wait()


def changes_before_kill(folder: Path, command: str, kill_after: int) -> int | None:
    """Start the command; kill it, and it alone, when the library changed that often.

    Returns None if it was killed, or the number of changes if it ended before.
    """
    changes, before = 0, files(folder / "library")
    process = _start(folder, command.split())
    deadline = time.monotonic() + DEADLINE_S
    try:
        while changes < kill_after:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(POLL_S)
                return changes
            assert time.monotonic() < deadline, f"{command} neither ended nor changed {kill_after} times"
            after = files(folder / "library")
            changes, before = changes + (after != before), after
        return None
    finally:
        process.kill()
        process.wait()


def kill_times(folder: Path, command: str, times: int) -> None:
    """Kill a command so many times, each after another number of changes."""
    rng = random.Random(f"{command} 7")
    most, kills = MOST_CHANGES, 0
    while kills < times:
        changes = changes_before_kill(folder, command, rng.randint(min(1, most), most))
        if changes is None:
            kills += 1
        else:
            most = min(changes, most - 1)  # it ended: kill earlier
