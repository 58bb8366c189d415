"""All routes of the game."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from dataset.project import Project
from web.game.deck import CurrentDeck
from web.game.http import file_response
from web.game.play_endpoints import PlayEndpoints
from web.game.playground_endpoints import RUNTIME, PlaygroundEndpoints
from web.game.plays import PlayerIds
from web.game.room_endpoints import RoomEndpoints
from web.game.table_endpoints import TableEndpoints
from web.gate.listening import Names
from web.http import get

STATIC = Path(__file__).parents[1] / "static"


def game_routes(project: Project, names: Names) -> list[BaseRoute]:
    """Routes of the game of one project. names: of the service, for the addresses of rooms."""
    deck = CurrentDeck(project)
    ids = PlayerIds(project.settings.signing_key)
    return [
        *PlayEndpoints(project, deck, ids).routes(),
        *TableEndpoints(project, deck).routes(),
        *PlaygroundEndpoints(project).routes(),
        *RoomEndpoints(project, deck, names, ids).routes(),
        get("/static/{name}", static_file),
        get("/vendor/ort/{name}", runtime_file),
    ]


def static_file(request: Request) -> Response:
    return file_response(STATIC, request.path_params["name"])


def runtime_file(request: Request) -> Response:
    return file_response(RUNTIME, request.path_params["name"])
