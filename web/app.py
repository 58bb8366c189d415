"""What `isitcake serve` answers: pictures for reviewers, the newest report, whether all is well."""

import hmac
import re
from pathlib import Path
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Header, HTTPException
from fastapi.responses import FileResponse, HTMLResponse, Response
from sqlalchemy import select

from dataset.catalog.tables import images
from dataset.project import Project
from foundation.errors import StorageError, UnknownImage
from labeling.picture_links import is_signed
from web.game.routes import game
from web.pages.report import report_html
from web.pages.why import explain, why_html
from web.webhook import Waker


def create_app(project: Project) -> FastAPI:
    """The web service of one project."""
    app = FastAPI(title="Is it cake?", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/health")
    def health() -> dict[str, str]:
        with project.catalog.read() as connection:
            connection.execute(select(images.c.sha256).limit(1))
        return {"status": "ok"}

    @app.get("/pictures/{name}")
    def picture(name: str, sig: str = "", until: str = "") -> FileResponse:
        """A normalised picture, for whoever was given its signed address, as long as that is good."""
        match = re.fullmatch(r"([0-9a-f]{64})\.jpg", name)
        if (
            not match
            or not re.fullmatch(r"\d{1,12}", until)
            or not is_signed(project.settings, match[1], int(until), sig)
        ):
            raise HTTPException(404)
        return _picture(project, match[1])

    waker = Waker(project)

    @app.post("/webhooks/label-studio", status_code=202)
    def woken(tasks: BackgroundTasks, x_isitcake_secret: Annotated[str, Header()] = "") -> dict[str, str]:
        """Label Studio says that something changed: look there. What it says beside that is not read."""
        secret = project.settings.secrets.webhook_secret.get_secret_value()
        if not secret or not hmac.compare_digest(secret.encode(), x_isitcake_secret.encode()):
            raise HTTPException(404)
        tasks.add_task(waker.wake)
        return {"status": "awake"}

    @app.get("/reports/{name}")
    def report(name: str) -> FileResponse:
        """A contact sheet or a report as written when its version was published."""
        kind = re.fullmatch(r"(?:leaderboard-)?\d{4}\.\d{1,2}\.\d+\.(jpg|html)", name)
        path = project.home / "reports" / name
        if not kind or not path.is_file():
            raise HTTPException(404)
        media = "image/jpeg" if kind[1] == "jpg" else "text/html"
        return FileResponse(path, media_type=media, headers={"Content-Security-Policy": POLICY})

    @app.get("/why/{sha256}")
    def why_page(sha256: str) -> Response:
        """What is known of one image, for who knows its whole SHA-256. Reviewers are numbered, not named."""
        try:
            found = explain(project, sha256) if re.fullmatch(r"[0-9a-f]{64}", sha256) else None
        except UnknownImage:
            found = None
        if found is None:
            raise HTTPException(404)
        return HTMLResponse(why_html(project, found), headers={"Content-Security-Policy": POLICY})

    app.include_router(game(project))

    @app.get("/")
    def home() -> Response:
        return HTMLResponse(report_html(project), headers={"Content-Security-Policy": POLICY})

    return app


POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:"


def _picture(project: Project, sha256: str) -> FileResponse:
    with project.catalog.read() as connection:
        row = connection.execute(select(images.c.format).where(images.c.sha256 == sha256)).first()
    if row is None:
        raise HTTPException(404)
    try:
        path: Path = project.normalised.make(sha256, row.format)
    except StorageError as error:
        raise HTTPException(410, "this picture is gone") from error
    # Label Studio loads pictures from its own origin's page; without this the reviewer sees a red box.
    headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "private, max-age=86400"}
    return FileResponse(path, media_type="image/jpeg", headers=headers)
