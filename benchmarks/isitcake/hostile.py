"""Attack the program and break its library: how much gets in, how much is lost. See docs/security.md.

Everything stays on this machine: the forbidden host is a server of this process that counts its visitors.
"""

import gzip
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import requests
from table import figures, table

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests" / "support"), str(ROOT / "benchmarks" / "crawlers")]

from faults import FAULTS, try_fault  # noqa: E402
from growth import worst_growth  # noqa: E402
from kills import DERIVED, dump, kill_times  # noqa: E402
from projects import copied, draw_bakery  # noqa: E402

from dataset.opening import open_project  # noqa: E402
from dataset.publish import publish  # noqa: E402
from foundation.network.addresses import Refused  # noqa: E402
from foundation.network.outgoing import Limits, Outgoing  # noqa: E402
from simulator.web_service import Serving, start_serving  # noqa: E402

KILLS_OF_A_STAGE = 30
HALF_OPEN = 260  # connections without the end of a request
BOMBS = 20  # sockets that send compressed frames
BOMB_BYTES = 15_000_000
HEALTH_REQUESTS = 200
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


@dataclass(frozen=True)
class Flood:
    """health_ms: the 99th percentile. peak_mb: of the service's memory."""

    health_ms: float
    peak_mb: float


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


def kills(folder: Path) -> tuple[int, int]:
    """How many kill -9 hit curate and publish, and how many of the two then differ from an undisturbed run."""
    caught = different = 0
    for stage in ("curate", "publish"):
        calm, killed = folder / f"{stage}-calm", folder / f"{stage}-killed"
        for copy in (calm, killed):
            shutil.copytree(folder / "project", copy)
        kill_times(killed, stage, KILLS_OF_A_STAGE)
        caught += KILLS_OF_A_STAGE
        states = []
        for copy in (calm, killed):
            subprocess.run([sys.executable, "-c", "from isitcake.cli import main; main()", stage], cwd=copy, check=True)
            project = open_project(copy / "isitcake.toml")
            states.append(dump(project, *DERIVED))
            project.close()
        different += states[0] != states[1]
    return caught, different


def faults(folder: Path) -> tuple[int, int]:
    """How many faults were tried, and how many lost something or were not said."""
    lost = []
    for number, fault in enumerate(FAULTS):
        copy = folder / f"fault-{number}"
        shutil.copytree(folder / "project", copy)
        lost += [fault.name] if try_fault(fault, copy).problems else []
        shutil.rmtree(copy, ignore_errors=True)
    table("faults that were not borne", ["fault"], [[name] for name in lost] or [["none"]])
    return len(FAULTS), len(lost)


def flood(serving: Serving) -> Flood:
    """/health while half-open connections and compressed bombs stand."""
    service = psutil.Process(serving.process.pid)
    with _half_open(serving.port):
        times, peak = [], 0.0
        for _ in range(HEALTH_REQUESTS):
            began = time.perf_counter()
            requests.get(f"{serving.url}/health", timeout=10).raise_for_status()
            times.append((time.perf_counter() - began) * 1000)
            peak = max(peak, sum(p.memory_info().rss for p in [service, *service.children(recursive=True)]) / 1e6)
    return Flood(statistics.quantiles(times, n=100)[98], peak)


@contextmanager
def _half_open(port: int) -> Iterator[None]:
    """Connections that began a request, and sockets that asked for compression and sent a bomb."""
    opened = []
    bomb = gzip.zlib.compress(bytes(BOMB_BYTES))[2:-4]  # type: ignore[attr-defined]
    head = b"\xc1\xff" + len(bomb).to_bytes(8, "big") + b"\0\0\0\0"  # final, compressed text, masked with zeros
    for number in range(HALF_OPEN + BOMBS):
        connection = socket.create_connection(("127.0.0.1", port), 10)
        opened.append(connection)
        if number < HALF_OPEN:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
            continue
        connection.sendall(
            b"GET /show/AAAA/ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:%d\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n" % (port, port)
        )
        try:
            connection.sendall(head + bomb)
        except OSError:
            continue  # refused at once
    yield
    for connection in opened:
        connection.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_bakery(folder / "project")
        config = folder / "project" / "isitcake.toml"
        for stage in ("collect", "curate"):
            subprocess.run(
                [sys.executable, "-c", "from isitcake.cli import main; main()", stage], cwd=config.parent, check=True
            )
        project = open_project(config)
        publish(project)
        project.close()
        tried, reached = addresses()
        serving_folder = folder / "serving"
        with copied(config.parent, serving_folder):
            serving = start_serving(serving_folder, files=256)
        flooded = flood(serving)
        serving.process.terminate()
        serving.process.wait(30)
        tracebacks = len(re.findall("Traceback", serving.printed()))
        killed, different = kills(folder)
        broken, lost = faults(folder)
        values: dict[str, float | None] = {
            "addresses_tried": tried,
            "private_reached": reached,
            "sitemap_peak_mb": sitemap_peak_mb(),
            "worst_growth": worst_growth(),
            "flood_health_ms": flooded.health_ms,
            "flood_peak_mb": flooded.peak_mb,
            "flood_tracebacks": tracebacks,
            "kills": killed,
            "kills_different": different,
            "faults_tried": broken,
            "faults_lost": lost,
        }
    table("attacks and faults", ["figure", "value"], [[key, value] for key, value in values.items()])
    figures(values)


if __name__ == "__main__":
    main()
