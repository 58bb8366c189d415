"""A browser for the tests of the wall and of the look of all pages: the game's."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from crawlers.sites.browser import executable, launch_options


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = executable()
    with sync_playwright() as playwright:
        options = launch_options(path, "")
        del options["proxy"]
        browser = playwright.chromium.launch(**options)  # type: ignore[arg-type]
        yield browser
        browser.close()
