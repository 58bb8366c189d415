"""Which Chromium to start, and with which options. Order: the setting, Playwright's own, then the PATH.

Its sandbox is on unless it cannot be: for root, and where the system gives no user namespaces to ordinary users and
has no setuid helper. `sandbox_obstacle` decides, when the browser starts and in `python -m crawlers.sites.browser`.
"""

import logging
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from foundation.environment import bare_environment, browser_from_environment
from foundation.errors import CrawlError

logger = logging.getLogger(__name__)
ARGUMENTS = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# The crawl's browser has no network (see crawlers.politeness.proxy); these close what would not ask the proxy.
CLOSED_ARGUMENTS = (
    "--disable-domain-reliability",
    "--no-pings",
    "--block-new-web-contents",  # pop-ups
    "--disable-quic",
    "--dns-prefetch-disable",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # no name is ever looked up
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",  # WebRTC
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
)
# CLONE_NEWUSER, CLONE_NEWPID and CLONE_NEWNET together, as Chromium's zygote asks for them.
NAMESPACE_PROBE = "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x10000000 | 0x20000000 | 0x40000000) != 0)"
PROBE_TIMEOUT_S = 10
SETUID_HELPERS = ("chrome-sandbox", "chrome_sandbox")
HELPER_FOLDERS = ("/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome")


def executable(setting: str = "") -> str:
    """Path of the browser. Raises CrawlError, which says how to get one, where there is none."""
    setting = setting or browser_from_environment()
    if setting:
        if not Path(setting).is_file():
            raise CrawlError(f"ISITCAKE_BROWSER names {setting}, but there is no such file; correct or unset it")
        return setting
    try:
        from playwright.sync_api import sync_playwright  # slow to import, and most crawls need no browser
    except ModuleNotFoundError:
        raise CrawlError('crawling sites needs the crawl extra; pip install "isitcake[crawl]"') from None
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


def sandbox_obstacle(path: str) -> str:
    """Why the browser at `path` cannot use its sandbox; empty if it can."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return "root has no sandbox; run this as another user"
    if not sys.platform.startswith("linux"):
        return ""
    folders = [Path(path).resolve().parent, *map(Path, HELPER_FOLDERS)]
    if any(_is_setuid_root(folder / name) for folder in folders for name in SETUID_HELPERS):
        return ""
    try:
        probe = subprocess.run([sys.executable, "-c", NAMESPACE_PROBE], timeout=PROBE_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "user namespaces cannot be tried"
    return "" if probe.returncode == 0 else "this system gives no user namespaces to ordinary users"


def launch_options(path: str, proxy_url: str) -> dict[str, object]:
    """Options for Playwright's chromium.launch; every connection goes through the proxy, also to this machine."""
    obstacle = sandbox_obstacle(path)
    if obstacle:
        logger.warning("the browser runs without its sandbox: %s", obstacle)
    return {
        "executable_path": path,
        "headless": True,
        "args": list(ARGUMENTS),
        "chromium_sandbox": not obstacle,
        "env": bare_environment(),
        "proxy": {"server": proxy_url, "bypass": "<-loopback>"},
    }


def closed_options(path: str, proxy_url: str) -> dict[str, object]:
    """Options for a browser that reaches the proxy and nothing else."""
    return {**launch_options(path, proxy_url), "args": [*ARGUMENTS, *CLOSED_ARGUMENTS]}


def _is_setuid_root(path: Path) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    return found.st_uid == 0 and bool(found.st_mode & stat.S_ISUID)


if __name__ == "__main__":
    found = executable()
    print(found)
    print(f"sandbox: {sandbox_obstacle(found) or 'on'}", file=sys.stderr)
