"""Pages and requests of a game round for one player."""

import re

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from dataset.project import Project
from dataset.suspicion.packs import question
from foundation.errors import StageError
from web.game.deck import ROUND_PICTURES, CurrentDeck
from web.game.http import check_limit, empty_page, json_response, page, picture_response, read_json, visible
from web.game.plays import PlayerIds, Refused, answer_picture, begin_round, dealt_picture, round_result
from web.gate.visitors import visitor_key
from web.guard import Limit, clean_nickname
from web.http import get, path_integer, post

STARTS, STARTS_S = 120, 60  # most rounds that one address starts, in so many seconds
ANSWERS, ANSWERS_S = 2000, 60  # most answers of one address, in so many seconds; a class room shares one address
ID = re.compile(r"[0-9a-f]{32}")  # of a round or a player


class PlayEndpoints:
    def __init__(self, project: Project, deck: CurrentDeck, ids: PlayerIds) -> None:
        self._project = project
        self._deck = deck
        self._ids = ids
        self._rounds_limit = Limit(STARTS, STARTS_S)
        self._answers_limit = Limit(ANSWERS, ANSWERS_S)

    def routes(self) -> list[BaseRoute]:
        return [
            get("/play", self.play_page),
            post("/play/rounds", self.start),
            get("/play/rounds/{round_id}/{slot}.jpg", self.picture),
            post("/play/rounds/{round_id}/{slot}", self.answer),
            get("/play/rounds/{round_id}", self.result),
        ]

    def play_page(self, _: Request) -> Response:
        try:
            deck = self._deck.get()
        except StageError as error:
            return empty_page(error)
        asked = question(self._project.settings.project.subject, deck.version.labels)
        count = min(ROUND_PICTURES, len(deck.rows))
        return page("game_play.html", question=asked, count=count)

    async def start(self, request: Request) -> Response:
        """Deal a round: its id, the player's id and the addresses of the pictures."""
        check_limit(request, self._rounds_limit)
        fields = await read_json(request)
        try:
            nickname = clean_nickname(fields.get("nickname"))
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        player = str(fields.get("player", ""))
        if not ID.fullmatch(player) or not self._ids.is_ours(player):
            player = self._ids.new(visitor_key(request))
        try:
            deck = await run_in_threadpool(self._deck.get)
            new = await run_in_threadpool(begin_round, self._project, deck, nickname, player)
        except StageError as error:
            raise HTTPException(409, visible(error)) from None
        pictures = [f"/play/rounds/{new.id}/{slot}.jpg" for slot in range(new.pictures)]
        content = {"round": new.id, "player": new.player, "nickname": nickname, "pictures": pictures}
        return json_response({**content, "labels": deck.version.labels})

    def picture(self, request: Request) -> Response:
        slot = path_integer(request, "slot")
        round_id = _round_id(request)
        try:
            return picture_response(self._deck.get(), dealt_picture(self._project, round_id, slot))
        except (Refused, StageError):
            raise HTTPException(404) from None

    async def answer(self, request: Request) -> Response:
        """Keep one answer and reveal the truth."""
        slot, round_id = path_integer(request, "slot"), _round_id(request)
        check_limit(request, self._answers_limit)
        fields = await read_json(request)
        label = str(fields.get("answer", ""))
        try:
            deck = await run_in_threadpool(self._deck.get)
            reveal = await run_in_threadpool(answer_picture, self._project, deck, round_id, slot, label)
        except (Refused, StageError) as refused:
            raise HTTPException(409, str(refused)) from None
        return json_response(reveal.as_json())

    def result(self, request: Request) -> Response:
        """The answered pictures of a round, with the player's and the models' scores."""
        try:
            return json_response(round_result(self._project, self._deck.get(), _round_id(request)))
        except (Refused, StageError):
            raise HTTPException(404) from None


def _round_id(request: Request) -> str:
    """Raises HTTPException 404 for what is no id: a database may not take every text."""
    round_id = str(request.path_params["round_id"])
    if not ID.fullmatch(round_id):
        raise HTTPException(404)
    return round_id
