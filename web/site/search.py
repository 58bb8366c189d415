"""The page that searches pictures."""

import contextlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from urllib.parse import urlencode

from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from dataset.project import Project
from dataset.search.find import Picture, Results, Search
from dataset.search.index import ANSWER, EXCLUDED_AUTOMATICALLY, FACETS, NONE
from dataset.search.query import LOOK, TEXT, Query, UnknownValue
from dataset.versions import manifest, published
from foundation.errors import IsItCakeError, UsageError
from web.game.http import check_limit
from web.guard import SITE_POLICY, Limit
from web.http import get
from web.pages.access import PageAccess, View
from web.pages.thumbnails import Tile, templates

PER_PAGE = 60  # pictures
MOST_PAGES = 100_000
PAGE_DIGITS = 6
SEARCHES, SEARCHES_S = 120, 60  # most searches of one address, in so many seconds
AT_ONCE = 2  # searches, of the threads that the server has
HEADERS = {"Content-Security-Policy": SITE_POLICY, "Cache-Control": "private, no-store"}


@dataclass(frozen=True)
class Choice:
    """A facet on the page. options: value, what to call it, and how many pictures it would give."""

    name: str
    chosen: str
    options: Sequence[tuple[str, str, int]]


class SearchEndpoints:
    def __init__(self, project: Project, access: PageAccess, search: Search) -> None:
        self._project = project
        self._access = access
        self._search = search
        self._limit = Limit(SEARCHES, SEARCHES_S)
        self._threads = CapacityLimiter(AT_ONCE)

    def routes(self) -> list[BaseRoute]:
        return [get("/search", self.page)]

    async def warm_up(self) -> None:
        """Read what pictures are searched by."""
        with contextlib.suppress(IsItCakeError):  # whoever searches is told
            await to_thread.run_sync(lambda: self._search.find(Query(), limit=1), limiter=self._threads)

    async def page(self, request: Request) -> Response:
        """Pictures that fit the words and the chosen values. Answers of reviewers are chosen by the owner alone."""
        view = self._access.check(request)
        check_limit(request, self._limit)
        given = request.query_params
        facets = FACETS if view is View.OWNER else tuple(facet for facet in FACETS if facet != ANSWER)
        chosen = {facet: given[facet] for facet in facets if given.get(facet)}
        query = Query(" ".join(given.get("words", "").split()), chosen, given.get("by", ""))
        number = _page_number(given.get("page", "1"))
        sees_all = self._access.sees_all_pictures(request)

        def make() -> tuple[str, int]:
            return search_html(self._search, query, number, facets, None if sees_all else self._published())

        content, status = await to_thread.run_sync(make, limiter=self._threads)
        response = HTMLResponse(content, status, headers=HEADERS)
        self._access.remember(request, response)
        return response

    def _published(self) -> frozenset[str]:
        """The images of the newest version: all that is for everybody."""
        version = published.newest(self._project.home)
        if version is None:
            return frozenset()
        rows = manifest.columns(version.path / manifest.FILE_NAME, ("sha256",))
        return frozenset(sha256 for (sha256,) in rows)


def search_html(
    search: Search, query: Query, number: int, facets: Sequence[str] = FACETS, among: Set[str] | None = None
) -> tuple[str, int]:
    """The page, and its status: 422 where a value is unknown. number: of the page of results, from 1. among: search
    only these images.
    """
    template = templates.get_template("search.html")
    try:
        results = search.find(query, (number - 1) * PER_PAGE, PER_PAGE, among)
    except UsageError as error:
        nearest = {**query.chosen, error.facet: error.nearest} if isinstance(error, UnknownValue) else {}
        instead = _address(Query(query.words, nearest, query.by)) if all(nearest.values()) and nearest else ""
        text = template.render(
            served=True, query=query, problem=str(error), instead=instead, plain=_address(Query(query.words[:100]))
        )
        return text, 422
    last = max(1, -(-results.total // PER_PAGE))
    return template.render(
        served=True,
        query=query,
        results=results,
        tiles=[_tile(picture) for picture in results.pictures],
        choices=[_choice(facet, query, results) for facet in facets],
        in_texts=_address(Query(query.words, query.chosen, TEXT)),
        by_look=_address(Query(query.words, query.chosen, LOOK)),
        wider=[(part, n, _address(query.without(part))) for part, n in results.wider.items()],
        number=number,
        last=last,
        previous=_address(query, min(number - 1, last)) if number > 1 else "",
        following=_address(query, number + 1) if number < last else "",
    ), 200


def _page_number(text: str) -> int:
    """Raises HTTPException 422 for what is no page."""
    if not (text.isascii() and text.isdigit() and len(text) <= PAGE_DIGITS and 1 <= int(text) <= MOST_PAGES):
        raise HTTPException(422, "the number of the page is a whole number from 1 on")
    return int(text)


def _address(query: Query, number: int = 1) -> str:
    parts: Mapping[str, str] = {"words": query.words, **query.chosen, "by": query.by}
    given = {name: value for name, value in parts.items() if value}
    return f"/search?{urlencode({**given, 'page': number} if number > 1 else given)}"


def _choice(facet: str, query: Query, results: Results) -> Choice:
    chosen = query.chosen.get(facet, "")
    counts = {**results.counts[facet]}
    if chosen:
        counts.setdefault(chosen, 0)
    return Choice(facet, chosen, [(value, _called(facet, value), n) for value, n in counts.items()])


def _called(facet: str, value: str) -> str:
    """What people read for a value."""
    if value == NONE:
        return f"no {facet}"
    return "excluded automatically" if value == EXCLUDED_AUTOMATICALLY else value.replace("_", " ")


def _tile(picture: Picture) -> Tile:
    parts = [_called("label", picture.label), picture.file]
    if picture.likeness is not None:
        parts.insert(0, f"{picture.likeness:.2f}")
    title = " · ".join(filter(None, [picture.alt, ", ".join(picture.sources), picture.sha256[:16]]))
    return Tile(f"/thumbs/{picture.sha256}.jpg", " · ".join(filter(None, parts)), title, f"/why/{picture.sha256}")
