"""Erase pictures while the web service shows them, and find every way by which a visitor still gets them.

A way shows a picture if it gives its bytes, a thumbnail of it, or its maker and page. Each is tried over HTTP and
WebSockets before the erasure, when it must show the picture, and directly after it.
"""

import functools
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import requests
from commands import apart
from pydantic import SecretStr
from sqlalchemy import select
from table import table
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from dataset.catalog.tables import rounds
from dataset.opening import open_project
from dataset.project import Project
from dataset.versions import published
from labeling.picture_links import picture_url
from simulator.web_service import SECRET, Serving
from web.game.deck import load_deck
from web.pages.thumbnails import all_thumbnails

CREDIT = ("creator", "page_url", "licence", "site")
WAIT_S = 10.0
NEW_ROUNDS = 12
MOST_ROUNDS = 200  # begun until one has a picture that is to be erased
SECONDS, PICTURES = 3, 30  # of a room: a picture is over once its only player has answered
PAUSE_S = 3.0  # of the crowd: it stays below the limits on one visitor
CACHED_S = 60  # a browser may keep a picture so long

Way = Callable[[], bool]  # whether it shows an erased picture


@dataclass(frozen=True)
class GameRound:
    """slot: of a picture that is to be erased."""

    id: str
    slot: int


class Visitor:
    """One visitor of the service, who knows which pictures are to be erased: all of one source."""

    def __init__(self, serving: Serving, project: Project) -> None:
        self.url, self.project = serving.url, project
        self.version = published.load(project.home, published.names(project.home)[-1])
        self.label = self.version.labels[0]
        self.source, self.tiles = self._shown_source()
        self.erased = {row.sha256: row for row in self.version.rows() if row.site == self.source}
        self._contents = {(self.version.path / row.file).read_bytes() for row in self.erased.values()}
        self.session = requests.Session()

    def is_erased(self, answer: requests.Response) -> bool:
        """Whether this is the picture of one of them."""
        return answer.content in self._contents

    def get(self, path: str, **headers: str) -> requests.Response:
        """Raises RequestException where the visitor asked too often: that proves nothing."""
        answer = self.session.get(self.url + path, headers=headers, timeout=30)
        if answer.status_code in (429, 503):
            answer.raise_for_status()
        return answer

    def post(self, path: str, content: dict[str, Any]) -> requests.Response:
        return self.session.post(self.url + path, json=content, timeout=30)

    def begin(self) -> tuple[str, list[str]]:
        """A new round, and the pictures that were dealt."""
        round_id = self.post("/play/rounds", {}).json()["round"]
        with self.project.catalog.read() as connection:
            pictures = connection.execute(select(rounds.c.pictures).where(rounds.c.id == round_id)).scalar_one()
        return round_id, [sha256 for sha256, _ in pictures]

    def begin_with_erased(self) -> GameRound:
        for _ in range(MOST_ROUNDS):
            round_id, pictures = self.begin()
            slots = [slot for slot, sha256 in enumerate(pictures) if sha256 in self.erased]
            if slots:
                return GameRound(round_id, slots[0])
        raise AssertionError("no round has a picture of the source")

    def _shown_source(self) -> tuple[str, list[str]]:
        """A source with pictures in the game and on the report, and the thumbnails of all its pictures."""
        thumbnails = all_thumbnails(self.project)
        page = requests.get(self.url, timeout=60).text
        for site in sorted({row.site for row in load_deck(self.project).rows}):
            tiles = [thumbnails.tile(row.sha256, "").source for row in self.version.rows() if row.site == site]
            if any(tile in page for tile in tiles):
                return site, tiles
        raise AssertionError("no picture of the game is on the report")


class RoomVisitor:
    """A host and a player in a room. slot: of the picture that is shown, -1 before the first."""

    def __init__(self, visitor: Visitor, sockets: ExitStack) -> None:
        self.visitor = visitor
        self.room = visitor.post("/show", {"seconds": SECONDS, "pictures": PICTURES}).json()
        self._address = f"{visitor.url.replace('http', 'ws', 1)}/show/{self.room['code']}/ws"
        self._host, self._player = (sockets.enter_context(connect(self._address)) for _ in range(2))
        self._host.send(json.dumps({"kind": "host", "token": self.room["host"]}))
        self._player.send('{"kind": "join", "nickname": "Ann"}')
        self.token = self._until(self._player, lambda state: "token" in state)["token"]
        self.slot = -1

    @property
    def picture(self) -> str:
        return f"/show/{self.room['code']}/{self.slot}.jpg"

    def step(self) -> dict[str, Any] | None:
        """The next picture, with an answer, until its truth is shown. Returns the state; None at the end."""
        self._host.send('{"kind": "next"}')
        state = self._until(self._player, lambda state: state.get("phase") in ("question", "end"))
        if state["phase"] == "end":
            return None
        self.slot = state["slot"]
        self._player.send(json.dumps({"kind": "answer", "slot": self.slot, "answer": state["labels"][0]}))
        return self._until(self._player, lambda state: state.get("phase") == "reveal")

    def state_again(self, first: dict[str, str]) -> dict[str, Any]:
        """What a screen gets that connects now."""
        with connect(self._address) as screen:
            screen.send(json.dumps(first))
            return self._until(screen, lambda state: "phase" in state)

    @staticmethod
    def _until(wire: Connection, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while not is_wanted(state := json.loads(wire.recv(WAIT_S))):
            pass
        return dict(state)


def erased_shown(serving: Serving) -> int:
    """How many ways show a picture of a source that was erased. Raises AssertionError where one shows none before."""
    project = open_project(serving.folder / "isitcake.toml")
    visitor = Visitor(serving, project)
    with ExitStack() as sockets:
        ways = _ways(visitor, sockets)
        blind = [name for name, way in ways.items() if not way()]
        assert not blind, f"nothing to see before the erasure: {blind}"
        later = _ways_of_later(visitor, sockets)
        with _crowd(ways):
            ended = apart(serving.folder, "erase", "--source", visitor.source, "--reason", "asked")
        assert ended.returncode == 0, ended.stderr
        shown = [name for name, way in (ways | later).items() if way()]
    project.close()
    table("ways to an erased picture", ["tried", "show it"], [[len(ways) + len(later), ", ".join(shown) or "none"]])
    return len(shown)


def _signed(project: Project, sha256: str) -> str:
    """The path of a picture as Label Studio's pages load it, signed with the secret of the service."""
    secrets = project.settings.secrets.model_copy(update={"secret": SecretStr(SECRET)})
    url = picture_url(project.settings.model_copy(update={"secrets": secrets}), sha256)
    return f"/pictures/{url.rpartition('/')[2]}"


def _ways(visitor: Visitor, sockets: ExitStack) -> dict[str, Way]:
    """Ways that show a picture before the erasure, by name."""
    answered, sha256 = visitor.begin_with_erased(), next(iter(visitor.erased))
    answer = {"answer": visitor.label}
    visitor.post(f"/play/rounds/{answered.id}/{answered.slot}", answer).raise_for_status()
    room = _room_at_erased(visitor, sockets)
    picture, round_picture = _signed(visitor.project, sha256), f"/play/rounds/{answered.id}/{answered.slot}.jpg"
    name = visitor.version.name
    contact_sheet = visitor.get(f"/reports/{name}.jpg").content
    host = {"kind": "host", "token": room.room["host"]}
    player = {"kind": "join", "token": room.token, "nickname": "Ann"}
    return {
        "signed picture": lambda: visitor.get(picture).ok,
        "picture of a round": lambda: visitor.get(round_picture).ok,
        "result of a round": lambda: _has_credit(visitor.get(f"/play/rounds/{answered.id}")),
        "picture of a room": lambda: visitor.get(room.picture).ok,
        "screen of the host": lambda: _is_credit(room.state_again(host).get("reveal", {})),
        "screen of a player": lambda: _is_credit(room.state_again(player).get("reveal", {})),
        "why page": lambda: sha256 in visitor.get(f"/why/{sha256}").text,
        "report": lambda: _has_tile(visitor, "/"),
        "report of the version": lambda: _has_tile(visitor, f"/reports/{name}.html"),
        "contact sheet": lambda: visitor.get(f"/reports/{name}.jpg").content == contact_sheet,
        **{
            f"browser that asks again: {path}": functools.partial(_is_unchanged, visitor, path, visitor.get(path))
            for path in (picture, round_picture, room.picture)
        },
    }


def _ways_of_later(visitor: Visitor, sockets: ExitStack) -> dict[str, Way]:
    """Ways that are prepared before the erasure, and gone only after it."""
    waiting, room = visitor.begin_with_erased(), RoomVisitor(visitor, sockets)
    answer = {"answer": visitor.label}
    return {
        "reveal of a round": lambda: _has_credit(visitor.post(f"/play/rounds/{waiting.id}/{waiting.slot}", answer)),
        "pictures of a room to come": lambda: any(_shows(room, state) for state in iter(room.step, None)),
        "new rounds": lambda: any(_new_round_shows(visitor) for _ in range(NEW_ROUNDS)),
    }


def _room_at_erased(visitor: Visitor, sockets: ExitStack) -> RoomVisitor:
    """A room that shows the truth about a picture that is to be erased."""
    while True:
        room = RoomVisitor(visitor, sockets)
        while room.step() is not None:
            if visitor.is_erased(visitor.get(room.picture)):
                return room


def _shows(room: RoomVisitor, state: dict[str, Any]) -> bool:
    """Whether a room shows a picture that was erased, or whose it was."""
    answer = room.visitor.get(room.picture)
    return room.visitor.is_erased(answer) if answer.ok else _is_credit(state["reveal"])


def _new_round_shows(visitor: Visitor) -> bool:
    """Whether a new round has a picture that was erased: its bytes, or a reveal with its maker and page."""
    round_id, pictures = visitor.begin()
    for slot, sha256 in enumerate(pictures):
        if sha256 in visitor.erased:
            path = f"/play/rounds/{round_id}/{slot}"
            if visitor.get(f"{path}.jpg").ok or _has_credit(visitor.post(path, {"answer": visitor.label}), slot):
                return True
    return False


def _has_credit(answer: requests.Response, slot: int | None = None) -> bool:
    """Whether a reveal, or the reveal of that picture in a result, says whose it is."""
    if not answer.ok:
        return False
    content = answer.json()
    reveals = content.get("reveals", [content])
    return any(_is_credit(reveal) for reveal in reveals if slot is None or reveal["slot"] == slot)


def _is_credit(reveal: dict[str, Any]) -> bool:
    return any(reveal.get(name) for name in CREDIT)


def _has_tile(visitor: Visitor, path: str) -> bool:
    answer = visitor.get(path)
    return answer.ok and any(tile in answer.text for tile in visitor.tiles)


def _is_unchanged(visitor: Visitor, path: str, before: requests.Response) -> bool:
    """Whether a browser that asks again may show what it kept, or was allowed to keep it for longer than a minute."""
    control = before.headers.get("Cache-Control", "")
    seconds = re.search(r"max-age=(\d+)", control)
    is_kept = "no-store" not in control and (seconds is None or int(seconds[1]) > CACHED_S)
    again = visitor.get(path, **{"If-None-Match": before.headers.get("ETag", "")})
    return is_kept or again.status_code in (200, 304)


@contextmanager
def _crowd(ways: dict[str, Way]) -> Iterator[None]:
    """Somebody who takes every way again and again meanwhile, so that whatever can be kept is kept."""
    is_over = threading.Event()

    def go() -> None:
        while not is_over.is_set():
            for way in ways.values():
                with suppress(requests.RequestException, ConnectionClosed, TimeoutError):
                    way()
            is_over.wait(PAUSE_S)

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
