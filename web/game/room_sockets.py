"""The WebSocket of a room: one connection of the host's screen or of a player's phone."""

import asyncio
import contextlib
import json
import secrets
from enum import IntEnum, StrEnum
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from web.game.room import Player, Room, Rooms
from web.guard import MESSAGE_BYTES, Limit

MESSAGES, MESSAGES_S = 40, 10.0  # most messages of one connection, in so many seconds


class Kind(StrEnum):
    """Kinds of messages that a screen sends."""

    HOST = "host"
    NEXT = "next"
    JOIN = "join"
    ANSWER = "answer"


class CloseCode(IntEnum):
    """Why the server closes a connection: the codes of HTTP, in the range that WebSocket leaves to applications."""

    BAD_MESSAGE = 4400
    NOT_ALLOWED = 4403
    NO_ROOM = 4404
    TOO_MUCH = 4429


class RoomSockets:
    """The endpoint that connects screens to rooms."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def connect(self, socket: WebSocket) -> None:
        """Serve one connection until it ends."""
        room = self._rooms.get(socket.path_params["code"])
        if room is None or not is_same_origin(socket):
            await socket.close(CloseCode.NO_ROOM)
            return
        await socket.accept()
        await Connection(room, socket).serve()


class Connection:
    """One accepted connection. It becomes the host's or a player's by its first message."""

    def __init__(self, room: Room, socket: WebSocket) -> None:
        self._room = room
        self._socket = socket
        self._limit = Limit(MESSAGES, MESSAGES_S)
        self._player: Player | None = None
        self._is_host = False

    async def serve(self) -> None:
        """Answer messages until the other side leaves, or sends what it may not."""
        try:
            while (code := await self._answer(await self._socket.receive_text())) is None:
                pass
            await self._socket.close(code)
        except (WebSocketDisconnect, RuntimeError, asyncio.CancelledError):
            pass
        finally:
            self._leave()

    async def _answer(self, text: str) -> CloseCode | None:
        """Act on one message. Returns why the connection must be closed; None to go on."""
        if len(text) > MESSAGE_BYTES or not self._limit.allows(""):
            return CloseCode.TOO_MUCH
        try:
            message = json.loads(text)
            kind = message.get("kind")
        except (ValueError, AttributeError):
            return CloseCode.BAD_MESSAGE
        if kind == Kind.HOST and self._knows_token(message):
            await self._become_host()
        elif kind == Kind.NEXT and self._is_host:
            await self._room.next()
        elif kind == Kind.JOIN and self._player is None:
            await self._join(message)
        elif kind == Kind.ANSWER and self._player is not None:
            reason = self._room.answer(self._player, message.get("slot"), message.get("answer"))
            await self._send({"taken": not reason, "slot": message.get("slot"), "why": reason})
        else:
            return CloseCode.NOT_ALLOWED
        return None

    def _knows_token(self, message: dict[str, Any]) -> bool:
        return secrets.compare_digest(str(message.get("token", "")).encode(), self._room.host_token.encode())

    async def _become_host(self) -> None:
        self._is_host = True
        self._room.hosts.append(self._socket)
        await self._send(self._room.state())

    async def _join(self, message: dict[str, Any]) -> None:
        try:
            player = self._room.join(message.get("nickname"), str(message.get("token", "")))
        except ValueError as error:
            await self._send({"refused": str(error)})
            return
        self._player = player
        player.socket = self._socket
        await self._send({"token": player.token, **self._room.state(player)})

    def _leave(self) -> None:
        """The player stays in the room and may come back; the screen gets no more messages."""
        if self._player is not None and self._player.socket is self._socket:
            self._player.socket = None
        with contextlib.suppress(ValueError):
            self._room.hosts.remove(self._socket)

    async def _send(self, content: dict[str, Any]) -> None:
        await self._socket.send_text(json.dumps(content))


def is_same_origin(socket: WebSocket) -> bool:
    """Whether our own page opened the socket. Another site's page must not play for its visitors.

    Programs that are not browsers send no origin; they are let in.
    """
    origin = socket.headers.get("origin")
    return origin is None or origin.partition("://")[2] == socket.headers.get("host")
