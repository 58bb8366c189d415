"""Attack the program and break its library: how much gets in, how much is lost. See docs/security.md.

Everything stays on this machine: the forbidden host is a server of this process that counts its visitors.
"""

import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests
from table import figures, table

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests" / "support"), str(ROOT / "benchmarks" / "crawlers"), str(ROOT / "benchmarks" / "web")]

from all_stages import kill_all  # noqa: E402
from commands import apart  # noqa: E402
from faults import FAULTS, try_fault  # noqa: E402
from fuzz import FuzzReport, fuzz_http, fuzz_sockets  # noqa: E402
from growth import worst_growth  # noqa: E402
from projects import draw_bakery  # noqa: E402
from standing_flood import Flood, flood  # noqa: E402
from still_shown import erased_shown  # noqa: E402

from foundation.network.addresses import Refused  # noqa: E402
from foundation.network.outgoing import Limits, Outgoing  # noqa: E402
from simulator.servers import LabelStudioAccount  # noqa: E402
from simulator.web_service import Serving, start_serving  # noqa: E402

FEW_FILES = 256  # descriptors: fewer than the connections that stand
FUZZ_S = 30.0  # of requests, and of frames
SEED = 18
FAILURE_LETTERS = 1000
STOP_S = 30
STAGES = (
    ("collect",), ("curate",), ("review", "import", "answers.csv"), ("curate",), ("publish",),
    ("train", "--model", "linear"),
)  # fmt: skip
NOTATIONS = (
    "http://127.0.0.1:{port}/", "http://127.1:{port}/", "http://0x7f.1:{port}/", "http://2130706433:{port}/",
    "http://017700000001:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/", "http://[64:ff9b::7f00:1]:{port}/", "http://localhost:{port}/",
    "http://localhost.:{port}/", "http://a.localhost:{port}/", "http://127.0.0.1:{port}\\@93.184.216.34/",
    "http://93.184.216.34@127.0.0.1:{port}/", "http://93.184.216.34%2f@127.0.0.1:{port}/",
    "http://127.0.0.1\t:{port}/", "http://１２７.0.0.1:{port}/", "http://127。0。0。1:{port}/",
    "http://[::1%25lo]:{port}/", "http://0:{port}/", "http://0.0.0.0:{port}/", "file:///etc/passwd",
)  # fmt: skip
SITEMAP = """
import re, sys
from pathlib import Path
from crawlers.sites.sitemaps import parse
parse(sys.stdin.buffer.read())
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024)
"""


class Forbidden(ThreadingHTTPServer):
    """A server that nobody may reach. visits: how often somebody did. redirect: where an allowed one sends to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.visits = 0
        self.redirect = ""
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Forbidden)
        self.server.visits += 1
        self.send_response(302 if self.server.redirect else 200)
        if self.server.redirect:
            self.send_header("Location", self.server.redirect.encode().decode("latin-1"))
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


def addresses() -> tuple[int, int]:
    """How many notations of a forbidden host were tried, directly and by a redirect, and how many reached it."""
    forbidden, door = Forbidden(), Forbidden()
    outgoing = Outgoing("isitcakebot/bench (+me@example.org)", {f"127.0.0.1:{door.server_port}"})
    tried = 0
    for notation in NOTATIONS:
        url = notation.format(port=forbidden.server_port)
        door.redirect = url
        for asked in (url, f"http://127.0.0.1:{door.server_port}/"):
            tried += 1
            try:
                outgoing.get(asked, Limits(max_bytes=1000, max_s=2.0, timeout_s=2.0))
            except (Refused, requests.RequestException, UnicodeError):
                continue
    outgoing.close()
    for server in (forbidden, door):
        server.shutdown()
    return tried, forbidden.visits


def sitemap_peak_mb() -> float:
    """Memory of a process that reads 240 KB of gzip with a million elements: its whole size, Python included."""
    body = gzip.compress(b"".join(b"<a%d/>" % (number % 97) for number in range(1_000_000)), 1)
    done = subprocess.run([sys.executable, "-c", SITEMAP], input=body, capture_output=True, check=True, cwd=ROOT)
    return float(done.stdout)


def faults(folder: Path, bakery: Path) -> tuple[int, int]:
    """How many faults were tried, and how many lost something or were not said."""
    lost = []
    for number, fault in enumerate(FAULTS):
        copy = folder / f"fault-{number}"
        shutil.copytree(bakery, copy)
        lost += [fault.name] if try_fault(fault, copy).problems else []
        shutil.rmtree(copy, ignore_errors=True)
    table("faults that were not borne", ["fault"], [[name] for name in lost] or [["none"]])
    return len(FAULTS), len(lost)


def floods(folder: Path, bakery: Path) -> Flood:
    """The worst of two services: one with so few descriptors that not all connections fit, one with the usual ones."""
    found = []
    for files in (FEW_FILES, None):
        with served(bakery, folder / f"flooded-{files}", files) as serving:
            found.append(flood(serving))
    return Flood(*(max(getattr(one, name) for one in found) for name in ("health_ms", "peak_mb", "bombs")))


def fuzzed(folder: Path, bakery: Path) -> tuple[FuzzReport, FuzzReport]:
    """Random requests, then random frames, at one service."""
    with served(bakery, folder, None) as serving:
        reports = fuzz_http(serving, FUZZ_S, SEED), fuzz_sockets(serving, FUZZ_S, SEED)
    failures = [[text[:FAILURE_LETTERS]] for report in reports for text in report.failures]
    table("what the web service did not bear", ["failure"], failures or [["none"]])
    return reports


@contextmanager
def served(bakery: Path, folder: Path, files: int | None) -> Iterator[Serving]:
    """`isitcake serve` on a copy of the project. files: its descriptors at most."""
    shutil.copytree(bakery, folder)
    serving = start_serving(folder, files=files)
    try:
        yield serving
    finally:
        serving.process.terminate()
        serving.process.wait(STOP_S)


def drawn(folder: Path) -> Path:
    """A drawn project with a version and a model."""
    draw_bakery(folder)
    for command in STAGES:
        ended = apart(folder, *command)
        assert ended.returncode == 0, f"{command}: {ended.stderr}"
    return folder


def main() -> None:
    os.environ["ISITCAKE_LABEL_STUDIO_API_KEY"] = LabelStudioAccount().token
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_bakery(folder / "drawn")
        bakery = drawn(folder / "bakery")
        flooded = floods(folder, bakery)
        web, sockets = fuzzed(folder / "fuzzed", bakery)
        with served(bakery, folder / "erasing", None) as serving:
            shown = erased_shown(serving)
        tried, reached = addresses()
        broken, lost = faults(folder, bakery)
        peak_mb, growth = sitemap_peak_mb(), worst_growth()
        killed = kill_all(folder / "kills", folder / "drawn")
    values: dict[str, float | None] = {
        "addresses_tried": tried,
        "private_reached": reached,
        "sitemap_peak_mb": peak_mb,
        "worst_growth": growth,
        "web_requests_fuzzed": web.sent,
        "web_5xx": web.server_errors,
        "ws_frames_fuzzed": sockets.sent,
        "ws_tracebacks": sockets.log_errors,
        "flood_health_ms": flooded.health_ms,
        "flood_peak_mb": flooded.peak_mb,
        "kills": sum(stage.kills for stage in killed),
        "kills_different": sum(len(stage.different) for stage in killed),
        "faults_tried": broken,
        "faults_lost": lost,
        "erased_shown": shown,
    }
    table("attacks and faults", ["figure", "value"], [[key, value] for key, value in values.items()])
    figures(values)


if __name__ == "__main__":
    main()
