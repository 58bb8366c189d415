"""Every stage that a kill may hit, with the project that it starts from."""

import csv
import functools
import itertools
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import stage_states as states
from commands import apart
from killed_stages import Killed, Stage, kill_stage
from kills import DERIVED
from sqlalchemy import select
from table import table

from dataset.catalog.tables import asked
from dataset.opening import open_project
from dataset.versions import published
from foundation.errors import StageError
from foundation.network.ports import free_ports
from simulator.reviewers import Reviewers
from simulator.servers import LabelStudioAccount, Service, start_label_studio

KILLS = 64  # of all stages together
AT_ONCE = 2  # stages
BUDGET = 30  # questions
ACCOUNT = LabelStudioAccount()


def kill_all(folder: Path, project: Path) -> list[Killed]:
    """Kill collect, curate, publish, train, export, erase, and the exchange with Label Studio where it is installed.

    project: a drawn one, with an answers.csv, that nothing was collected for.
    """
    bases = _bases(folder / "bases", project)
    version = published.names(bases["trained"] / "library")[-1]
    stages = [
        Stage("collect", ["collect"], bases["drawn"], states.collected),
        Stage("curate", ["curate"], bases["collected"], functools.partial(states.derived, tables=DERIVED)),
        Stage("publish", ["publish"], bases["answered"], states.published_versions),
        Stage("train", ["train", "--model", "linear"], bases["published"], states.trained),
        Stage(
            "versions export", ["versions", "export", version, "--format", "webdataset", "--to", "out"],
            bases["published"], states.exported,
        ),
        Stage(
            "erase", ["erase", "--source", "baker-0", "--reason", "asked"], bases["trained"], states.erased,
            ends_well=(0, 2),
        ),
    ]  # fmt: skip
    studio = _studio(folder / "label-studio")
    try:
        if studio:
            stages += _review_stages(folder, bases["curated"], studio)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            each = -(-KILLS // len(stages))
            killed = list(
                pool.map(lambda stage: kill_stage(folder / stage.name.replace(" ", "-"), stage, each), stages)
            )
    finally:
        if studio:
            studio.stop()
    rows = [[one.stage, one.kills, one.compared, len(one.different)] for one in killed]
    if not studio:
        rows.append(["review push, pull: no Label Studio here", 0, 0, 0])
    table("kill -9", ["stage", "kills", "compared", "different"], rows)
    table("what differs", ["what"], [[f"{one.stage}: {text}"] for one in killed for text in one.different] or [["-"]])
    return killed


def _bases(folder: Path, project: Path) -> dict[str, Path]:
    """A project after each stage, by what was done last."""
    steps: dict[str, tuple[Sequence[str], ...]] = {
        "drawn": (),
        "collected": (["collect"],),
        "curated": (["curate"],),
        "answered": (["review", "import", "answers.csv"], ["curate"]),
        "published": (["publish"],),
        "trained": (["train", "--model", "linear"],),
    }
    bases, last = {}, project
    for name, commands in steps.items():
        bases[name] = folder / name
        shutil.copytree(last, bases[name])
        for command in commands:
            ended = apart(bases[name], *command)
            assert ended.returncode == 0, f"{command}: {ended.stderr}"
        last = bases[name]
    return bases


def _studio(folder: Path) -> Service | None:
    """A real Label Studio; None where it is not installed."""
    try:
        studio = start_label_studio(folder, free_ports(1)[0], ACCOUNT)
    except StageError:
        return None
    studio.wait("/health")
    return studio


def _review_stages(folder: Path, curated: Path, studio: Service) -> list[Stage]:
    """Push into Label Studio projects of each copy's own; pull answers that are all given already."""
    numbers = itertools.count()

    def ask_there(copy: Path) -> None:
        config = copy / "isitcake.toml"
        own = f'[project]\nname = "copy-{next(numbers)}"'
        review = f'\n[review]\nlabel_studio_url = "{studio.url}"\nbudget = {BUDGET}\n'
        config.write_text(config.read_text().replace("[project]", own, 1) + review)

    answered = folder / "answered"
    shutil.copytree(curated, answered)
    ask_there(answered)
    ended = apart(answered, "review", "push")
    assert ended.returncode == 0, ended.stderr
    _answer(answered, studio)
    pushed = functools.partial(states.pushed, token=ACCOUNT.token)
    return [
        Stage("review push", ["review", "push"], curated, pushed, ask_there),
        Stage("review pull", ["review", "pull"], answered, states.pulled),
    ]


def _answer(folder: Path, studio: Service) -> None:
    with (folder / "answers.csv").open() as file:
        truth = {row["sha256"]: row["label"] for row in csv.DictReader(file)}
    project = open_project(folder / "isitcake.toml")
    with project.catalog.read() as connection:
        addresses = set(connection.execute(select(asked.c.project)).scalars())
    project.close()
    people = Reviewers(studio.url, ACCOUNT.token, truth)
    for address in addresses:
        people.answer_all(int(address.rpartition("/")[2]))
    people.close()
