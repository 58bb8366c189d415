"""The WebSocket of a room: one connection of the host's screen or of a player's phone."""

import asyncio
import contextlib
import json
import secrets
from enum import IntEnum, StrEnum
from typing import Any

from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from web.game.plays import PlayerIds
from web.game.room import MOST_HOSTS, Player, Room
from web.game.rooms import Rooms
from web.gate.gate import deny
from web.gate.messages import MESSAGE_BYTES, BadMessage, parse_message
from web.gate.slots import NoSlot, Slots
from web.gate.visitors import visitor_key
from web.guard import Limit

MESSAGES, MESSAGES_S = 40, 10.0  # most messages of one connection, in so many seconds
CONNECTS, CONNECTS_S = (
    1200,
    60.0,
)  # most connections that one address opens, in so many seconds: 400 phones, three times
SOCKETS_OF_ADDRESS = 450  # a conference of 400 players behind one address, and its hosts
SOCKETS_IN_ALL = 3000  # of all visitors; fewer where the system gives few descriptors
FIRST_MESSAGE_S = 20.0  # for a connection to say whose it is; our pages do so at once


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
    TOO_LATE = 4408
    TOO_MUCH = 4429


REASONS = {
    CloseCode.BAD_MESSAGE: "messages are flat JSON objects, as text",
    CloseCode.NOT_ALLOWED: "not allowed on this connection",
    CloseCode.TOO_LATE: "join or host the room first",
    CloseCode.TOO_MUCH: "too much at once",
}


class RoomSockets:
    """The endpoint that connects screens to rooms."""

    def __init__(self, rooms: Rooms, ids: PlayerIds) -> None:
        self._rooms = rooms
        self._ids = ids
        self._limit = Limit(CONNECTS, CONNECTS_S)
        self._slots = Slots(SOCKETS_OF_ADDRESS, SOCKETS_IN_ALL)

    async def connect(self, socket: WebSocket) -> None:
        """Serve one connection until it ends."""
        address = visitor_key(socket)
        room = self._rooms.get(socket.path_params["code"])
        if not self._limit.allows(address):
            await deny(socket, 429, "too many connections; wait a minute")
            return
        if room is None:
            await deny(socket, 403, "there is no such room")
            return
        try:
            with self._slots.taken(address):
                await socket.accept()
                await Connection(self._rooms, room, socket, self._ids).serve()
        except NoSlot:
            await deny(socket, 429, "your network has too many connections")


class Connection:
    """One accepted connection. It becomes the host's or a player's by its first message."""

    def __init__(self, rooms: Rooms, room: Room, socket: WebSocket, ids: PlayerIds) -> None:
        self._rooms = rooms
        self._room = room
        self._socket = socket
        self._ids = ids
        self._limit = Limit(MESSAGES, MESSAGES_S)
        self._player: Player | None = None
        self._is_host = False

    async def serve(self) -> None:
        """Answer messages until the other side leaves, or sends what it may not."""
        try:
            try:
                async with asyncio.timeout(FIRST_MESSAGE_S):
                    code = None
                    while code is None and not self._has_role:
                        code = await self._answer(await self._socket.receive())
            except TimeoutError:
                code = CloseCode.TOO_LATE
            while code is None:
                code = await self._answer(await self._socket.receive())
            await self._socket.close(code, REASONS[code])
        except (WebSocketDisconnect, RuntimeError, asyncio.CancelledError):
            pass
        finally:
            self._leave()

    @property
    def _has_role(self) -> bool:
        return self._is_host or self._player is not None

    async def _answer(self, event: Message) -> CloseCode | None:
        """Act on one message. Returns why the connection must be closed; None to go on."""
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1006))
        text = event.get("text")
        if not isinstance(text, str):
            return CloseCode.BAD_MESSAGE  # a binary frame
        if len(text) > MESSAGE_BYTES or not self._limit.allows(""):
            return CloseCode.TOO_MUCH
        try:
            message = parse_message(text)
        except BadMessage:
            return CloseCode.BAD_MESSAGE
        kind = message.get("kind")
        if kind == Kind.HOST and not self._has_role and self._knows_token(message):
            return await self._become_host()
        if kind == Kind.NEXT and self._is_host:
            await self._room.next()
        elif kind == Kind.JOIN and not self._has_role:
            await self._join(message)
        elif kind == Kind.ANSWER and self._player is not None:
            return await self._take(self._player, message.get("slot"), message.get("answer"))
        else:
            return CloseCode.NOT_ALLOWED
        return None

    def _knows_token(self, message: dict[str, Any]) -> bool:
        return secrets.compare_digest(str(message.get("token", "")).encode(), self._room.host_token.encode())

    async def _become_host(self) -> CloseCode | None:
        if len(self._room.hosts) >= MOST_HOSTS:
            return CloseCode.TOO_MUCH
        self._is_host = True
        self._room.hosts.append(self._socket)
        await self._send(self._room.state())
        return None

    async def _join(self, message: dict[str, Any]) -> None:
        address = visitor_key(self._socket)
        token = str(message.get("token", ""))
        try:
            player = self._rooms.join(self._room, message.get("nickname"), token, address, self._ids.new(address))
        except ValueError as error:
            await self._send({"refused": str(error)})
            return
        self._player = player
        player.socket = self._socket
        await self._send({"token": player.token, **self._room.state(player)})

    async def _take(self, player: Player, slot: object, label: object) -> CloseCode | None:
        """Keep an answer, and say whether it counts."""
        if type(slot) is not int or not isinstance(label, str):
            return CloseCode.BAD_MESSAGE
        reason = self._room.answer(player, slot, label)
        await self._send({"taken": not reason, "slot": slot, "why": reason})
        return None

    def _leave(self) -> None:
        """The player stays in the room and may come back; the screen gets no more messages."""
        if self._player is not None and self._player.socket is self._socket:
            self._player.socket = None
        with contextlib.suppress(ValueError):
            self._room.hosts.remove(self._socket)

    async def _send(self, content: dict[str, Any]) -> None:
        await self._socket.send_text(json.dumps(content))
