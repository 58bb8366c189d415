"""A room: many players see the same picture on a big screen and on their phones, and answer against the clock.

Rooms live in this process's memory. The answers to each picture are kept in the catalog when its time is over.
"""

import asyncio
import contextlib
import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from dataset.versions.manifest import Row
from foundation.errors import IsItCakeError
from web.game.deck import Deck
from web.game.plays import default_answer
from web.game.scores import models_right
from web.guard import clean_nickname

MOST_PLAYERS = 1000  # in one room
PLAYERS_OF_ADDRESS = 400  # in one room: a conference behind one address
MOST_HOSTS = 3  # screens that show the host's side of one room
LATE_S = 0.5  # an answer may arrive this long after the end, for slow networks
ALL_ANSWERED_S = 0.7  # time left once every connected player has answered
TICK_S = 0.1
HOST_UPDATE_S = 0.25  # live counts go to the host's screen at most this often
SEND_TIMEOUT_S = 5.0  # for one message to one phone
BEST_PLAYERS = 10

KeepAnswers = Callable[[list[dict[str, Any]]], Any]  # takes rows of the table `plays`


class Socket(Protocol):
    async def send_text(self, data: str) -> None: ...


class Phase(StrEnum):
    LOBBY = "lobby"
    QUESTION = "question"
    REVEAL = "reveal"
    END = "end"


class AddressFull(ValueError):
    """One address has all the rooms or players that one address may have."""


@dataclass
class Player:
    """answers: by slot. socket: None while disconnected. address: what limits count; empty if it is not known."""

    name: str
    token: str
    socket: Socket | None = None
    address: str = ""
    right: int = 0
    answers: dict[int, str] = field(default_factory=dict)


@dataclass
class Room:
    """One game of many players. slot: of the current picture, -1 before the first. seconds: to answer a picture in.

    ends_at, used_at: times of time.monotonic. host_token: the secret that lets a socket act as the host. address: who
    opened the room, as limits count it.
    """

    code: str
    host_token: str
    deck: Deck
    dealt: Sequence[Row]
    seconds: float
    keep_answers: KeepAnswers
    address: str = ""
    current_deck: Callable[[], Deck] | None = None  # with the labels that hold now
    phase: Phase = Phase.LOBBY
    slot: int = -1
    ends_at: float = 0.0
    used_at: float = field(default_factory=time.monotonic)
    players: dict[str, Player] = field(default_factory=dict)
    hosts: list[Socket] = field(default_factory=list)
    _clock: asyncio.Task[None] | None = None  # a task without a reference may be collected while it runs
    _host_update: asyncio.Task[None] | None = None

    @property
    def round_id(self) -> str:
        """The name of this game in the table `plays`."""
        return f"show-{self.code}-{self.host_token[:16]}"[:32]

    @property
    def is_in_use(self) -> bool:
        """Whether a screen is connected."""
        return bool(self.hosts) or any(player.socket for player in self.players.values())

    def join(self, nickname: object, token: str = "", address: str = "", new_token: str = "") -> Player:
        """A new player, or the player who had this token. Raises ValueError for a bad nickname or a full room.

        address: of the visitor; empty: not counted. new_token: for a new player; empty: a random one.
        """
        if token and (known := self.players.get(token)):
            self.used_at = time.monotonic()
            return known
        if len(self.players) >= MOST_PLAYERS:
            raise ValueError("this room is full")
        if address and self.players_of(address) >= PLAYERS_OF_ADDRESS:
            raise AddressFull("too many players of your network are in this room")
        self.used_at = time.monotonic()
        player = Player(clean_nickname(nickname), new_token or secrets.token_hex(16), address=address)
        self.players[player.token] = player
        self._update_hosts_soon()
        return player

    def players_of(self, address: str) -> int:
        return sum(player.address == address for player in self.players.values())

    def answer(self, player: Player, slot: object, label: object) -> str:
        """Keep a player's first answer to the current picture. Returns why it does not count; empty if it does."""
        if self.phase is not Phase.QUESTION or slot != self.slot or time.monotonic() > self.ends_at + LATE_S:
            return "too late"
        if label not in self.deck.version.labels:
            return "no such answer"
        if self.slot in player.answers:
            return "answered before"
        player.answers[self.slot] = str(label)
        self._update_hosts_soon()
        if all(self.slot in other.answers for other in self.players.values() if other.socket):
            self.ends_at = min(self.ends_at, time.monotonic() + ALL_ANSWERED_S)
        return ""

    async def next(self) -> None:
        """Take the host's next step: end the current picture's time, show the next picture, or end the game."""
        self.used_at = time.monotonic()
        if self.phase is Phase.QUESTION:
            self.ends_at = time.monotonic()
            return
        self._drop_erased()
        if self.slot + 1 < len(self.dealt):
            self.slot, self.phase = self.slot + 1, Phase.QUESTION
            self.ends_at = time.monotonic() + self.seconds
            await self._update_all()
            self._clock = asyncio.create_task(self._reveal_in_time())
        elif self.phase is not Phase.END:
            self.phase = Phase.END
            await self._update_all()

    def _drop_erased(self) -> None:
        """Show no picture that was erased since it was dealt."""
        shown, to_come = self.dealt[: self.slot + 1], self.dealt[self.slot + 1 :]
        self.dealt = [*shown, *filter(self.deck.has_picture, to_come)]

    def state(self, player: Player | None = None) -> dict[str, Any]:
        """What a screen may know now, as JSON: the host's, or one player's. No truth before the picture's time ends."""
        if player is None:
            return self._shared_state(with_score=True)
        return {**self._shared_state(), "you": self._own_state(player, self._places())}

    def _shared_state(self, *, with_score: bool = False) -> dict[str, Any]:
        """What every screen shows. with_score: also before the truth, for the host."""
        state: dict[str, Any] = {
            "phase": self.phase, "slot": self.slot, "pictures": len(self.dealt), "players": len(self.players),
            "seconds": self.seconds, "left": round(max(0.0, self.ends_at - time.monotonic()), 2),
            "answered": self._counts(self.slot).total(), "labels": self.deck.version.labels,
        }  # fmt: skip
        is_revealed = self.phase in (Phase.REVEAL, Phase.END)
        if is_revealed and self.slot >= 0:
            state["reveal"] = self._reveal()
        if is_revealed or with_score:
            state["score"] = self._score(self.dealt[: self.slot + is_revealed])
        return state

    def _own_state(self, player: Player, places: Mapping[int, int]) -> dict[str, Any]:
        """What one player's screen shows beside that. places: number of right answers → place."""
        answer = player.answers.get(self.slot, "")
        return {"name": player.name, "right": player.right, "answer": answer, "place": places[player.right]}

    def _places(self) -> dict[int, int]:
        """Number of right answers → place."""
        places, place = {}, 1
        for right, count in sorted(Counter(player.right for player in self.players.values()).items(), reverse=True):
            places[right] = place
            place += count
        return places

    async def _reveal_in_time(self) -> None:
        """Wait until the picture's time is over, count the answers, keep them, and show the truth."""
        while (left := self.ends_at - time.monotonic()) > 0:
            await asyncio.sleep(min(left, TICK_S))
        if self.current_deck:
            with contextlib.suppress(IsItCakeError):  # the game goes on with the deck that it has
                self._use(await asyncio.to_thread(self.current_deck))
        slot, row = self.slot, self.dealt[self.slot]
        self.phase = Phase.REVEAL
        plays = [
            {"round": self.round_id, "slot": slot, "player": player.token, "sha256": row.sha256, "label": row.label,
             "version": self.deck.version.name, "answer": player.answers[slot], "played_at": datetime.now(UTC),
             "model_answer": default_answer(self.deck, row.sha256)}
            for player in self.players.values() if slot in player.answers
        ]  # fmt: skip
        for player in self.players.values():
            player.right = sum(player.answers.get(n) == shown.label for n, shown in enumerate(self.dealt[: slot + 1]))
        try:
            await asyncio.to_thread(self.keep_answers, plays)
        finally:  # the game goes on even if the catalog cannot be reached
            await self._update_all()

    def _use(self, deck: Deck) -> None:
        """Take the labels that hold now; pictures still to come that were withdrawn are left out."""
        shown = [deck.row(row.sha256) or row for row in self.dealt[: self.slot + 1]]
        self.dealt = [*shown, *(now for row in self.dealt[self.slot + 1 :] if (now := deck.row(row.sha256)))]
        self.deck = deck

    def _reveal(self) -> dict[str, Any]:
        """Of a picture that was erased meanwhile, only its label and the answers."""
        row = self.dealt[self.slot]
        known = {"truth": row.label, "counts": dict(self._counts(self.slot))}
        if not self.deck.has_picture(row):
            return {**known, "said": {}, "site": "", "creator": "", "licence": ""}
        predictions = self.deck.predictions_of(row.sha256)
        return {
            **known, "said": {name: dict(probabilities) for name, probabilities in predictions.items()},
            "site": row.site, "creator": row.creator, "licence": row.licence,
        }  # fmt: skip

    def _score(self, shown: Sequence[Row]) -> dict[str, Any]:
        """Players, their majority and each model on the pictures shown so far."""
        counts = [self._counts(slot) for slot in range(len(shown))]
        answers = sum(count.total() for count in counts)
        right = sum(count[row.label] for count, row in zip(counts, shown, strict=True))
        best = sorted(self.players.values(), key=lambda player: (-player.right, player.name))[:BEST_PLAYERS]
        return {
            "shown": len(shown),
            "audience": right / answers if answers else None,
            "majority": sum(_majority(count) == row.label for count, row in zip(counts, shown, strict=True)),
            "models": models_right([(row.label, self.deck.predictions_of(row.sha256)) for row in shown]),
            "best": [[player.name, player.right] for player in best],
        }

    def _counts(self, slot: int) -> Counter[str]:
        """How many players gave each answer to a picture."""
        return Counter(player.answers[slot] for player in self.players.values() if slot in player.answers)

    async def _update_all(self) -> None:
        """Send the state to every screen at the same time. A screen that does not read it gets no more."""
        shared, places = self._shared_state(), self._places()
        screens = [(player, player.socket) for player in self.players.values() if player.socket]
        sends = [_send(socket, {**shared, "you": self._own_state(player, places)}) for player, socket in screens]
        _, *are_sent = await asyncio.gather(self._send_to_hosts(), *sends)
        for (player, socket), is_sent in zip(screens, are_sent, strict=True):
            if not is_sent and player.socket is socket:
                player.socket = None

    async def _send_to_hosts(self) -> None:
        """Send the state to the screens of the host, and forget those that do not read it."""
        state, hosts = self.state(), list(self.hosts)
        for host, is_sent in zip(hosts, await asyncio.gather(*[_send(host, state) for host in hosts]), strict=True):
            if not is_sent and host in self.hosts:
                self.hosts.remove(host)

    def _update_hosts_soon(self) -> None:
        if self._host_update is None or self._host_update.done():
            with contextlib.suppress(RuntimeError):  # without an event loop there are no sockets either
                self._host_update = asyncio.get_running_loop().create_task(self._update_hosts())

    async def _update_hosts(self) -> None:
        await asyncio.sleep(HOST_UPDATE_S)
        await self._send_to_hosts()


def _majority(counts: Counter[str]) -> str:
    """The answer that most players gave, the first by name if several did; empty without answers."""
    return max(sorted(counts), key=lambda label: counts[label]) if counts else ""


async def _send(socket: Socket, state: Mapping[str, Any]) -> bool:
    """Send a state. Returns whether the screen took it; a phone that is gone may come back with its token."""
    try:
        await asyncio.wait_for(socket.send_text(json.dumps(state)), SEND_TIMEOUT_S)
    except Exception:  # noqa: BLE001  whatever a socket raises, the other screens go on
        return False
    return True
