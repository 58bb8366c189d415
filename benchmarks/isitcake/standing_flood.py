"""What /health takes while half-open connections and compressed bombs stand at the web service."""

import contextlib
import socket
import statistics
import threading
import time
import zlib
from dataclasses import dataclass
from typing import Self

import psutil
import requests
from fuzz import frame, open_room

from simulator.web_service import Serving

HALF_OPEN = 260  # connections without the end of a request
BOMBS = 20  # sockets in a room that send compressed frames
BOMB_BYTES = 15_000_000
TEXT, COMPRESSED_TEXT = 0x81, 0xC1  # first bytes of frames
HEALTH_REQUESTS = 200
LOOK_S = 0.2  # between two looks at what the service closed
PAUSE_S = 0.02  # between two requests of /health
PATIENCE_S = 10.0
ADDRESSES = 250  # in one net
HALF = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
HANDSHAKE = (
    b"GET /show/%b/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)


@dataclass(frozen=True)
class Flood:
    """health_ms: the 99th percentile. peak_mb: of the service's memory, with its children. bombs: that were sent."""

    health_ms: float
    peak_mb: float
    bombs: int


class Attack:
    """Connections that stand: what the service closes is opened again, from the next address of this machine."""

    def __init__(self, serving: Serving) -> None:
        self._port = serving.port
        self._code = open_room(serving, "127.0.40.1")["code"]
        self._bomb = frame(COMPRESSED_TEXT, zlib.compress(bytes(BOMB_BYTES), wbits=-15))
        self._standing: list[socket.socket] = []
        self._sending: list[socket.socket] = []
        self._opened = self.bombs = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def __enter__(self) -> Self:
        self._stand()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        for wire in (*self._standing, *self._sending):
            wire.close()

    def _go_on(self) -> None:
        while not self._is_over.wait(LOOK_S):
            self._stand()

    def _stand(self) -> None:
        self._standing, self._sending = _open_of(self._standing), _open_of(self._sending)
        with contextlib.suppress(OSError):  # no room at the moment
            while len(self._standing) < HALF_OPEN:
                self._standing.append(self._connected(HALF))
        with contextlib.suppress(OSError):
            while len(self._sending) < BOMBS:
                self._sending.append(self._connected(HANDSHAKE % self._code.encode()))
                self._send_bomb(self._sending[-1])

    def _connected(self, begin: bytes) -> socket.socket:
        self._opened += 1
        source = f"127.0.{41 + self._opened // ADDRESSES % ADDRESSES}.{1 + self._opened % ADDRESSES}"
        wire = socket.create_connection(("127.0.0.1", self._port), PATIENCE_S, (source, 0))
        wire.sendall(begin)
        return wire

    def _send_bomb(self, wire: socket.socket) -> None:
        """Join the room, and send a frame that is a thousand times larger when it is unpacked."""
        if b" 101 " in wire.recv(4096):
            wire.sendall(frame(TEXT, b'{"kind": "join", "nickname": "Ann"}') + self._bomb)
            self.bombs += 1


def flood(serving: Serving) -> Flood:
    """Ask for /health while they stand."""
    service = psutil.Process(serving.process.pid)
    times, peak = [], 0.0
    with Attack(serving) as attack:
        for _ in range(HEALTH_REQUESTS):
            began = time.perf_counter()
            requests.get(f"{serving.url}/health", timeout=PATIENCE_S).raise_for_status()
            times.append((time.perf_counter() - began) * 1000)
            peak = max(peak, sum(p.memory_info().rss for p in [service, *service.children(recursive=True)]) / 1e6)
            time.sleep(PAUSE_S)
    return Flood(statistics.quantiles(times, n=100)[98], peak, attack.bombs)


def _open_of(wires: list[socket.socket]) -> list[socket.socket]:
    """Those that the service has not closed. What it sent is thrown away."""
    still = []
    for wire in wires:
        wire.setblocking(False)
        try:
            is_open = wire.recv(65_536) != b""
        except BlockingIOError:
            is_open = True
        except OSError:
            is_open = False
        if is_open:
            still.append(wire)
        else:
            wire.close()
    return still
