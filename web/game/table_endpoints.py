"""The page with all answers of people beside the models' on the same pictures."""

from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from dataset.catalog.tables import plays
from dataset.project import Project
from dataset.versions.today import revision
from foundation.errors import StageError
from web.game.deck import CurrentDeck, Deck
from web.game.http import check_limit, empty_page, page_text
from web.game.scores import all_time_scores
from web.guard import GAME_HEADERS, Limit
from web.http import get
from web.pages.rendered import Rendered, State

VIEWS, VIEWS_S = 120, 60  # most views of one address, in so many seconds


class TableEndpoints:
    def __init__(self, project: Project, deck: CurrentDeck) -> None:
        self._project = project
        self._deck = deck
        self._limit = Limit(VIEWS, VIEWS_S)
        self._rendered = Rendered(most=1)

    def routes(self) -> list[BaseRoute]:
        return [get("/play/table", self.table_page)]

    async def table_page(self, request: Request) -> Response:
        """Made again when an answer or a decision is new; it reads all of them."""
        check_limit(request, self._limit)
        try:
            deck = await run_in_threadpool(self._deck.get)
        except StageError as error:
            return empty_page(error)
        state = (deck.version.name, deck.default_model, len(deck.predictions), *await run_in_threadpool(self._newest))
        page = await self._rendered.page("table", State((), state), lambda: self._table(deck))
        return HTMLResponse(page.content, headers=GAME_HEADERS)

    def _newest(self) -> tuple[str, ...]:
        """The newest answer of a player, decision and erasure."""
        with self._project.catalog.read() as connection:
            return (str(connection.execute(select(func.max(plays.c.id))).scalar()), *revision(connection))

    def _table(self, deck: Deck) -> str:
        return page_text("game_table.html", versions=all_time_scores(self._project, deck))
