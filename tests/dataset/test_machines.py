"""Machines that share a project through PostgreSQL and a bucket, each with a library of its own."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from commands import Ended, apart
from kills import kill_times
from projects import draw_bakery
from servers.bucket import BUCKET, KEYS, running_s3
from servers.postgresql import USER, running_postgresql

from dataset.versions import published
from foundation.settings_file import load
from foundation.sharing.bucket import bucket_of
from foundation.sharing.library import LISTS, OBJECTS

STAGES = ("collect", "curate", "review import answers.csv", "publish", "train --model linear")
KILLS = 2
AWAY = """
import sys
from foundation.errors import StorageError
from foundation.sharing.library import SharedLibrary
from isitcake.cli import main

def give(*_):
    raise StorageError("s3://cakes cannot be used (away)")

SharedLibrary.give = give
sys.argv = ["isitcake", "publish"]
main()
"""
SHARED = """
[catalog]
url = "postgresql+psycopg://{user}@127.0.0.1:{port}/postgres"
[blobs]
url = "s3://{bucket}/{prefix}"
endpoint = "{s3}"
"""


@dataclass(frozen=True)
class Machines:
    """Makes machines. A machine is a folder with isitcake.toml, and has nothing else but what it shares with others.

    shared: what isitcake.toml says of what is shared. layout: of the versions.
    """

    folder: Path
    shared: str
    layout: str

    def make(self, name: str, *, is_alone: bool = False) -> Path:
        """A new machine."""
        folder, drawn = self.folder / name, self.folder / "drawn"
        folder.mkdir()
        config = (drawn / "isitcake.toml").read_text().replace('path = "', f'path = "{drawn}/')
        own = "" if is_alone else self.shared
        (folder / "isitcake.toml").write_text(f'{config}{own}[publish]\nlayout = "{self.layout}"\n')
        shutil.copy(drawn / "answers.csv", folder)
        return folder


@pytest.fixture(params=["folder", "shards"])
def machines(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    """Machines that share a PostgreSQL and a bucket."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    drawn = tmp_path / "drawn"
    drawn.mkdir()
    draw_bakery(drawn)
    with running_postgresql() as port, running_s3() as s3:
        # A prefix of its own: all these services of a process keep their objects in one place.
        shared = SHARED.format(user=USER, port=port, bucket=BUCKET, prefix=tmp_path.name, s3=s3)
        yield Machines(tmp_path, shared, request.param)


@pytest.mark.long
def test_each_stage_on_another_machine(machines: Machines) -> None:
    """The version has the content that one machine gives; what one machine erases is gone on all, and in the bucket.

    Both collect, and curate, at once.
    """
    alone, first, second = machines.make("alone", is_alone=True), machines.make("first"), machines.make("second")
    for at_once in ([[alone]] * len(STAGES), [[first, second], [first, second], [first], [second], [first]]):
        for folders, stage in zip(at_once, STAGES, strict=True):
            with ThreadPoolExecutor(len(folders)) as threads:
                for ended in threads.map(partial(_run, stage), folders):
                    assert ended.returncode == 0, ended.stderr
    expected = newest(alone)
    for folder in (first, second):
        assert (newest(folder).content, newest(folder).id) == (expected.content, expected.id)
    third = machines.make("third")
    for folder in (second, third):
        assert "linear " in apart(folder, "models", "list").stdout
        assert apart(folder, "versions", "verify", "latest").returncode == 0
    row = newest(second).rows()[0]
    assert pictures(first, row.sha256)
    assert apart(second, "erase", "--sha256", row.sha256, "--reason", "asked").returncode == 0
    for folder in (first, second, third):
        assert apart(folder, "versions", "verify", "latest").returncode == 0
        assert apart(folder, "status").returncode == 0
        assert newest(folder).erasures == 1
        assert pictures(folder, row.sha256) == []
        assert "erased" in apart(folder, "models", "list").stdout
    bucket = bucket_of(load(first / "isitcake.toml"))
    lists = [json.loads(bucket.read(entry.key))["files"].values() for entry in bucket.entries(LISTS)]
    assert {entry.key[-64:] for entry in bucket.entries(OBJECTS)} == {sha256 for one in lists for sha256 in one}
    assert [entry for entry in bucket.entries(row.sha256[:2]) if row.sha256 in entry.key] == []
    assert apart(first, "publish").returncode == 0
    assert apart(third, "versions", "list").stdout == apart(first, "versions", "list").stdout


def _run(stage: str, folder: Path) -> Ended:
    return apart(folder, *stage.replace("answers.csv", str(folder / "answers.csv")).split())


@pytest.mark.long
def test_what_a_machine_never_gave(machines: Machines) -> None:
    """A version that was published while the bucket was away is lost once another machine erases: it may hold the
    picture. A damaged normalised picture of a machine is in no version that it publishes after another one.
    """
    first, second = machines.make("first"), machines.make("second")
    for folder, stage in zip([first, second, first, second], STAGES, strict=False):
        assert apart(folder, *stage.replace("answers.csv", str(folder / "answers.csv")).split()).returncode == 0
    row = newest(second).rows()[0]
    assert apart(first, "status").returncode == 0
    _change_a_label(first, newest(second).rows()[1].sha256)
    ended = subprocess.run([sys.executable, "-c", AWAY], cwd=first, capture_output=True, text=True, check=False)
    assert "cannot be used" in ended.stderr
    assert [version.name for version in published.listing(first / "library")][-1] == "2026.11.1"
    assert apart(second, "erase", "--sha256", row.sha256, "--reason", "asked").returncode == 0
    for folder in (first, second):
        assert apart(folder, "status").returncode == 0
        assert pictures(folder, row.sha256) == []
    assert [version.name for version in published.listing(first / "library")] == ["2026.11.0"]
    damaged = next((second / "library" / "derived").glob("*/*/*.jpg"))
    damaged.chmod(0o644)
    content = damaged.read_bytes()
    damaged.unlink()
    damaged.write_bytes(content[:-64] + bytes(64))
    assert apart(first, "publish").returncode == 0
    _change_a_label(second, newest(first).rows()[2].sha256)
    assert apart(second, "publish").returncode == 0
    assert newest(second).name != newest(first).name
    assert apart(second, "versions", "verify", "latest").returncode == 0


def _change_a_label(folder: Path, sha256: str) -> None:
    (folder / "more.csv").write_text(f"sha256,label,reviewer\n{sha256},unusable,ann\n")
    assert apart(folder, "review", "import", str(folder / "more.csv")).returncode == 0


@pytest.mark.long
def test_killed_machines(machines: Machines) -> None:
    """Each stage is killed with -9 on one machine, and run on the other: the same version. So is an erasure."""
    alone, first, second = machines.make("alone", is_alone=True), machines.make("first"), machines.make("second")
    killed, works = first, second
    for stage in STAGES:
        assert apart(alone, *stage.split()).returncode == 0
        kill_times(killed, stage, KILLS)
        ended = apart(works, *stage.split())
        assert ended.returncode == 0, ended.stderr
        killed, works = works, killed
    for folder in (first, second):
        assert apart(folder, "status").returncode == 0
        assert (newest(folder).content, newest(folder).id) == (newest(alone).content, newest(alone).id)
    row = newest(first).rows()[0]
    kill_times(first, f"erase --sha256 {row.sha256} --reason asked", KILLS)
    assert apart(second, "erase", "--sha256", row.sha256, "--reason", "asked").returncode in {0, 2}
    for folder in (second, first):
        assert apart(folder, "status").returncode == 0
        assert pictures(folder, row.sha256) == []
        assert apart(folder, "versions", "verify", "latest").returncode == 0


def newest(folder: Path) -> published.Version:
    found = published.newest(folder / "library")
    assert found is not None
    return found


def pictures(folder: Path, sha256: str) -> list[Path]:
    """Files of a machine that have the picture by its name, beside its tombstone."""
    return [path for path in (folder / "library").rglob(f"{sha256[:16]}*") if path.is_file()]
