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
from web.game.http import check_limit, empty_page, json_response, page, picture_response, read_json
from web.game.plays import store_plays
from web.game.room import Rooms, qr_code
from web.game.room_sockets import RoomSockets
from web.guard import GAME_HEADERS, Limit
from web.http import get, path_integer, post

ROOM_PICTURES, MOST_PICTURES = 10, 30
ANSWER_SECONDS, LEAST_SECONDS, MOST_SECONDS = 15.0, 3.0, 60.0
CODE = re.compile(r"[A-Za-z]{4}")


class RoomEndpoints:
    """limit: for opening rooms; it is shared with the start of rounds."""

    def __init__(self, project: Project, deck: CurrentDeck, limit: Limit) -> None:
        self._project = project
        self._deck = deck
        self._limit = limit
        self._rooms = Rooms()

    def routes(self) -> list[BaseRoute]:
        return [
            get("/show", self.host_page),
            post("/show", self.open_room),
            get("/join", self.join_page),
            get("/join/{code}", self.join_room_page),
            get("/show/{code}/{slot}.jpg", self.picture),
            WebSocketRoute("/show/{code}/ws", RoomSockets(self._rooms).connect),
        ]

    def host_page(self, _: Request) -> Response:
        try:
            deck = self._deck.get()
        except StageError as error:
            return empty_page(error)
        return page("game_host.html", labels=deck.version.labels, seconds=ANSWER_SECONDS)

    async def open_room(self, request: Request) -> Response:
        """A new room: its code, the host's token, and the address to join at with its QR code."""
        check_limit(request, self._limit)
        fields = await read_json(request)
        try:
            seconds = min(MOST_SECONDS, max(LEAST_SECONDS, float(fields.get("seconds", ANSWER_SECONDS))))
            count = min(MOST_PICTURES, max(1, int(fields.get("pictures", ROOM_PICTURES))))
        except (TypeError, ValueError):
            raise HTTPException(422, "seconds and pictures must be numbers") from None
        try:
            deck = await run_in_threadpool(self._deck.get)
            room = self._rooms.open(deck, seconds, count, self._keep_answers)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        except StageError as error:
            raise HTTPException(409, str(error)) from None
        address = f"{str(request.base_url).rstrip('/')}/join/{room.code}"
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
        return picture_response(room.deck, room.dealt[slot].sha256)

    def _keep_answers(self, plays: list[dict[str, Any]]) -> int:
        return store_plays(self._project, plays)
