"""Pages and requests of rooms: the host's screen, the entrance for players, the pictures."""

import re
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, WebSocketRoute

from dataset.project import Project
from foundation.errors import StageError
from web.game.deck import CurrentDeck
from web.game.http import check_limit, empty_page, json_response, page, picture_response, read_json, visible
from web.game.plays import PlayerIds, store_plays
from web.game.room import AddressFull
from web.game.room_sockets import RoomSockets
from web.game.rooms import Rooms, RoomsFull, qr_code
from web.gate.listening import Names
from web.gate.visitors import visitor_key
from web.guard import GAME_HEADERS, Limit
from web.http import get, path_integer, post

ROOM_PICTURES, MOST_PICTURES = 10, 30
ANSWER_SECONDS, LEAST_SECONDS, MOST_SECONDS = 15.0, 3.0, 60.0
OPENINGS, OPENINGS_S = 20, 600  # most rooms that one address opens, in so many seconds
CODE = re.compile(r"[A-Za-z]{4}")


class RoomEndpoints:
    """names: of the service, for the address that players join at. ids: makes the ids of players."""

    def __init__(self, project: Project, deck: CurrentDeck, names: Names, ids: PlayerIds) -> None:
        self._project = project
        self._deck = deck
        self._names = names
        self._ids = ids
        self._limit = Limit(OPENINGS, OPENINGS_S)
        self._rooms = Rooms()

    def routes(self) -> list[BaseRoute]:
        return [
            get("/show", self.host_page),
            post("/show", self.open_room),
            get("/join", self.join_page),
            get("/join/{code}", self.join_room_page),
            get("/show/{code}/{slot}.jpg", self.picture),
            WebSocketRoute("/show/{code}/ws", RoomSockets(self._rooms, self._ids).connect),
        ]

    def host_page(self, _: Request) -> Response:
        try:
            deck = self._deck.get()
        except StageError as error:
            return empty_page(error)
        most = min(MOST_PICTURES, len(deck.rows))
        return page(
            "game_host.html",
            labels=deck.version.labels, seconds=ANSWER_SECONDS, pictures=min(ROOM_PICTURES, most), most=most,
            has_few=most < MOST_PICTURES,
        )  # fmt: skip

    async def open_room(self, request: Request) -> Response:
        """A new room: its code, the host's token, and the address to join at with its QR code."""
        check_limit(request, self._limit)
        fields = await read_json(request)
        seconds = _number(fields, "seconds", ANSWER_SECONDS, LEAST_SECONDS, MOST_SECONDS)
        count = int(_number(fields, "pictures", ROOM_PICTURES, 1, MOST_PICTURES))
        try:
            deck = await run_in_threadpool(self._deck.get)
            room = self._rooms.open(deck, seconds, count, self._keep_answers, visitor_key(request))
            room.current_deck = self._deck.get
        except AddressFull as error:
            raise HTTPException(429, str(error)) from None
        except RoomsFull as error:
            raise HTTPException(503, str(error)) from None
        except StageError as error:
            raise HTTPException(409, visible(error)) from None
        address = f"{self._names.base_url(request.scope)}/join/{room.code}"
        return json_response({"code": room.code, "host": room.host_token, "address": address, "qr": qr_code(address)})

    def join_page(self, _: Request) -> Response:
        return page("game_join.html", code="")

    def join_room_page(self, request: Request) -> Response:
        """The entrance of one room; without that room, the page that asks for a code."""
        code = request.path_params["code"]
        if not CODE.fullmatch(code) or self._rooms.get(code) is None:
            return RedirectResponse("/join", 303, headers=GAME_HEADERS)
        return page("game_join.html", code=code.upper())

    def picture(self, request: Request) -> Response:
        """The current picture or an earlier one, never a later one."""
        slot = path_integer(request, "slot")
        room = self._rooms.get(request.path_params["code"])
        if room is None or not 0 <= slot <= room.slot:
            raise HTTPException(404)
        try:
            return picture_response(self._deck.get(), room.dealt[slot].sha256)
        except StageError:
            raise HTTPException(404) from None

    def _keep_answers(self, plays: list[dict[str, Any]]) -> int:
        return store_plays(self._project, plays)


def _number(fields: dict[str, Any], name: str, default: float, least: float, most: float) -> float:
    """A number of the request, brought into its range. Raises HTTPException 422 for what is no number."""
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise HTTPException(422, "seconds and pictures must be numbers")
    return min(most, max(least, value))
