"""A game for a room: one screen, many phones, everybody the same picture against the clock. In this process's memory;
answers are kept in the catalog picture by picture.
"""

import asyncio
import contextlib
import io
import json
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import segno

from dataset.versions.manifest import Row
from web.game.deck import Deck
from web.game.plays import champion_says, models_right
from web.guard import nickname

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that looks like a digit
PLAYERS = 1000
SHOWS = 20
IDLE_S = 3 * 3600
TELL_EVERY_S = 0.25  # live counts to the screen
SEND_S = 5.0  # for one phone; a slower one is let go
BOARD = 10


class Socket(Protocol):
    async def send_text(self, data: str) -> None: ...


@dataclass
class Player:
    name: str
    token: str
    socket: Socket | None = None
    right: int = 0
    answers: dict[int, str] = field(default_factory=dict)


@dataclass
class Show:
    """phase: lobby, question, reveal, end. slot: of the picture that is shown. seconds: to answer in."""

    code: str
    host_token: str
    deck: Deck
    dealt: Sequence[Row]
    seconds: float
    keep: Callable[[list[dict[str, Any]]], Any]
    phase: str = "lobby"
    slot: int = -1
    ends_at: float = 0.0
    touched: float = field(default_factory=time.monotonic)
    players: dict[str, Player] = field(default_factory=dict)
    hosts: list[Socket] = field(default_factory=list)
    _clock: asyncio.Task[None] | None = None
    _teller: asyncio.Task[None] | None = None
    _known: Counter[str] = field(default_factory=Counter)

    @property
    def id(self) -> str:
        return f"show-{self.code}-{self.host_token[:16]}"

    def join(self, given: object, token: str = "") -> Player:
        """A new player, or one that comes back with its token. Raises ValueError for a name, or a full room."""
        self.touched = time.monotonic()
        if token and (known := self.players.get(token)):
            return known
        if len(self.players) >= PLAYERS:
            raise ValueError("this room is full")
        player = Player(nickname(given), secrets.token_hex(16))
        self.players[player.token] = player
        self._tell_soon()
        return player

    def answer(self, player: Player, slot: object, label: object) -> str:
        """Take an answer. Returns why not; empty where it counts. The first one counts."""
        if self.phase != "question" or slot != self.slot or time.monotonic() > self.ends_at + 0.5:
            return "too late"
        if label not in self.deck.version.labels:
            return "no such answer"
        if self.slot in player.answers:
            return "answered before"
        player.answers[self.slot] = str(label)
        self._tell_soon()
        if all(self.slot in one.answers for one in self.players.values() if one.socket):
            self.ends_at = min(self.ends_at, time.monotonic() + 0.7)
        return ""

    async def next(self) -> None:
        """The host goes on: to the next picture, to the truth, to the end."""
        self.touched = time.monotonic()
        if self.phase == "question":
            self.ends_at = time.monotonic()
        elif self.slot + 1 < len(self.dealt):
            self.slot, self.phase = self.slot + 1, "question"
            self.ends_at = time.monotonic() + self.seconds
            await self._all()
            self._clock = asyncio.create_task(self._run_out())
        elif self.phase != "end":
            self.phase = "end"
            await self._all()

    async def _run_out(self) -> None:
        while (left := self.ends_at - time.monotonic()) > 0:
            await asyncio.sleep(min(left, 0.1))
        slot, row = self.slot, self.dealt[self.slot]
        self.phase = "reveal"
        played = [
            {"round": self.id[:32], "slot": slot, "player": player.token, "sha256": row.sha256, "label": row.label,
             "version": self.deck.version.name, "answer": player.answers[slot], "played_at": datetime.now(UTC),
             "model_answer": champion_says(self.deck, row.sha256)}
            for player in self.players.values() if slot in player.answers
        ]  # fmt: skip
        for player in self.players.values():
            player.right += player.answers.get(slot) == row.label
        try:
            await asyncio.to_thread(self.keep, played)
        finally:  # a catalog out of reach must not stop the room
            await self._all()

    def state(self, player: Player | None = None) -> dict[str, Any]:
        """What a screen may know now: never the truth before the picture's time is over."""
        told: dict[str, Any] = {
            "phase": self.phase, "slot": self.slot, "pictures": len(self.dealt), "players": len(self.players),
            "seconds": self.seconds, "left": round(max(0.0, self.ends_at - time.monotonic()), 2),
            "answered": sum(self.slot in one.answers for one in self.players.values()) if self.slot >= 0 else 0,
            "labels": self.deck.version.labels,
        }  # fmt: skip
        if self.phase in ("reveal", "end") and self.slot >= 0:
            row = self.dealt[self.slot]
            said = self.deck.said.get(row.sha256, {})
            counts = Counter(one.answers[self.slot] for one in self.players.values() if self.slot in one.answers)
            told["reveal"] = {
                "truth": row.label, "counts": dict(counts), "said": {name: dict(p) for name, p in said.items()},
                "site": row.site, "creator": row.creator, "licence": row.licence,
            }  # fmt: skip
        if self.phase in ("reveal", "end") or player is None:
            shown = self.dealt[: self.slot + (self.phase in ("reveal", "end"))]
            told["score"] = self._score(shown)
        if player is not None:
            told["you"] = {
                "name": player.name, "right": player.right, "answer": player.answers.get(self.slot, ""),
                "place": 1 + sum(one.right > player.right for one in self.players.values()),
            }  # fmt: skip
        return told

    def _score(self, shown: Sequence[Row]) -> dict[str, Any]:
        answers = [
            (one.answers[slot], row.label)
            for slot, row in enumerate(shown) for one in self.players.values() if slot in one.answers
        ]  # fmt: skip
        majority = sum(self._majority(slot) == row.label for slot, row in enumerate(shown))
        best = sorted(self.players.values(), key=lambda one: (-one.right, one.name))[:BOARD]
        return {
            "shown": len(shown),
            "audience": sum(a == b for a, b in answers) / len(answers) if answers else None,
            "majority": majority,
            "models": models_right([(row.label, self.deck.said.get(row.sha256, {})) for row in shown]),
            "best": [[one.name, one.right] for one in best],
        }

    def _majority(self, slot: int) -> str:
        counts = Counter(one.answers[slot] for one in self.players.values() if slot in one.answers)
        return max(sorted(counts), key=lambda label: counts[label]) if counts else ""

    async def _all(self) -> None:
        """Tell every screen, side by side."""
        sends = [_send(host, self.state()) for host in self.hosts]
        sends += [_send(one.socket, self.state(one)) for one in self.players.values() if one.socket]
        await asyncio.gather(*sends)

    def _tell_soon(self) -> None:
        if self._teller is None or self._teller.done():
            with contextlib.suppress(RuntimeError):  # no loop: a test without sockets
                self._teller = asyncio.get_running_loop().create_task(self._tell_hosts())

    async def _tell_hosts(self) -> None:
        await asyncio.sleep(TELL_EVERY_S)
        await asyncio.gather(*[_send(host, self.state()) for host in self.hosts])


async def _send(socket: Socket, told: dict[str, Any]) -> None:
    with contextlib.suppress(Exception):  # a phone that went away; it may come back with its token
        await asyncio.wait_for(socket.send_text(json.dumps(told)), SEND_S)


class Shows:
    """The shows that are on, by their codes."""

    def __init__(self) -> None:
        self._shows: dict[str, Show] = {}

    def open(self, deck: Deck, seconds: float, count: int, keep: Callable[[list[dict[str, Any]]], Any]) -> Show:
        """A new show. Raises ValueError while too many are on."""
        now = time.monotonic()
        self._shows = {code: show for code, show in self._shows.items() if now - show.touched < IDLE_S}
        if len(self._shows) >= SHOWS:
            raise ValueError("too many games are on; try again later")
        rng = random.SystemRandom()
        code = next(c for c in ("".join(rng.choices(LETTERS, k=4)) for _ in range(1000)) if c not in self._shows)
        show = Show(code, secrets.token_hex(16), deck, deck.deal(rng, count), seconds, keep)
        self._shows[code] = show
        return show

    def get(self, code: str) -> Show | None:
        return self._shows.get(code.upper())


def qr(address: str) -> str:
    """An SVG of the address."""
    out = io.BytesIO()
    segno.make(address, error="m").save(out, kind="svg", scale=8, border=2, xmldecl=False, svgns=True)
    return out.getvalue().decode()
