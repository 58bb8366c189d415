"""Send random and hostile requests and frames to a real web service, and find out whether it minds (Security 13).

Request 17 of seed 5 always has the same form; only the ids of rounds and rooms in it differ. So a failure, which is
printed with its bytes, can be sent again. The test of the web service and the benchmarks call these functions.
"""

import base64
import gzip
import json
import random
import re
import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from simulator.web_service import Serving, answers
from simulator.web_service import until as wait_until

ROUTES = tuple(
    tuple(line.split()) for line in Path(__file__).with_name("routes.txt").read_text(encoding="utf-8").splitlines()
)
METHODS = ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "PROPFIND", "X" * 300, "\x00")
PARTS = (
    "..", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%5c..", "%00", "a%00.jpg", "%ff%fe", "%ed%a0%80", "%", "%zz", "-1",
    "0", "1", "9" * 19, "9" * 4300, "1e999", "NaN", "1_0", "%D9%A3", "+1", "%20", "1.0", "true", "é", "\ud83d\ude00",
    "a" * 256, "a" * 3000, "a/b", ";", "'%20or%201=1", "{code}", "%7B%7B7*7%7D%7D", "<script>", "QQQQ", "f" * 32,
    "0" * 64, "a" * 64 + ".jpg", "2024.1.1.jpg", "leaderboard-9999.99.999999999999.html", "play.js", "con", ".", "%2F",
)  # fmt: skip
QUERIES = (
    "", "?", "?until=9&sig=x", "?until=" + "9" * 5000 + "&sig=", "?until=1e999&sig=%00", "?until=%D9%A3&sig=%F0%9F",
    "?until=-1", "?sig=%ff", "?&&==&", "?until=1&until=2", "?" + "a=1&" * 900, "?token=%ed%a0%80", "?until=9999999999",
)  # fmt: skip
SCALARS = (
    "1e999", "-1e999", "NaN", "Infinity", "-Infinity", "9" * 5000, "1" + "0" * 400, "-0", "1E-999", "0.1", "-5", "30",
    "true", "null", '""', '"\\ud800"', '"\\udfff\\ud800"', '"\\u0000"', '"\\u202e"', '"a\\nb"', '"' + "x" * 3000 + '"',
    '"cake"', '"not_cake"', '"é"', "[]", "{}", "[1]", '{"a": {"b": []}}', "'a'", "01", "1_0", '"\x01"', '"Ann"', "",
)  # fmt: skip
FIELDS = (
    "nickname", "player", "answer", "seconds", "pictures", "kind", "token", "slot", "\\ud800", "\\u0000", "a", "name",
    "most", "second", "at", "odd", "unseen",
)  # fmt: skip
WHOLE_BODIES = (
    b"", b"[" * 4000, b"{" * 4000, b'{"a":' * 800, b"]" * 50, b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"\x00" * 100,
    b" " * 5000, b"null", b"[]", b"1e999", b"9" * 4090, b'"\\ud800"', b"{}{}", b'{"a":1,}', b"nickname=Ann&answer=cake",
    gzip.compress(b'{"nickname": "Ann"}'), b"\xff\xd8\xff\xe0" + bytes(200), b"\x89PNG\r\n\x1a\n" + b"\xff" * 60,
    b'--b\r\nContent-Disposition: form-data; name="a"; filename="../x"\r\n\r\n\x00\xff\r\n--b--\r\n',
)  # fmt: skip
TYPES = (
    "application/json", "application/json", "application/json; charset=utf-16", "application/json; charset=\xff",
    "text/plain", "multipart/form-data", "multipart/form-data; boundary=b", "application/octet-stream", "image/jpeg",
    "application/x-www-form-urlencoded", "/", "", "application/json, text/html", "a" * 900,
)  # fmt: skip
HEADERS = (
    "Accept: text/html", "Accept: \xff\xfe", "Cookie: a=b; \x80=\xff", "Range: bytes=0-", "Range: bytes=-1",
    "Range: bytes=9-1", "Range: bytes=" + "0-0," * 300, "Range: bytes=" + "9" * 400 + "-", "If-Range: \xff",
    "If-Modified-Since: never", "If-None-Match: \"\xff\"", "X-Forwarded-For: \xff, 1.2.3.4", "Forwarded: for=_x;;",
    "X-Forwarded-Host: a\tb", "Origin: null", "Origin: http://[", "Origin: http://127.0.0.1:99999",
    "Sec-Fetch-Site: cross-site", "X-Isitcake-Secret: \xe9\xff", "Content-Encoding: gzip", "Expect: 100-continue",
    "Expect: \xff", "Content-Length: 5", "Content-Length: -1", "Content-Length: " + "9" * 30, "Content-Length: ²",
    "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Host: other.example", "Host: [::1",
    "Host: 127.0.0.1:x", "Host:", "Upgrade: h2c", "Upgrade: websocket", "Connection: Upgrade, keep-alive", "Te: \xff",
    "Sec-WebSocket-Key: \xff", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 99", "Sec-WebSocket-Key: AAAA",
    "Sec-WebSocket-Protocol: a, \xff", "Sec-WebSocket-Extensions: permessage-deflate; x=\xff", "no colon", " folded",
    "A: \x00", "X-Long: " + "x" * 9000, "Date: 1e999", "Authorization: Basic \xff", "HTTP2-Settings: \xff",
)  # fmt: skip
VERSIONS = ("HTTP/1.1",) * 12 + ("HTTP/1.0", "HTTP/2.0", "HTTP/9.9", "http/1.1", "", "HTTP/1.1 x")
OPCODES = bytes.fromhex("81" * 8 + "82 80 01 00 02 83 87 88 89 8a 09 8b 8f c1 a1 91 f1")  # first bytes of frames
ERROR_LINE = re.compile(r"Traceback|Exception|never retrieved|\.py:\d+\)|\b(?!HTTP)[A-Z][a-z]\w+Error\b")
NO_ANSWER, CUT = 0, 1  # instead of a status
LISTEN_S, HEALTH_S = 5.0, 30.0  # for an answer; a request without its end gets one only later
SHOWN_BYTES = 3000  # of a request in a failure
SHOWN_BEFORE = 5  # requests that are shown with an error in the log: it may be written a little later
HOSTS, VISITORS = 12, 240  # addresses; those that open rooms are few, as all rooms together are limited
SESSIONS_OF_ROOM = 80  # sockets before the next room: a game ends
LOOK_S = 1.0  # between two looks at the players of another room


@dataclass
class FuzzReport:
    """What a fuzz sent and found. failures: each with what was sent. statuses: NO_ANSWER, CUT, or those of HTTP."""

    sent: int = 0
    log_errors: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def server_errors(self) -> int:
        return sum(count for status, count in self.statuses.items() if status >= 500)


class Log:
    """Reads what the service printed since the last time. Its log shows one line for a traceback, with the place."""

    def __init__(self, serving: Serving) -> None:
        self._path = serving.log
        self._read = serving.log.stat().st_size

    def errors(self) -> list[str]:
        if self._path.stat().st_size == self._read:
            return []
        with self._path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        self._read += len(new)
        return [line for line in new.decode(errors="replace").splitlines() if ERROR_LINE.search(line)]


def fuzz_http(serving: Serving, seconds: float, seed: int) -> FuzzReport:
    """Send requests for so long. Failures: an answer 5xx, an error in the log, no answer of /health afterwards."""
    report, log, last = FuzzReport(), Log(serving), deque[str](maxlen=SHOWN_BEFORE)
    known = _known(serving)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        path, raw = http_request(seed, report.sent, known)
        last.append(f"request {report.sent} of seed {seed}: {raw[:SHOWN_BYTES]!r}")
        report.sent += 1
        is_opening = path.startswith("/show")
        number = 1 + report.sent % (HOSTS if is_opening else VISITORS)
        status = _status(serving.port, f"127.0.{20 + is_opening}.{number}", raw)
        report.statuses[status] += 1
        if status >= 500:
            report.failures.append(f"status {status}\n{last[-1]}")
        _note(report, log.errors(), last)
    _finish(report, serving, log, last)
    return report


def http_request(seed: int, number: int, known: dict[str, str]) -> tuple[str, bytes]:
    """The path of the route, and the bytes of a request. known: values of path parameters that exist."""
    rng = random.Random(f"{seed}:{number}")
    method, path = rng.choice(ROUTES)
    is_socket = method == "WEBSOCKET"
    if rng.random() < 0.2:
        method = rng.choice(METHODS)
    target = path
    for name in re.findall(r"\{\w+\}", path):
        target = target.replace(name, known[name] if rng.random() < 0.5 else rng.choice(PARTS), 1)
    if rng.random() < 0.05:
        target = rng.choice(("*", "//", "http://[/", "/" + rng.choice(PARTS), target + "/", "http://other.example/"))
    target += rng.choice(QUERIES) if rng.random() < 0.4 else ""
    body = _body(rng) if method not in ("GET", "WEBSOCKET") or rng.random() < 0.1 else b""
    head = [f"{'GET' if is_socket else method} {target} {rng.choice(VERSIONS)}"]
    head += ["Host: 127.0.0.1"] if rng.random() < 0.95 else []
    if is_socket and rng.random() < 0.9:
        key = base64.b64encode(rng.randbytes(16)).decode()
        head += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
    if body:
        head.append(f"Content-Type: {rng.choice(TYPES)}")
    is_chunked = bool(body) and rng.random() < 0.15
    if is_chunked:
        size = rng.choice((f"{len(body):x}", f"{len(body):x}", "zz", "-1", "f" * 20))
        head.append("Transfer-Encoding: chunked")
        body = size.encode() + b"\r\n" + body + b"\r\n0\r\n\r\n"
    elif body or method == "POST":
        head.append(f"Content-Length: {len(body)}")
    head += rng.sample(HEADERS, rng.choice((0, 0, 0, 1, 1, 2, 5)))
    return path, "\r\n".join(head).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body


def json_text(rng: random.Random) -> str:
    """An object of our fields with values of any kind; a field may occur twice."""
    pairs = [f'"{rng.choice(FIELDS)}": {rng.choice(SCALARS)}' for _ in range(rng.choice((1, 1, 2, 3)))]
    return "{" + ", ".join(pairs) + "}"


def fuzz_sockets(serving: Serving, seconds: float, seed: int) -> FuzzReport:
    """Send frames for so long. Failures: an error in the log, players of another room who cannot go on, /health."""
    report, log, last = FuzzReport(), Log(serving), deque[str](maxlen=SHOWN_BEFORE)
    until, look_at, number, room = time.monotonic() + seconds, 0.0, 0, {}
    with _other_room(serving) as (host, player):
        while time.monotonic() < until:
            if number % SESSIONS_OF_ROOM == 0:
                room = open_room(serving, f"127.0.22.{1 + number // SESSIONS_OF_ROOM % VISITORS}")
            frames = session(seed, number, room)
            last.append(f"socket {number} of seed {seed}: {b'|'.join(frames)[:SHOWN_BYTES]!r}")
            report.sent += _send_frames(serving.port, f"127.0.23.{1 + number % VISITORS}", room, frames)
            number += 1
            _note(report, log.errors(), last)
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + LOOK_S
                _others_play(player, report, last)
        host.send('{"kind": "next"}')
        if not _receives(player, lambda state: state.get("phase") == "reveal"):
            report.failures.append("the players of another room see no end of their picture")
    _finish(report, serving, log, last)
    return report


def session(seed: int, number: int, room: dict[str, str]) -> list[bytes]:
    """All frames of one socket: mostly first a role in the room, then whatever comes to mind."""
    rng = random.Random(f"{seed}:{number}")
    host, join = json.dumps({"kind": "host", "token": room["host"]}), '{"kind": "join", "nickname": "Ann"}'
    frames = [frame(0x81, rng.choice((host, join, join)).encode())] if rng.random() < 0.75 else []
    style = rng.random()
    if style < 0.15:  # thousands of tiny ones
        return frames + [frame(rng.choice((0x89, 0x8A, 0x81, 0x80, 0x01)), b"")] * rng.choice((100, 1000, 3000))
    if style < 0.35:  # one message in fragments, with control frames between them
        parts = [json_text(rng).encode("utf-8", "surrogatepass"), rng.randbytes(3), b""]
        middle = [
            frame(rng.choice((0x00, 0x00, 0x89, 0x8A, 0x01)), rng.choice(parts)) for _ in range(rng.randrange(40))
        ]
        return [*frames, frame(rng.choice((0x01, 0x02)), rng.choice(parts)), *middle, frame(0x80, rng.choice(parts))]
    return frames + [hostile_frame(rng) for _ in range(rng.randrange(1, 12))]


def hostile_frame(rng: random.Random) -> bytes:
    text = json_text(rng).encode("utf-8", "surrogatepass")
    content = rng.choice((
        lambda: text, lambda: text,
        lambda: b'{"kind": "next"}', lambda: b'{"kind": "answer", "slot": 0, "answer": "cake"}',
        lambda: b'{"kind": "answer", "slot": %s, "answer": %s}' % tuple(rng.choice(SCALARS).encode() for _ in range(2)),
        lambda: rng.choice(WHOLE_BODIES), lambda: rng.randbytes(rng.choice((1, 2, 125, 126, 5000, 70_000))),
        lambda: b"\xed\xa0\x80", lambda: b"\xf0\x9f", lambda: struct.pack("!H", rng.randrange(65536)) + b"\xff",
    ))()  # fmt: skip
    raw = frame(rng.choice(OPCODES), content, is_masked=rng.random() < 0.95)
    if rng.random() < 0.03:  # a length that is never sent, up to the largest
        raw = bytes([0x81, 0xFF]) + struct.pack("!Q", rng.choice((2**63, 2**64 - 1, 2**31, 65_536))) + raw
    return raw[: rng.randrange(len(raw))] if rng.random() < 0.03 else raw


def frame(head: int, content: bytes, is_masked: bool = True) -> bytes:
    """A frame. A mask of zeros leaves the content as it is."""
    length, bit = len(content), 0x80 if is_masked else 0
    if length < 126:
        size = bytes([bit | length])
    elif length < 65_536:
        size = struct.pack("!BH", bit | 126, length)
    else:
        size = struct.pack("!BQ", bit | 127, length)
    return bytes([head]) + size + (bytes(4) if is_masked else b"") + content


def open_room(serving: Serving, address: str) -> dict[str, str]:
    body = b'{"seconds": 60, "pictures": 5}'
    head = "POST /show HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n"
    raw = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    with closing(socket.create_connection(("127.0.0.1", serving.port), LISTEN_S, (address, 0))) as wire:
        wire.sendall(raw)
        answer = b"".join(iter(lambda: wire.recv(65_536), b""))
    return dict(json.loads(answer.partition(b"\r\n\r\n")[2]))


def _known(serving: Serving) -> dict[str, str]:
    """Values of path parameters that exist."""
    started = requests.post(f"{serving.url}/play/rounds", json={}, timeout=LISTEN_S).json()
    room = open_room(serving, "127.0.0.1")
    return {
        "{round_id}": started["round"], "{code}": room["code"], "{slot}": "0", "{name}": "play.js",
        "{kind}": "datasheet",
        "{sha256}": "0" * 64, "{wall}": "0" * 16, "{token}": "x" * 32,
        **dict.fromkeys(("{version}", "{old}", "{new}"), "2026.11.0"),
    }  # fmt: skip


def _body(rng: random.Random) -> bytes:
    if rng.random() < 0.6:
        return json_text(rng).encode("utf-8", "surrogatepass")
    return rng.choice((*WHOLE_BODIES, rng.randbytes(rng.randrange(300))))


def _status(port: int, address: str, raw: bytes) -> int:
    """The status of the answer, NO_ANSWER, or CUT where the service closes the connection without one."""
    with closing(socket.create_connection(("127.0.0.1", port), LISTEN_S, (address, 0))) as wire:
        try:
            wire.sendall(raw)
            answer = b""
            while not (found := re.search(rb"^HTTP/1\.1 (?!100)(\d{3}) ", answer, re.MULTILINE)):
                if not (part := wire.recv(65_536)):
                    return CUT
                answer += part
        except TimeoutError:
            return NO_ANSWER
        except OSError:
            return CUT
    return int(found[1])


def _send_frames(port: int, address: str, room: dict[str, str], frames: list[bytes]) -> int:
    """Connect to a room, send, read what comes at once, and hang up. Returns how many frames were sent."""
    key = base64.b64encode(bytes(16)).decode()
    head = f"GET /show/{room['code']}/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    with closing(socket.create_connection(("127.0.0.1", port), LISTEN_S, (address, 0))) as wire, suppress(OSError):
        wire.sendall(f"{head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        if b" 101 " not in wire.recv(4096):
            return 0
        sent = 0
        with suppress(OSError):
            for start in range(0, len(frames), 50):
                wire.sendall(b"".join(frames[start : start + 50]))
                sent += len(frames[start : start + 50])
        wire.settimeout(0.05)
        with suppress(OSError):
            b"".join(iter(lambda: wire.recv(65_536), b""))
        if len(frames) % 2:  # without a farewell
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return sent
    return 0


@contextmanager
def _other_room(serving: Serving) -> Iterator[tuple[Connection, Connection]]:
    """A host and a player of a room that is left alone. Its first picture is shown."""
    room = open_room(serving, "127.0.0.1")
    url = f"ws://127.0.0.1:{serving.port}/show/{room['code']}/ws"
    with connect(url) as host, connect(url) as player:
        host.send(json.dumps({"kind": "host", "token": room["host"]}))
        player.send('{"kind": "join", "nickname": "Bea"}')
        host.send('{"kind": "next"}')
        yield host, player


def _others_play(player: Connection, report: FuzzReport, last: "deque[str]") -> None:
    """The player of another room gives an answer, and hears that it was received."""
    player.send('{"kind": "answer", "slot": 0, "answer": "nothing of that"}')
    if not _receives(player, lambda state: "taken" in state):
        report.failures.append("\n".join(["the players of another room get no answer, after", *last]))


def _receives(player: Connection, is_wanted: Any) -> bool:
    until = time.monotonic() + LISTEN_S
    with suppress(TimeoutError):
        while not is_wanted(json.loads(player.recv(max(0.01, until - time.monotonic())))):
            pass
        return True
    return False


def _note(report: FuzzReport, errors: list[str], last: "deque[str]") -> None:
    if errors:
        report.log_errors += len(errors)
        report.failures.append("\n".join([*errors, "after", *last]))


def _finish(report: FuzzReport, serving: Serving, log: Log, last: "deque[str]") -> None:
    try:
        wait_until(lambda: answers(serving.url), HEALTH_S)
    except TimeoutError:
        report.failures.append("\n".join(["/health does not answer, after", *last]))
    _note(report, log.errors(), last)
