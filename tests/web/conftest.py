"""A real `isitcake serve` in a process of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from crawlers.sites.browser import executable, launch_options
from simulator.web_service import DEADLINE_S, Serve, Serving, start_serving


@pytest.fixture(scope="module")
def serve(bakery_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Starts `isitcake serve` on a copy of a project with one version. Takes what `start_serving` takes."""
    running: list[Serving] = []

    def start(web: str = "", host: str = "127.0.0.1", files: int | None = None) -> Serving:
        folder = tmp_path_factory.mktemp("serve") / "project"
        shutil.copytree(bakery_home, folder)
        running.append(start_serving(folder, web, host, files))
        return running[-1]

    yield start
    for serving in running:
        serving.process.terminate()
    for serving in running:
        serving.process.wait(DEADLINE_S)


@pytest.fixture(scope="module")
def serving(serve: Serve) -> Serving:
    """A service with the default settings."""
    return serve()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = executable()
    with sync_playwright() as playwright:
        options = launch_options(path, "")
        del options["proxy"]
        browser = playwright.chromium.launch(**options)  # type: ignore[arg-type]
        yield browser
        browser.close()
