"""uvicorn's protocols with deadlines and limits: HTTP by h11, WebSockets without compression.

Both are classes that uvicorn makes one object of per connection; `guarded` gives them the connections of their server.
"""

import asyncio
import re
import time
from enum import Enum, auto
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

from web.gate.answers import HEADERS
from web.gate.connections import Connections
from web.gate.visitors import Proxies, limit_key, parse_address

HEAD_S = 10.0  # for a whole request head; browsers send one in one packet
BODY_S = 60.0  # for a whole body: a photo of 10 MB over 1.4 Mbit/s
ANSWER_S = 300.0  # for our work and for the visitor to read the answer: a model of 14 MB over 0.4 Mbit/s
LINGER_S = 2.0  # for the rest of a body that was refused; the visitor can read the answer meanwhile
FRAME_BYTES = 16_384  # largest WebSocket message; the game allows fewer, and says why it closes
SOCKET_BYTES_S = 8_192  # that one WebSocket may send in a second, on average; an answer has 60 bytes
SOCKET_BURST_BYTES = 65_536
UNREAD_S = 30.0  # that one WebSocket may read nothing of what waits for it
CLOSE_S = 10.0  # for the other side to close a WebSocket too
UNREAD_BYTES = 262_144  # answers that one WebSocket may leave unread
# Headers of a handshake have ASCII only (RFC 6455, 4.1). websockets fails where it reads or quotes other bytes.
STRANGE_HANDSHAKE = re.compile(
    rb"^(?:upgrade|connection|sec-websocket-[a-z]+):.*[\x80-\xff]", re.MULTILINE | re.IGNORECASE
)


class Phase(Enum):
    """What a connection waits for: a request, the rest of its body, its answer, the rest of a body without use."""

    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    LINGER = auto()


DEADLINES_S = {Phase.HEAD: HEAD_S, Phase.BODY: BODY_S, Phase.ANSWER: ANSWER_S, Phase.LINGER: LINGER_S}


class Http(H11Protocol):
    """One HTTP connection."""

    standing: Connections
    proxies: Proxies
    peer = ""
    _phase: Phase | None = None
    _is_refused = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.peer = _peer(self.client, self.proxies)
        if self.standing.enter(self):
            self._review()
        else:
            self.drop()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing() or self._is_refused:
            return
        super().data_received(data)
        self._review()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._review()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.standing.wait(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._review()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._end()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, msg)

    def drop(self) -> None:
        """Close at once."""
        self._end()
        self.transport.abort()

    def _review(self) -> None:
        """Find out what the connection does now, and set its deadline."""
        if self.transport.is_closing() or self._is_refused or self.transport.get_protocol() is not self:
            return
        phase = self._current_phase()
        if phase is not self._phase:
            self._phase = phase
            if self._deadline:
                self._deadline.cancel()
            self._deadline = self.loop.call_later(DEADLINES_S[phase], self._expire)
        if phase is Phase.ANSWER and not self.flow.write_paused:
            self.standing.work(self)
        else:
            self.standing.wait(self)

    def _current_phase(self) -> Phase:
        if self.conn.their_state is h11.IDLE:
            return Phase.HEAD
        if self.conn.their_state is h11.SEND_BODY:
            return Phase.LINGER if self.conn.our_state is h11.DONE else Phase.BODY
        return Phase.ANSWER

    def _expire(self) -> None:
        is_idle = self._phase is Phase.HEAD and not self.conn.trailing_data[0]
        if is_idle or self._phase in (Phase.ANSWER, Phase.LINGER):
            self.drop()
        else:
            self._refuse(408, "The request took too long.")

    def _refuse(self, status: int, text: str) -> None:
        """Answer and close; without an answer where one has begun or is not read. What still comes is not read."""
        is_answering = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if is_answering or self.transport.get_write_buffer_size():
            self.drop()
            return
        self._end()
        self._is_refused = True
        if self.cycle is not None:  # the page may be at work already: what it answers must not follow this answer
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        _answer_and_close(self.loop, self.transport, status, text)

    def _end(self) -> None:
        self.standing.leave(self)
        if self._deadline:
            self._deadline.cancel()


class Socket(WebSocketsSansIOProtocol):
    """One WebSocket."""

    standing: Connections
    proxies: Proxies
    peer = ""
    _is_refused = False
    _left_bytes: float = SOCKET_BURST_BYTES
    _counted_at = 0.0
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.peer = _peer(self.client, self.proxies)
        self._counted_at = time.monotonic()

    def connection_lost(self, exc: Exception | None) -> None:
        self.standing.leave(self)
        if self in self.connections:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing() or self._is_refused:
            return
        if not self.handshake_initiated:
            self._shake_hands(data)
        elif self._is_within_limit(len(data)):
            super().data_received(data)
        else:
            self._fail(1008, "too many bytes at once")

    def handle_ping(self) -> None:
        """Answer, unless the other side reads no answers."""
        if self.transport.get_write_buffer_size() > UNREAD_BYTES:
            self.drop()
        else:
            super().handle_ping()

    def send_receive_event_to_app(self) -> None:
        """Hand a message over. Text that is not UTF-8 closes the connection (RFC 6455, 8.1), without a traceback."""
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self._fail(1007, "text that is not UTF-8")
                return
        super().send_receive_event_to_app()

    async def send(self, message: Any) -> None:
        await super().send(message)
        if self.close_sent:
            self.handshake_complete = True  # also where the answer to the handshake was a refusal

    async def run_asgi(self) -> None:
        """Serve, and close for good: a visitor who reads nothing must not hold the rest of what we said."""
        await super().run_asgi()
        self.loop.call_later(CLOSE_S, self.transport.abort)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_S, self.drop)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread:
            self._unread.cancel()

    def drop(self) -> None:
        """Close at once."""
        self.standing.leave(self)
        self.transport.abort()

    def _shake_hands(self, head: bytes) -> None:
        """Read the request that the HTTP connection handed over, whole."""
        if not self.standing.enter_socket(self):
            self._refuse(503, "Too many visitors are connected; try again in a minute.")
            return
        if not STRANGE_HANDSHAKE.search(head):
            super().data_received(head)
        if not self.handshake_initiated:
            self._refuse(400, "This is no WebSocket handshake.")

    def _fail(self, code: int, reason: str) -> None:
        """Say why, and close."""
        if self.conn.state is not State.OPEN:
            self.drop()
            return
        self.conn.fail(code, reason)
        self.handle_parser_exception()

    def _is_within_limit(self, received: int) -> bool:
        now = time.monotonic()
        earned = (now - self._counted_at) * SOCKET_BYTES_S
        self._left_bytes = min(SOCKET_BURST_BYTES, self._left_bytes + earned) - received
        self._counted_at = now
        return self._left_bytes >= 0

    def _refuse(self, status: int, text: str) -> None:
        self._is_refused = self.close_sent = self.handshake_complete = True
        _answer_and_close(self.loop, self.transport, status, text)


def guarded(standing: Connections, proxies: Proxies) -> tuple[type[Http], type[Socket]]:
    """The two protocols of one server."""
    own = {"standing": standing, "proxies": proxies}
    return type("GuardedHttp", (Http,), own), type("GuardedSocket", (Socket,), own)


def _peer(client: tuple[str, int] | None, proxies: Proxies) -> str:
    """The address that limits count; empty for a proxy of ours, which brings many visitors."""
    address = parse_address(client[0]) if client else None
    return "" if proxies.trusts(address) else limit_key(address)


def _answer_and_close(loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, status: int, text: str) -> None:
    """Answer, and close after a while: closing with unread bytes would take the answer back."""
    transport.write(_plain_answer(status, text))
    if transport.can_write_eof():
        transport.write_eof()
    loop.call_later(LINGER_S, transport.abort)


def _plain_answer(status: int, text: str) -> bytes:
    body = text.encode()
    headers = {
        **HEADERS,
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": len(body),
        "Connection": "close",
    }
    lines = [f"HTTP/1.1 {status} ", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
