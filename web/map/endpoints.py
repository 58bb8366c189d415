"""The map: all pictures laid out by look, what is known about each, and walls of those that a reviewer chose."""

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, or_, select
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute

from dataset.catalog.tables import images, positions
from dataset.project import Project
from labeling.wall.chosen import walls_of
from labeling.wall.walls import MOST_PICTURES
from web.game.http import check_limit, file_response, read_json
from web.guard import REVIEW_POLICY, Limit
from web.http import get, post
from web.map.content import map_content
from web.pages.access import PageAccess, View
from web.pages.rendered import Rendered, State, project_state
from web.pages.thumbnails import templates
from web.review.details import LookAlikes, claims_and_reasons
from web.review.sessions import Sessions

LIBRARY = Path(__file__).parents[1] / "vendor" / "twgl"  # twgl.js; scripts/setup.sh downloads it
SHA256 = re.compile(r"[0-9a-f]{64}")
FIRST_DIGITS = re.compile(r"[0-9a-f]{16}")  # of a SHA-256, as in the files of a version
PAGES, PAGES_S = 120, 60  # most pages and walls of one address, in so many seconds
DETAILS, DETAILS_S = 1200, 60  # most details of one address: a pointer moves over many pictures
NOT_FOR_EVERYBODY = (
    "the map shows pictures that no version holds, so it is for the owner: open it on the machine itself, or with the "
    "link that `isitcake serve` prints"
)
LOOK_ALIKES = 36
HEADERS = {"Content-Security-Policy": REVIEW_POLICY, "Cache-Control": "private, no-store"}
CONTENT_HEADERS = {**HEADERS, "Cache-Control": "private, no-cache"}  # a browser asks each time whether it changed


class MapEndpoints:
    """look_alikes: shared with the wall, since its features fill much memory."""

    def __init__(self, project: Project, access: PageAccess, look_alikes: LookAlikes) -> None:
        self._project = project
        self._access = access
        self._alike = look_alikes
        self._sessions = Sessions(project)
        self._contents = Rendered(most=4)
        self._pages_limit = Limit(PAGES, PAGES_S)
        self._details_limit = Limit(DETAILS, DETAILS_S)

    def routes(self) -> list[BaseRoute]:
        return [
            get("/map", self.page),
            get("/map/content.json", self.content),
            get("/map/pictures/{sha256}", self.details),
            get("/map/alike/{sha256}", self.alike),
            post("/map/walls", self.make_walls),
            get("/vendor/twgl/{name}", library_file),
        ]

    def page(self, request: Request) -> Response:
        """The page. A script reads the content and draws it."""
        self._check(request)
        check_limit(request, self._pages_limit)
        text = templates.get_template("map.html").render(
            served=True, reviewer=self._sessions.reviewer(request), most=MOST_PICTURES,
            has_library=(LIBRARY / "twgl.js").is_file(),
        )  # fmt: skip
        response = HTMLResponse(text, headers=HEADERS)
        self._access.remember(request, response)
        return response

    async def content(self, request: Request) -> Response:
        """All pictures of the map, column by column. The owner also sees whether reviewers agree."""
        with_answers = self._check(request) is View.OWNER
        check_limit(request, self._pages_limit)
        state = await run_in_threadpool(self._state)
        tag = f'"{hashlib.sha256(repr((with_answers, state)).encode()).hexdigest()[:32]}"'
        headers = {**CONTENT_HEADERS, "ETag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)

        def make() -> str:
            return map_content(self._project, with_answers=with_answers).decode()

        page = await self._contents.page(with_answers, state, make)
        return Response(page.content, media_type="application/json", headers=headers)

    def details(self, request: Request) -> Response:
        """What sources claim about a picture, and why the queue asks about it."""
        sha256 = self._picture(request)
        claim, reasons = claims_and_reasons(self._project, [sha256])[sha256]
        return JSONResponse({"claim": claim, "reasons": reasons}, headers=HEADERS)

    def alike(self, request: Request) -> Response:
        """The pictures that look most like this one, the most alike first."""
        sha256 = self._picture(request)
        return JSONResponse({"pictures": self._alike.of(sha256, LOOK_ALIKES)}, headers=HEADERS)

    async def make_walls(self, request: Request) -> Response:
        """Make walls of chosen pictures for the reviewer who is signed in, and for nobody else."""
        self._check(request)
        reviewer = await run_in_threadpool(self._sessions.check, request)
        check_limit(request, self._pages_limit)
        digits = [part for part in str((await read_json(request)).get("pictures", "")).split(",") if part]
        if len(digits) > MOST_PICTURES or not all(FIRST_DIGITS.fullmatch(part) for part in digits):
            raise HTTPException(400, f"choose at most {MOST_PICTURES} pictures, each by 16 digits of its SHA-256")

        def make() -> dict[str, Any]:
            return vars(walls_of(self._project, reviewer, self._names(digits), datetime.now(UTC)))

        return JSONResponse(await run_in_threadpool(make), headers=HEADERS)

    def _check(self, request: Request) -> View:
        """What this visitor may see. Raises HTTPException 403: the map has pictures that no version holds."""
        view = self._access.check(request)
        if not self._access.sees_all_pictures(request):
            raise HTTPException(403, NOT_FOR_EVERYBODY)
        return view

    def _picture(self, request: Request) -> str:
        """The SHA-256 in the path. Raises HTTPException 404 for a picture that is not in the catalog."""
        self._check(request)
        check_limit(request, self._details_limit)
        sha256 = str(request.path_params["sha256"])
        if not SHA256.fullmatch(sha256):
            raise HTTPException(404)
        with self._project.catalog.read() as connection:
            if connection.execute(select(images.c.sha256).where(images.c.sha256 == sha256)).first() is None:
                raise HTTPException(404)
        return sha256

    def _names(self, digits: list[str]) -> list[str]:
        """The images whose SHA-256 begin with these digits, in this order."""
        if not digits:
            return []
        ranges = [images.c.sha256.between(part, part + "g") for part in digits]
        with self._project.catalog.read() as connection:
            names = connection.execute(select(images.c.sha256).where(or_(*ranges))).scalars().all()
        by_digits = {name[:16]: name for name in names}
        return [by_digits[part] for part in dict.fromkeys(digits) if part in by_digits]

    def _state(self) -> State:
        """Changes whenever the map would."""
        with self._project.catalog.read() as connection:
            sums = func.count(), func.sum(positions.c.x), func.sum(positions.c.y), func.max(positions.c.recipe)
            where = connection.execute(select(*sums).select_from(positions)).one()
        state = project_state(self._project)
        return State(state.erased, (state.facts, *where))


def library_file(request: Request) -> Response:
    """A file of the library that draws points with WebGL."""
    return file_response(LIBRARY, request.path_params["name"])
