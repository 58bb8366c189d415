"""Security 13: random and hostile requests and frames at a real `isitcake serve`."""

import importlib.util
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route, WebSocketRoute

from dataset.project import Project
from simulator.web_service import Serving
from web.app import create_app

HTTP_S, SOCKETS_S = 20.0, 20.0
SEED = 13
LEAST_REQUESTS, LEAST_FRAMES = 300, 2000  # on a slow machine; a quiet one sends ten times as many


def _benchmark() -> Any:
    """benchmarks/web/fuzz.py, which has the loops; benchmarks are no package."""
    path = Path(__file__).parents[2] / "benchmarks" / "web" / "fuzz.py"
    spec = importlib.util.spec_from_file_location("fuzz", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["fuzz"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fuzz = _benchmark()


def test_the_fuzz_knows_every_route(bakery: Project) -> None:
    """Security 13: a new route is fuzzed too."""
    routes = set()
    for route in create_app(bakery).routes:
        if isinstance(route, WebSocketRoute):
            routes.add(("WEBSOCKET", route.path))
        elif isinstance(route, Route):
            routes |= {(method, route.path) for method in route.methods or ()}
    assert routes == set(fuzz.ROUTES)


@pytest.mark.long
def test_whatever_is_asked_is_no_error_of_ours(serving: Serving) -> None:
    """Security 13: no answer is a 5xx, the log has no traceback, /health answers afterwards."""
    report = fuzz.fuzz_http(serving, HTTP_S, SEED)
    print(f"{report.sent} requests; their statuses: {dict(report.statuses)}")
    assert not report.failures, "\n\n".join(report.failures)
    assert report.sent >= LEAST_REQUESTS
    assert {200, 400, 404, 405, 415} <= set(report.statuses)


@pytest.mark.long
def test_whatever_is_sent_to_a_room_disturbs_no_other(serving: Serving) -> None:
    """Security 13: text, binary, control, fragmented, compressed, huge, tiny and broken frames."""
    report = fuzz.fuzz_sockets(serving, SOCKETS_S, SEED)
    print(f"{report.sent} frames")
    assert not report.failures, "\n\n".join(report.failures)
    assert report.sent >= LEAST_FRAMES


@pytest.mark.parametrize("path", ["/play/rounds", "/webhooks/label-studio", "/play", "/show/QQQQ/0.jpg"])
@pytest.mark.parametrize(
    "rest",
    [b"zz\r\n", b"-1\r\n", b"2\r\n{}xx", b"f" * 30 + b"\r\n", b"2\r\n{}\r\n0\r\nno colon\r\n\r\n"],
    ids=["no size", "negative", "no end of the chunk", "too long a size", "a broken trailer"],
)
def test_a_body_that_breaks_off_in_its_chunks_is_answered_once(serving: Serving, rest: bytes, path: str) -> None:
    """Security 13: the page behind it, which has begun to work, writes no second answer."""
    log = fuzz.Log(serving)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    answer = everything(serving, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + rest)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert log.errors() == []


@pytest.mark.parametrize("name", ["Sec-WebSocket-Key", "Upgrade", "Connection", "Sec-WebSocket-Version", "Origin"])
def test_a_handshake_with_bytes_beyond_ascii_gets_an_answer(serving: Serving, name: str) -> None:
    """Security 13: also where the answer would quote them."""
    log = fuzz.Log(serving)
    headers = {"Host": "127.0.0.1", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}  # fmt: skip
    headers[name] = f"{headers.get(name, '')}, \xff"
    head = "\r\n".join(["GET /show/QQQQ/ws HTTP/1.1", *(f"{key}: {value}" for key, value in headers.items())])
    answer = everything(serving, head.encode("latin-1") + b"\r\n\r\n")
    assert 400 <= int(answer.split()[1]) < 500
    assert log.errors() == []


@pytest.mark.parametrize(
    ("line", "is_error"),
    [
        ("Traceback (most recent call last):", True),
        ("Exception in ASGI application: KeyError: 'text' (/srv/web/game/room_sockets.py:123)", True),
        ("Task exception was never retrieved", True),
        ("Invalid HTTP request received.", False),
    ],
)
def test_lines_of_the_log_that_count(line: str, is_error: bool) -> None:
    assert bool(fuzz.ERROR_LINE.search(line)) is is_error


def everything(serving: Serving, raw: bytes) -> bytes:
    """What the service answers until it closes the connection."""
    with socket.create_connection(("127.0.0.1", serving.port), timeout=30) as wire:
        wire.sendall(raw)
        return b"".join(iter(lambda: wire.recv(65_536), b""))
