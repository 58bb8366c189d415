"""Kill a stage with -9 at moments all over its work, let it run again, and compare with an undisturbed run."""

import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands import Ended, apart
from kills import worked_s
from stage_states import State

from dataset.opening import open_project
from dataset.project import Project

KILLS_OF_A_COPY = 4  # before the stage runs to its end and is compared
TRIES = 4  # of one kill: a stage that was killed near its end has little left to be killed in
EARLIER = 0.7  # the next try of a kill comes after so much of the time
EXAMPLE_LETTERS = 600
PROJECT = "project"  # folder of each copy: equal paths, as the catalog names files of a folder by their path


@dataclass(frozen=True)
class Stage:
    """A command. state: what it left, but for numbers and times. prepare: called with each fresh copy.

    ends_well: exit codes of the last run. An erasure that a killed run finished leaves nothing to find: exit code 2.
    """

    name: str
    arguments: Sequence[str]
    base: Path
    state: Callable[[Project], State]
    prepare: Callable[[Path], None] = lambda _folder: None
    ends_well: tuple[int, ...] = (0,)


@dataclass
class Killed:
    """kills: that hit. compared: copies. different: of them, a sentence each."""

    stage: str
    kills: int
    compared: int
    different: list[str]


def kill_stage(folder: Path, stage: Stage, kills: int) -> Killed:
    """Kill the stage at moments all over its work; each copy KILLS_OF_A_COPY times before it is compared."""
    whole_s = worked_s(_copy(folder, stage), stage.arguments)
    assert whole_s is not None
    calm = _state(folder, stage)
    rng = random.Random(f"{stage.name} 18")
    moments = [(number + rng.random()) / kills * whole_s for number in range(kills)]
    rng.shuffle(moments)
    killed = Killed(stage.name, 0, 0, [])
    for start in range(0, kills, KILLS_OF_A_COPY):
        copy = _copy(folder, stage)
        for moment in moments[start : start + KILLS_OF_A_COPY]:
            for attempt in range(TRIES):
                if worked_s(copy, stage.arguments, moment * EARLIER**attempt) is None:
                    killed.kills += 1
                    break
                _compare(killed, calm, folder, stage)  # it ended: this kill begins anew
                copy = _copy(folder, stage)
        _compare(killed, calm, folder, stage)
    print(
        f"{stage.name}: {killed.kills} kills, {killed.compared} compared, {len(killed.different)} different", flush=True
    )
    shutil.rmtree(folder)
    return killed


def _compare(killed: Killed, calm: State, folder: Path, stage: Stage) -> None:
    """Run the stage to its end and compare what is left."""
    ended = apart(folder / PROJECT, *stage.arguments)
    killed.compared += 1
    killed.different += differences(calm, _state(folder, stage), ended, stage.ends_well)


def differences(calm: State, other: State, ended: Ended, ends_well: tuple[int, ...]) -> list[str]:
    """One sentence if the last run failed or left something else, which is named with an example."""
    if ended.returncode not in ends_well:
        return [f"exit {ended.returncode}: {ended.stderr.strip()[-300:]}"]
    parts = []
    for key in calm:
        if calm[key] != other[key]:
            parts.append(f"{key}: {_example(calm[key], other[key])}")
    return ["; ".join(parts)] if parts else []


def _copy(folder: Path, stage: Stage) -> Path:
    copy = folder / PROJECT
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(stage.base, copy)
    stage.prepare(copy)
    return copy


def _state(folder: Path, stage: Stage) -> State:
    project = open_project(folder / PROJECT / "isitcake.toml")
    try:
        return stage.state(project)
    finally:
        project.close()


def _example(calm: Any, other: Any) -> str:
    one, two = _parts(calm), _parts(other)
    missing, new = sorted(one - two), sorted(two - one)
    return f"{len(missing)} missing {missing[:1]}, {len(new)} new {new[:1]}"[:EXAMPLE_LETTERS]


def _parts(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {str(item) for item in value.items()}
    return {value} if isinstance(value, str) else {str(item) for item in value}
