"""A room, without sockets or with recorded ones."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.project import Project
from web.game.deck import Deck, load_deck
from web.game.room import MOST_PLAYERS, Phase, Room
from web.game.rooms import IDLE_S, LETTERS, MOST_ROOMS, Rooms, qr_code

DEADLINE_S = 20
SECONDS = 60.0  # longer than any test: pictures end because the host or the answers say so


class Screen:
    """A socket that remembers what it was sent."""

    def __init__(self) -> None:
        self.states: list[dict[str, Any]] = []

    async def send_text(self, data: str) -> None:
        self.states.append(json.loads(data))


class BrokenScreen:
    async def send_text(self, data: str) -> None:
        raise ConnectionError("gone")


@pytest.fixture
def deck(bakery: Project) -> Deck:
    return load_deck(bakery)


@pytest.fixture
def plays() -> list[dict[str, Any]]:
    """What the room kept."""
    return []


@pytest.fixture
def room(deck: Deck, plays: list[dict[str, Any]]) -> Room:
    return Rooms().open(deck, SECONDS, 2, plays.extend)


async def reached(room: Room, phase: Phase) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while room.phase is not phase:
        assert time.monotonic() < deadline, f"the room is in phase {room.phase}, not {phase}"
        await asyncio.sleep(0.01)


async def until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not is_true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def other_label(room: Room) -> str:
    return next(label for label in room.deck.version.labels if label != room.dealt[room.slot].label)


def test_an_erased_picture_is_dealt_no_more_and_has_no_maker(room: Room, bakery: Project) -> None:
    """Security 16: a room that was open before the erasure shows neither the picture to come nor whose it was."""
    shown, to_come = room.dealt

    async def game() -> None:
        room.join("Ann").socket = Screen()
        await room.next()
        await room.next()
        await reached(room, Phase.REVEAL)
        assert room.state()["reveal"]["site"] == shown.site
        for row in (shown, to_come):
            erase(bakery, Selection(Kind.SHA256, row.sha256), "asked")
        reveal = room.state()["reveal"]
        assert (reveal["truth"], reveal["said"]) == (shown.label, {})
        assert not any(reveal[name] for name in ("site", "creator", "licence"))
        await room.next()
        assert room.phase is Phase.END

    asyncio.run(game())


def test_a_game_from_lobby_to_end(room: Room, plays: list[dict[str, Any]]) -> None:
    """Ann is right once, Ben never. Each picture's answers are kept when its time is over."""

    async def game() -> None:
        host, phone = Screen(), Screen()
        room.hosts.append(host)
        ann, ben = room.join("Ann"), room.join("Ben")
        ann.socket, ben.socket = phone, BrokenScreen()
        for _ in range(2):
            await room.next()
            answer = room.dealt[0].label if room.slot == 0 else other_label(room)
            assert room.answer(ann, room.slot, answer) == ""
            assert room.answer(ben, room.slot, other_label(room)) == ""
            await reached(room, Phase.REVEAL)
            await until(lambda: phone.states[-1]["phase"] == "reveal")
            assert phone.states[-1]["reveal"]["truth"] == room.dealt[room.slot].label
        await room.next()
        assert host.states[-1]["phase"] == phone.states[-1]["phase"] == "end"
        assert [state["phase"] for state in phone.states] == ["question", "reveal", "question", "reveal", "end"]

    asyncio.run(game())
    assert [(row["slot"], row["answer"] == row["label"]) for row in plays] == [
        (0, True), (0, False), (1, False), (1, False)
    ]  # fmt: skip
    score = room.state()["score"]
    assert score["shown"] == 2
    assert score["audience"] == 0.25
    assert score["best"] == [["Ann", 1], ["Ben", 0]]
    assert [room.state(player)["you"]["place"] for player in room.players.values()] == [1, 2]


def test_the_truth_is_hidden_until_time_is_over(room: Room) -> None:
    """Neither the host's nor a player's state has the truth, or a score of the current picture, while it is open."""

    async def question() -> None:
        ann = room.join("Ann")
        await room.next()
        room.answer(ann, 0, room.dealt[0].label)
        for state in (room.state(), room.state(ann)):
            assert "reveal" not in state
            assert state["answered"] == 1
        assert room.state()["score"]["shown"] == 0
        assert "score" not in room.state(ann)

    asyncio.run(question())


def test_only_the_first_valid_answer_in_time_counts(room: Room) -> None:
    async def answers() -> list[str]:
        ann = room.join("Ann")
        early = room.answer(ann, 0, "cake")
        await room.next()
        return [
            early,
            room.answer(ann, 1, "cake"),
            room.answer(ann, 0, "unusable"),
            room.answer(ann, 0, "cake"),
            room.answer(ann, 0, "not_cake"),
        ]

    assert asyncio.run(answers()) == ["too late", "too late", "no such answer", "", "answered before"]


def test_the_host_can_end_a_picture_early(room: Room, plays: list[dict[str, Any]]) -> None:
    """A player who did not answer gets nothing kept."""

    async def skip() -> None:
        room.join("Ann")
        await room.next()
        await room.next()
        await reached(room, Phase.REVEAL)

    asyncio.run(skip())
    assert plays == []
    assert room.state()["score"]["audience"] is None


def test_a_catalog_out_of_reach_does_not_stop_the_game(deck: Deck) -> None:
    def fail(_: list[dict[str, Any]]) -> None:
        raise OSError("no catalog")

    room = Rooms().open(deck, SECONDS, 1, fail)

    async def game() -> dict[str, Any]:
        host = Screen()
        room.hosts.append(host)
        await room.next()
        await room.next()
        await until(lambda: host.states[-1]["phase"] == "reveal")
        return host.states[-1]

    assert asyncio.run(game())["reveal"]["truth"] == room.dealt[0].label


def test_a_player_comes_back_with_the_token(room: Room) -> None:
    ann = room.join("Ann")
    assert room.join("Somebody else", ann.token) is ann
    assert room.join("Ann", "unknown token") is not ann
    with pytest.raises(ValueError, match="20 characters"):
        room.join("<b>")


def test_a_full_room_takes_nobody(room: Room) -> None:
    for number in range(MOST_PLAYERS):
        room.join(f"Player {number}")
    with pytest.raises(ValueError, match="this room is full"):
        room.join("Ann")


def test_rooms_are_found_by_their_code(deck: Deck) -> None:
    """In small letters, too. Above a number of rooms no new one opens, until the idle ones are closed."""
    rooms = Rooms()
    opened = [rooms.open(deck, SECONDS, 2, list) for _ in range(MOST_ROOMS)]
    codes = {room.code for room in opened}
    assert len(codes) == MOST_ROOMS
    assert set("".join(codes)) <= set(LETTERS)
    assert rooms.get(opened[0].code.lower()) is opened[0]
    with pytest.raises(ValueError, match="too many rooms"):
        rooms.open(deck, SECONDS, 2, list)
    opened[0].used_at -= IDLE_S
    rooms.open(deck, SECONDS, 2, list)
    assert rooms.get(opened[0].code) is None


def test_the_qr_code_is_an_svg() -> None:
    assert qr_code("http://a.example/join/ABCD").startswith("<svg")
