"""The web service of one project: pictures for reviewers, reports, the Label Studio webhook, the game."""

import hmac
import re
from pathlib import Path

from sqlalchemy import select
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute

from dataset.catalog.tables import images
from dataset.project import Project
from foundation.errors import StorageError, UnknownImage
from labeling.picture_links import is_signed
from web.game.routes import game_routes
from web.guard import PAGE_POLICY
from web.http import EXCEPTION_HANDLERS, get, post
from web.pages.report import report_html
from web.pages.why import explain, why_html
from web.webhook import Waker

PICTURE_NAME = re.compile(r"([0-9a-f]{64})\.jpg")
REPORT_NAME = re.compile(r"(?:leaderboard-)?\d{4}\.\d{1,2}\.\d+\.(jpg|html)")
SHA256 = re.compile(r"[0-9a-f]{64}")
UNTIL = re.compile(r"\d{1,12}")  # Unix time in seconds
MEDIA_TYPES = {"jpg": "image/jpeg", "html": "text/html"}
PAGE_HEADERS = {"Content-Security-Policy": PAGE_POLICY}
# Label Studio loads pictures into a page of another origin; without the first header the reviewer sees an error.
PICTURE_HEADERS = {"Access-Control-Allow-Origin": "*", "Cache-Control": "private, max-age=86400"}


def create_app(project: Project) -> Starlette:
    """The web service of one project."""
    routes = [*Service(project).routes(), *game_routes(project)]
    return Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS)


class Service:
    """Endpoints beside the game."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._waker = Waker(project)

    def routes(self) -> list[BaseRoute]:
        return [
            get("/health", self.health),
            get("/pictures/{name}", self.picture),
            post("/webhooks/label-studio", self.label_studio_changed),
            get("/reports/{name}", self.report),
            get("/why/{sha256}", self.why),
            get("/", self.home),
        ]

    def health(self, _: Request) -> Response:
        """Status 200 if the catalog can be read."""
        with self._project.catalog.read() as connection:
            connection.execute(select(images.c.sha256).limit(1))
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
        path = self._project.home / "reports" / name[0]
        if not path.is_file():
            raise HTTPException(404)
        return FileResponse(path, media_type=MEDIA_TYPES[name[1]], headers=PAGE_HEADERS)

    def why(self, request: Request) -> Response:
        """The history of one image, for whoever knows its whole SHA-256. Reviewers are numbered, not named."""
        sha256 = request.path_params["sha256"]
        if not SHA256.fullmatch(sha256):
            raise HTTPException(404)
        try:
            history = explain(self._project, sha256)
        except UnknownImage:
            raise HTTPException(404) from None
        return HTMLResponse(why_html(self._project, history), headers=PAGE_HEADERS)

    def home(self, _: Request) -> Response:
        """The report of the newest version."""
        return HTMLResponse(report_html(self._project), headers=PAGE_HEADERS)

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
