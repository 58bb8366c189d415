"""web/gate/connections.py and web/gate/protocols.py: what half-open connections and floods cost."""

import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from simulator.web_service import Serve, Serving, until
from web.gate.connections import WAITING_OF_ADDRESS, Connections

HALF_OPEN = 260
FILES = 256
HEALTH_MS = 500
OWN_FILES = 100  # that the process needs itself
HALVES = {
    "nothing": b"",
    "half a head": b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    "half a body": b"POST /playground/judge HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000000\r\n\r\nabc",
}


@pytest.fixture(scope="module")
def narrow(serve: Serve) -> Serving:
    """A service with 256 descriptors."""
    return serve(files=FILES)


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def half_open(serving: Serving, opened: ExitStack, sent: bytes) -> socket.socket:
    connection = opened.enter_context(socket.create_connection(("127.0.0.1", serving.port), timeout=10))
    connection.sendall(sent)
    return connection


@pytest.mark.parametrize("half", HALVES)
def test_health_answers_while_half_open_connections_stand(narrow: Serving, opened: ExitStack, half: str) -> None:
    """Security 11: 260 half-open requests at a server with 256 descriptors; nothing floods the log."""
    standing = [half_open(narrow, opened, HALVES[half]) for _ in range(HALF_OPEN)]
    took_ms = []
    for _ in range(20):
        began = time.perf_counter()
        assert httpx.get(f"{narrow.url}/health", timeout=10).status_code == 200
        took_ms.append(1000 * (time.perf_counter() - began))
    assert statistics.median(took_ms) < HEALTH_MS  # `make bench-hostile` measures the slowest
    assert len(standing) == HALF_OPEN
    assert "Traceback" not in narrow.printed()
    assert len(narrow.printed()) < 10_000


def test_a_head_that_never_ends_is_given_up(serving: Serving, opened: ExitStack) -> None:
    """Security 11: one byte a second keeps no connection; the answer says why."""
    connection = half_open(serving, opened, b"GET /health HTTP/1.1\r\n")
    connection.settimeout(1)
    received = b""
    deadline = time.monotonic() + 30
    while b"408" not in received and time.monotonic() < deadline:
        connection.sendall(b"X-A: b\r\n")
        try:
            received += connection.recv(4096)
        except TimeoutError:
            continue
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b"nosniff" in received


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", 400),  # TLS
        (b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\n\r\n", 400),
        (b"GET /health HTTP/1.0\r\n\r\n", 421),
        (b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 20_000, 400),
        (b"POST /show HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
         b"0\r\n\r\n", 400),
        (b"POST /show HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
        (b"GET /\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
        (b"GET /show/AAAA/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX: "
         + b"a" * 9000 + b"\r\n\r\n", 400),
        (b"GET /show/AAAA/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         + b"".join(b"X%d: a\r\n" % n for n in range(200)) + b"\r\n", 400),
        (b"POST /show/AAAA/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 400),
        (b"GET /show/AAAA/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 400),
        (b"GET /show/AAAA/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         b"Content-Length: 10\r\n\r\n", 400),
    ],
)  # fmt: skip
def test_broken_requests_have_an_answer_and_no_traceback(
    serving: Serving, opened: ExitStack, sent: bytes, status: int
) -> None:
    """Security 11, 13: what is no HTTP, or too much of it."""
    connection = half_open(serving, opened, sent)
    received = connection.recv(65_536)
    assert received.startswith(f"HTTP/1.1 {status} ".encode()), received[:80]
    assert answers_soon(serving)
    assert "Traceback" not in serving.printed()
    assert "AssertionError" not in serving.printed()


def answers_soon(serving: Serving) -> bool:
    return httpx.get(f"{serving.url}/health", timeout=10).is_success


def test_errors_do_not_flood_the_log(serving: Serving) -> None:
    """Security 11: a thousand broken requests are some lines."""
    before = len(serving.printed())
    for _ in range(1000):
        with socket.create_connection(("127.0.0.1", serving.port), timeout=10) as connection:
            connection.sendall(b"\x00\r\n\r\n")
            connection.recv(100)
    until(lambda: answers_soon(serving))
    assert len(serving.printed()) - before < 20_000


class Standing:
    """A connection that remembers whether it was dropped."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.is_dropped = False

    def drop(self) -> None:
        self.is_dropped = True


def test_the_connection_that_waits_longest_makes_room() -> None:
    """One that waits for us is kept; where all do, the new one is refused."""
    connections = Connections(3, 2)
    first, second, third, fourth = (Standing("a") for _ in range(4))
    assert all(connections.enter(connection) for connection in (first, second, third))
    connections.work(first)
    assert connections.enter(fourth)
    assert [connection.is_dropped for connection in (first, second, third)] == [False, True, False]
    connections.work(third)
    connections.work(fourth)
    assert not connections.enter(Standing("b"))
    connections.leave(first)
    assert connections.enter(Standing("b"))


def test_one_address_drops_its_own_connections() -> None:
    """Others do not notice; a proxy of ours, which has no address here, has no such limit."""
    connections = Connections(10 * WAITING_OF_ADDRESS, 2)
    other = Standing("b")
    connections.enter(other)
    mine = [Standing("a") for _ in range(WAITING_OF_ADDRESS + 1)]
    proxied = [Standing("") for _ in range(WAITING_OF_ADDRESS + 1)]
    assert all(connections.enter(connection) for connection in mine + proxied)
    assert [connection.is_dropped for connection in mine] == [True] + [False] * WAITING_OF_ADDRESS
    assert not other.is_dropped
    assert not any(connection.is_dropped for connection in proxied)


@pytest.mark.parametrize("files", [64, 256, 1024, 20_000, 1_048_576])
def test_connections_fit_into_the_descriptors(files: int) -> None:
    """With two queues of the system that nobody has looked at, and what the process needs itself."""
    connections = Connections.for_files(files)
    assert connections.most_sockets < connections.most
    if files >= 256:
        assert connections.most + 2 * connections.backlog + OWN_FILES <= files
