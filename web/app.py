"""The web service of a project: pages, the wall, the map, reviewers' pictures, Label Studio's webhook, the game."""

import asyncio
import contextlib
import hmac
import logging
import re
from collections.abc import AsyncIterator

from anyio import CapacityLimiter, to_thread
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute

from dataset.catalog.tables import images
from dataset.erasure.elsewhere import forget_erased_elsewhere
from dataset.labels.holding import Holding
from dataset.labels.withheld import is_withheld
from dataset.project import Project
from dataset.search.find import Search
from foundation.sharing.machines import BRING_WAIT_S, bring, is_shared
from labeling.picture_links import is_signed
from web.game.http import check_limit
from web.game.routes import game_routes
from web.gate.answers import EXCEPTION_HANDLERS
from web.gate.gate import Gate
from web.gate.listening import Listening, Names
from web.guard import PAGE_POLICY, Limit
from web.http import get, post
from web.map.endpoints import MapEndpoints
from web.pages.access import UNTIL, PageAccess
from web.pictures import neutral_card, normalised_file
from web.review.details import LookAlikes
from web.review.endpoints import ReviewEndpoints
from web.site.endpoints import PAGES, PAGES_S, SiteEndpoints
from web.site.search import SearchEndpoints
from web.webhook import Waker

PICTURE_NAME = re.compile(r"([0-9a-f]{64})\.jpg")
REPORT_NAME = re.compile(r"(?:leaderboard-)?\d{4}\.\d{1,2}\.\d+\.(jpg|html)")
MEDIA_TYPES = {"jpg": "image/jpeg", "html": "text/html"}
KEEP_UP_EVERY_S = 20
log = logging.getLogger(__name__)
HEALTH_CHECKS = 2  # at the same time, in threads of their own: pages that take long do not delay them
REPORT_HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "Cache-Control": "private, no-store",
    "Cross-Origin-Resource-Policy": "same-site",  # Prefect's page shows contact sheets
}
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
    access = PageAccess(project.settings, listening)
    look_alikes = LookAlikes(project)
    review = ReviewEndpoints(project, access, look_alikes)
    holding = Holding()
    site = SiteEndpoints(project, access, review.is_signed_in, holding)
    search = SearchEndpoints(project, access, Search(project, holding))
    routes = [
        *Service(project, access).routes(),
        *site.routes(),
        *search.routes(),
        *review.routes(),
        *MapEndpoints(project, access, look_alikes).routes(),
        *game_routes(project, Names(project.settings, listening)),
    ]
    gate = Middleware(Gate, settings=project.settings, listening=listening)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        """While the service runs: make the first pages in the background."""
        tasks = [asyncio.create_task(one.warm_up()) for one in (search, site)]
        if is_shared(project.settings):
            tasks.append(asyncio.create_task(_keep_up(project)))
        yield
        for task in tasks:
            task.cancel()

    return Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS, middleware=[gate], lifespan=lifespan)


async def _keep_up(project: Project) -> None:
    """Bring what other machines publish and erase to this one, while the service runs."""
    while True:
        try:
            await to_thread.run_sync(bring, project.settings, BRING_WAIT_S, abandon_on_cancel=True)
            await to_thread.run_sync(forget_erased_elsewhere, project, abandon_on_cancel=True)
        except Exception as error:  # noqa: BLE001  # another time it may work
            log.warning("what other machines published did not arrive: %s", error)
        await asyncio.sleep(KEEP_UP_EVERY_S)


class Service:
    """What other programs ask for: health, signed pictures, the webhook, reports as they were written."""

    def __init__(self, project: Project, access: PageAccess) -> None:
        self._project = project
        self._waker = Waker(project)
        self._access = access
        self._pages_limit = Limit(PAGES, PAGES_S)
        self._health_limiter = CapacityLimiter(HEALTH_CHECKS)

    def routes(self) -> list[BaseRoute]:
        return [
            get("/health", self.health),
            get("/pictures/{name}", self.picture),
            post("/webhooks/label-studio", self.label_studio_changed),
            get("/reports/{name}", self.report),
        ]

    async def health(self, _: Request) -> Response:
        """Status 200 if the catalog can be read."""
        await to_thread.run_sync(self._read_catalog, limiter=self._health_limiter)
        return JSONResponse({"status": "ok"})

    def picture(self, request: Request) -> Response:
        """A normalised picture; a neutral card in place of one that is withheld. The address must be signed and not
        expired.
        """
        name = PICTURE_NAME.fullmatch(request.path_params["name"])
        until, signature = request.query_params.get("until", ""), request.query_params.get("sig", "")
        if (
            not name
            or not UNTIL.fullmatch(until)
            or not is_signed(self._project.settings, name[1], int(until), signature)
        ):
            raise HTTPException(404)
        with self._project.catalog.read() as connection:
            kept_back = is_withheld(connection, self._project.settings, name[1])
        if kept_back:
            return Response(neutral_card(), media_type="image/jpeg", headers=PICTURE_HEADERS)
        return FileResponse(normalised_file(self._project, name[1]), media_type="image/jpeg", headers=PICTURE_HEADERS)

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

    def _read_catalog(self) -> None:
        with self._project.catalog.read() as connection:
            connection.execute(select(images.c.sha256).limit(1))
