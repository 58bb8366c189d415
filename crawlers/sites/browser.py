"""Which Chromium to start, and with which options. Order: the setting, Playwright's own, then the PATH."""

import os
import shutil
from pathlib import Path

from foundation.environment import browser_from_environment
from foundation.errors import CrawlError

ARGUMENTS = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
)


def executable(setting: str = "") -> str:
    """Path of the browser. Raises CrawlError, which says how to get one, where there is none."""
    setting = setting or browser_from_environment()
    if setting:
        if not Path(setting).is_file():
            raise CrawlError(f"ISITCAKE_BROWSER names {setting}, but there is no such file; correct or unset it")
        return setting
    from playwright.sync_api import sync_playwright  # slow to import, and most crawls need no browser

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    if Path(own).is_file():
        return own
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if path := shutil.which(name):
            return path
    raise CrawlError(
        "no browser for pages that need one; run `playwright install chromium`, or set ISITCAKE_BROWSER to a Chromium"
    )


def launch_options(path: str, proxy_url: str) -> dict[str, object]:
    """Options for Playwright's chromium.launch; every connection goes through the proxy."""
    arguments = list(ARGUMENTS)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium refuses to start as root with its sandbox
    return {"executable_path": path, "headless": True, "args": arguments, "proxy": {"server": proxy_url}}


if __name__ == "__main__":
    print(executable())
