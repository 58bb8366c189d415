"""All open rooms, within limits, and the picture of a room's address."""

import io
import random
import secrets
import time
from collections.abc import Iterable

from web.game.deck import Deck
from web.game.room import AddressFull, KeepAnswers, Player, Room

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # without I and O, which look like digits
CODE_LETTERS = 4
PLAYERS_OF_ADDRESS_IN_ALL = 500  # in all rooms
PLAYERS_IN_ALL = 5000  # in all rooms, of about 4 KB each
MOST_ROOMS = 100
ROOMS_OF_ADDRESS = 3  # rooms in use that one address has opened
IDLE_S = 3 * 3600  # a room without a join or a step of the host for this long is closed
ABANDONED_S = 600  # a room that nobody is connected to for this long makes room for another, where rooms are short


class RoomsFull(ValueError):
    """All rooms that there may be are open."""


class Rooms:
    """The open rooms by code."""

    def __init__(self) -> None:
        self._rooms: dict[str, Room] = {}

    def open(self, deck: Deck, seconds: float, count: int, keep_answers: KeepAnswers, address: str = "") -> Room:
        """A new room with `count` pictures. Idle rooms are closed first.

        address: who opens it; empty: not counted. A room of the same address that nobody is connected to makes room.
        Raises AddressFull, or RoomsFull above MOST_ROOMS.
        """
        now = time.monotonic()
        self._rooms = {code: room for code, room in self._rooms.items() if now - room.used_at < IDLE_S}
        own = [room for room in self._rooms.values() if address and room.address == address]
        if len(own) >= ROOMS_OF_ADDRESS and not self._close_unused(own, now):
            raise AddressFull(f"your network has {ROOMS_OF_ADDRESS} rooms in use; close the page of one of them first")
        if len(self._rooms) >= MOST_ROOMS and not self._close_unused(self._rooms.values(), now - ABANDONED_S):
            raise RoomsFull("too many rooms are open; try again later")
        rng = random.SystemRandom()
        code = self._free_code(rng)
        room = Room(code, secrets.token_hex(16), deck, deck.deal(rng, count), seconds, keep_answers, address)
        self._rooms[code] = room
        return room

    def join(self, room: Room, nickname: object, token: str, address: str, new_token: str) -> Player:
        """As `Room.join`, within the limits of all rooms together. Raises ValueError."""
        if token not in room.players:
            rooms = self._rooms.values()
            if sum(len(other.players) for other in rooms) >= PLAYERS_IN_ALL:
                raise RoomsFull("too many people are playing; try again later")
            if address and sum(other.players_of(address) for other in rooms) >= PLAYERS_OF_ADDRESS_IN_ALL:
                raise AddressFull("too many players of your network are in rooms")
        return room.join(nickname, token, address, new_token)

    def _close_unused(self, rooms: Iterable[Room], used_before: float) -> bool:
        """Close the room that was used longest ago, of those that nobody is connected to. Returns whether one was."""
        unused = [room for room in rooms if room.used_at <= used_before and not room.is_in_use]
        if not unused:
            return False
        del self._rooms[min(unused, key=lambda room: room.used_at).code]
        return True

    def get(self, code: str) -> Room | None:
        return self._rooms.get(code.upper())

    def _free_code(self, rng: random.Random) -> str:
        while (code := "".join(rng.choices(LETTERS, k=CODE_LETTERS))) in self._rooms:
            pass
        return code


def qr_code(address: str) -> str:
    """An SVG of the address."""
    import segno

    out = io.BytesIO()
    segno.make(address, error="m").save(out, kind="svg", scale=8, border=2, xmldecl=False, svgns=True)
    return out.getvalue().decode()
