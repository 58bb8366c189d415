"""A server with a trained project, and a browser, for the tests of the game."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from dataset.catalog.tables import plays
from dataset.opening import open_project
from dataset.project import Project
from foundation.network.ports import free_ports
from isitcake.serving import start_web

START_S = 60  # the server must answer by then
PATIENCE_MS = 60_000  # models run in the page on the cores that other tests leave
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def served(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Project]]:
    """The address of a server, and its project with two trained models."""
    home = tmp_path_factory.mktemp("game") / "bakery"
    shutil.copytree(trained_home, home)
    project = open_project(home / "isitcake.toml")
    (port,) = free_ports(1)
    server = start_web(project.settings, "127.0.0.1", port)
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: answers(f"{url}/health"))
    yield url, project
    server.should_exit = True
    project.close()


@pytest.fixture
def web(served: tuple[str, Project]) -> Iterator[httpx.Client]:
    """A client of the server, without a browser."""
    with httpx.Client(base_url=served[0], timeout=30) as client:
        yield client


@pytest.fixture
def count_plays(served: tuple[str, Project]) -> Callable[[], int]:
    """Counts the answers in the catalog."""

    def count() -> int:
        with served[1].catalog.read() as connection:
            return int(connection.execute(select(func.count()).select_from(plays)).scalar_one())

    return count


@pytest.fixture
def console_of() -> Callable[[Page], list[str]]:
    """Collects the errors and warnings in a page's console, from now on."""

    def watch(page: Page) -> list[str]:
        texts: list[str] = []
        page.on("console", lambda message: texts.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: texts.append(str(error)))
        return texts

    return watch


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1).is_success
    except httpx.HTTPError:
        return False


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_S
    while not is_true():
        if time.monotonic() > deadline:
            pytest.fail(f"the server did not answer within {START_S} s")
        threading.Event().wait(0.05)
