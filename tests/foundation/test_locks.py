"""Locks between processes, of a library and of a PostgreSQL that machines share."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from servers.postgresql import USER, running_postgresql

from foundation.errors import CatalogError
from foundation.locks import exclusive
from foundation.settings import CatalogSection, Settings

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys, time
from pathlib import Path
from foundation.locks import exclusive
from foundation.settings import CatalogSection, Settings
settings = Settings(catalog=CatalogSection(url=sys.argv[1]), config_path=Path(sys.argv[2]) / "isitcake.toml")
with exclusive(settings, "a"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    with running_postgresql() as port:
        yield f"{USER}@127.0.0.1:{port}/postgres"


@pytest.fixture(params=["files", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Of a library, and of one whose catalog is PostgreSQL."""
    kind = request.param
    url = "sqlite" if kind == "files" else f"postgresql+psycopg://{request.getfixturevalue('postgresql')}"
    return Settings(catalog=CatalogSection(url=url), config_path=tmp_path / "isitcake.toml")


@contextlib.contextmanager
def holder(settings: Settings, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock `a`. It works in a folder of its own, as on another machine."""
    command = [sys.executable, "-c", HOLDER, settings.catalog.url, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_waits_and_a_killed_process_releases_the_lock(settings: Settings, tmp_path: Path) -> None:
    """Another lock is free all the time."""
    with holder(settings, tmp_path) as process:
        with pytest.raises(TimeoutError, match="held by another process"), exclusive(settings, "a", 0.1):
            pass
        with exclusive(settings, "b", 5):
            pass
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with exclusive(settings, "a", 5):
            pass
    with exclusive(settings, "a", 5):
        pass


def test_a_lock_of_postgresql_holds_for_libraries_on_other_disks(postgresql: str, tmp_path: Path) -> None:
    """Two libraries, one catalog."""
    settings = Settings(
        catalog=CatalogSection(url=f"postgresql+psycopg://{postgresql}"), config_path=tmp_path / "isitcake.toml"
    )
    with holder(settings, tmp_path / "other"):
        with pytest.raises(TimeoutError), exclusive(settings, "a", 0.1):
            pass
        assert not (tmp_path / "library" / "locks").exists()


def test_a_lost_connection_is_said(postgresql: str, tmp_path: Path) -> None:
    """The lock is free then: the work that it protected is not taken for done."""
    settings = Settings(
        catalog=CatalogSection(url=f"postgresql+psycopg://{postgresql}"), config_path=tmp_path / "isitcake.toml"
    )
    held = exclusive(settings, "a")
    held.__enter__()
    with psycopg.connect(f"postgresql://{postgresql}", autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
    with exclusive(settings, "a", 5):
        pass
    with pytest.raises(CatalogError, match="connection to the catalog was lost"):
        held.__exit__(None, None, None)
    unreachable = settings.model_copy(
        update={"catalog": CatalogSection(url="postgresql+psycopg://nobody@127.0.0.1:9/none")}
    )
    with pytest.raises(CatalogError, match="out of reach"), exclusive(unreachable, "a"):
        pass
