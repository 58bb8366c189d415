"""The web service of one project: pictures for reviewers, reports, the Label Studio webhook, the game."""

import hmac
import re
from pathlib import Path

from anyio import CapacityLimiter, to_thread
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from dataset.catalog.tables import images
from dataset.project import Project
from foundation.errors import StorageError, UnknownImage, UsageError
from labeling.picture_links import is_signed
from web.game.http import check_limit
from web.game.routes import game_routes
from web.gate.answers import EXCEPTION_HANDLERS
from web.gate.gate import Gate
from web.gate.listening import Listening, Names
from web.guard import PAGE_POLICY, Limit
from web.http import get, post
from web.pages.access import UNTIL, PageAccess, View
from web.pages.rendered import Rendered, project_state
from web.pages.report import report_html
from web.pages.source import source_html
from web.pages.why import explain, why_html
from web.webhook import Waker

PICTURE_NAME = re.compile(r"([0-9a-f]{64})\.jpg")
REPORT_NAME = re.compile(r"(?:leaderboard-)?\d{4}\.\d{1,2}\.\d+\.(jpg|html)")
SHA256 = re.compile(r"[0-9a-f]{64}")
MEDIA_TYPES = {"jpg": "image/jpeg", "html": "text/html"}
PAGES, PAGES_S = 120, 60  # most pages of one address, in so many seconds
HISTORIES = 100  # pages about images that are kept in memory, of about 15 KB each
HEALTH_CHECKS = 2  # at the same time, in threads of their own: pages that take long do not delay them
PAGE_HEADERS = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "private, no-store"}
REPORT_HEADERS = {**PAGE_HEADERS, "Cross-Origin-Resource-Policy": "same-site"}  # Prefect's page shows contact sheets
# Label Studio loads pictures into a page of another origin; without the first two headers the reviewer sees an error.
# A browser may keep a picture for a minute only: an erasure is to be seen soon.
PICTURE_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "private, max-age=60",
}


def create_app(project: Project, listening: Listening | None = None) -> Starlette:
    """The web service of one project.

    listening: where it listens. None: requests come from this process only, as in tests; then every Host is accepted
    and every page is shown.
    """
    routes = [*Service(project, listening).routes(), *game_routes(project, Names(project.settings, listening))]
    gate = Middleware(Gate, settings=project.settings, listening=listening)
    return Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS, middleware=[gate])


class Service:
    """Endpoints beside the game."""

    def __init__(self, project: Project, listening: Listening | None) -> None:
        self._project = project
        self._waker = Waker(project)
        self._access = PageAccess(project.settings, listening)
        self._pages_limit = Limit(PAGES, PAGES_S)
        self._report = Rendered(most=1)
        self._histories = Rendered(HISTORIES)
        self._health_limiter = CapacityLimiter(HEALTH_CHECKS)

    def routes(self) -> list[BaseRoute]:
        return [
            get("/health", self.health),
            get("/pictures/{name}", self.picture),
            post("/webhooks/label-studio", self.label_studio_changed),
            get("/reports/{name}", self.report),
            get("/why/{sha256}", self.why),
            get("/sources/{name}", self.source),
            get("/", self.home),
        ]

    async def health(self, _: Request) -> Response:
        """Status 200 if the catalog can be read."""
        await to_thread.run_sync(self._read_catalog, limiter=self._health_limiter)
        return JSONResponse({"status": "ok"})

    def picture(self, request: Request) -> Response:
        """A normalised picture. The address must be signed and not expired."""
        name = PICTURE_NAME.fullmatch(request.path_params["name"])
        until, signature = request.query_params.get("until", ""), request.query_params.get("sig", "")
        if (
            not name
            or not UNTIL.fullmatch(until)
            or not is_signed(self._project.settings, name[1], int(until), signature)
        ):
            raise HTTPException(404)
        return FileResponse(self._normalised(name[1]), media_type="image/jpeg", headers=PICTURE_HEADERS)

    def label_studio_changed(self, request: Request) -> Response:
        """Pull new answers in the background. The caller must know the secret; the body is not read."""
        secret = self._project.settings.secrets.webhook_secret.get_secret_value()
        received = request.headers.get("x-isitcake-secret", "")
        if not secret or not hmac.compare_digest(secret.encode(), received.encode()):
            raise HTTPException(404)
        return JSONResponse({"status": "awake"}, 202, background=BackgroundTask(self._waker.wake))

    def report(self, request: Request) -> Response:
        """A contact sheet, report or leaderboard, as written when its version was published."""
        name = REPORT_NAME.fullmatch(request.path_params["name"])
        if not name:
            raise HTTPException(404)
        self._access.check(request)
        check_limit(request, self._pages_limit)
        path = self._project.home / "reports" / name[0]
        if not path.is_file():
            raise HTTPException(404)
        return FileResponse(path, media_type=MEDIA_TYPES[name[1]], headers=REPORT_HEADERS)

    async def why(self, request: Request) -> Response:
        """The history of one image, for whoever knows its whole SHA-256. The owner sees reviewers as numbers, others
        see none of their answers: a reviewer is not to know what others said.
        """
        sha256 = request.path_params["sha256"]
        if not SHA256.fullmatch(sha256):
            raise HTTPException(404)
        with_answers = self._access.check(request) is View.OWNER
        check_limit(request, self._pages_limit)
        state = (sha256, with_answers, *await run_in_threadpool(project_state, self._project))
        content = await self._histories.page(state, lambda: self._history(sha256, with_answers))
        return HTMLResponse(content, headers=PAGE_HEADERS)

    def source(self, request: Request) -> Response:
        """What became of every file or address of a source."""
        self._access.check(request)
        check_limit(request, self._pages_limit)
        try:
            content = source_html(self._project, request.path_params["name"])
        except UsageError:
            raise HTTPException(404) from None
        return HTMLResponse(content, headers=PAGE_HEADERS)

    async def home(self, request: Request) -> Response:
        """The report of the newest version; for those who may not see it, the game."""
        if self._access.view(request) is View.NOTHING:
            return RedirectResponse("/play", 303)
        check_limit(request, self._pages_limit)
        state = await run_in_threadpool(project_state, self._project)
        content = await self._report.page(state, lambda: report_html(self._project))
        return HTMLResponse(content, headers=PAGE_HEADERS)

    def _read_catalog(self) -> None:
        with self._project.catalog.read() as connection:
            connection.execute(select(images.c.sha256).limit(1))

    def _history(self, sha256: str, with_answers: bool) -> str:
        """Raises HTTPException where there is no such image."""
        try:
            return why_html(self._project, explain(self._project, sha256), with_answers=with_answers)
        except UnknownImage:
            raise HTTPException(404) from None

    def _normalised(self, sha256: str) -> Path:
        """The file of a normalised picture. Raises HTTPException where there is none."""
        with self._project.catalog.read() as connection:
            image = connection.execute(select(images.c.format).where(images.c.sha256 == sha256)).first()
        if image is None:
            raise HTTPException(404)
        try:
            return self._project.normalised.make(sha256, image.format)
        except StorageError as error:
            raise HTTPException(410, "this picture was deleted") from error
