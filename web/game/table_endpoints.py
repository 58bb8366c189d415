"""The page with all answers of people beside the models' on the same pictures."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from dataset.project import Project
from foundation.errors import StageError
from web.game.deck import CurrentDeck
from web.game.http import empty_page, page
from web.game.scores import all_time_scores
from web.http import get


class TableEndpoints:
    def __init__(self, project: Project, deck: CurrentDeck) -> None:
        self._project = project
        self._deck = deck

    def routes(self) -> list[BaseRoute]:
        return [get("/play/table", self.table_page)]

    def table_page(self, _: Request) -> Response:
        try:
            deck = self._deck.get()
        except StageError as error:
            return empty_page(error)
        return page("game_table.html", versions=all_time_scores(self._project, deck))
