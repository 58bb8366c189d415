"""Answers of the whole service: headers that every one has, and errors as pages for browsers, as JSON for programs."""

import logging
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, Response

from foundation.errors import IsItCakeError
from web.guard import GAME_HEADERS
from web.http import InvalidPath
from web.pages.thumbnails import templates

log = logging.getLogger("web")
HEADERS = {  # of every answer that says nothing else
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
TITLES = {
    400: "This request cannot be read", 403: "Not for everybody", 404: "There is no such page", 405: "Not like this",
    410: "Gone", 413: "Too large", 415: "Not in this format", 421: "Another name", 422: "This address is wrong",
    429: "Too much at once", 503: "Not now",
}  # fmt: skip
NOTHING_HERE = "nothing is at this address; it may be misspelled, or what it showed was removed"
UNREACHABLE = "the service cannot answer now; try again in a minute"


def error_answer(
    connection: HTTPConnection, status: int, detail: Any, headers: Mapping[str, str] | None = None
) -> Response:
    """A page for a browser that asks for one, JSON for everybody else."""
    if "text/html" in connection.headers.get("accept", ""):
        text = detail if isinstance(detail, str) else "a part of the address has the wrong type"
        text = NOTHING_HERE if text == "Not Found" else text
        page = templates.get_template("game_error.html")
        content = page.render(title=TITLES.get(status, "This did not work"), status=status, text=text)
        return HTMLResponse(content, status, {**GAME_HEADERS, **(headers or {})})
    return JSONResponse({"detail": detail}, status, dict(headers or {}))


async def http_error(request: HTTPConnection, error: HTTPException) -> Response:
    return error_answer(request, error.status_code, error.detail, error.headers)


async def invalid_path(request: HTTPConnection, error: InvalidPath) -> Response:
    """Status 422, with the problems for programs."""
    return error_answer(request, 422, error.problems)


async def stage_error(request: HTTPConnection, error: IsItCakeError) -> Response:
    """The work behind a page failed. The owner reads why in the log; visitors get no paths of this machine."""
    log.warning("%s %s: %s", request.scope.get("method", ""), request.url.path, error)
    return error_answer(request, 503, UNREACHABLE, {"Retry-After": "60"})


async def unexpected_error(request: HTTPConnection, _: Exception) -> Response:
    return error_answer(request, 500, "this is a mistake of ours; it is in the log")


EXCEPTION_HANDLERS: Mapping[Any, Any] = {
    HTTPException: http_error,
    InvalidPath: invalid_path,
    IsItCakeError: stage_error,
    Exception: unexpected_error,
}
