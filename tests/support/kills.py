"""Kill stages with -9 and compare what they left with an undisturbed run. A benchmark counts with these too."""

import json
import os
import random
import signal
import subprocess
import sys
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

MOVES = {"id", "run_id", "at", "first_seen", "seen_at", "assigned_at", "decided_at"}  # differ between equal runs
DERIVED = (fingerprints, features, pairs, clusters, findings, queue, decisions, splits)  # by curate and publish
MOST_TRIES = 40


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


def killed(folder: Path, command: list[str], after_s: float) -> bool:
    """Start the command and kill it, and it alone, after a time. Returns whether it was still running."""
    process = subprocess.Popen(
        [sys.executable, "-c", ENTRY, *command, "--json"],
        cwd=folder, env=child_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def killed_times(folder: Path, command: list[str], times: int, low_s: float, high_s: float) -> int:
    """Kill a command so many times, each at a random moment. Returns how many kills hit it while it ran."""
    rng = random.Random(f"{command[0]} 7")
    caught = 0
    for _ in range(MOST_TRIES):
        if caught == times:
            break
        if killed(folder, command, rng.uniform(low_s, high_s)):
            caught += 1
        else:
            high_s = max(low_s, high_s * 0.7)  # it was through: earlier next time
            low_s *= 0.7
    return caught
