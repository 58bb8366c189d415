"""Requests and responses of the game: bodies of limited size, pages, JSON, pictures and static files."""

import re
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response

from foundation.errors import IsItCakeError, StageError, UnknownModel
from web.game.deck import Deck
from web.gate.messages import MESSAGE_BYTES, BadMessage, parse_message
from web.gate.visitors import visitor_key
from web.guard import GAME_HEADERS, Limit
from web.pages.thumbnails import templates

FILE_NAME = re.compile(r"[\w.-]+")
MEDIA_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".wasm": "application/wasm"}


async def read_body(request: Request, most_bytes: int, message: str = "the body is too large") -> bytes:
    """The body of a request. Raises HTTPException 413 with the message for a larger one, before all of it is read."""
    if int(request.headers.get("content-length") or 0) > most_bytes:
        raise HTTPException(413, message)
    content = bytearray()
    try:
        async for part in request.stream():
            content += part
            if len(content) > most_bytes:
                raise HTTPException(413, message)
    except ClientDisconnect:
        raise HTTPException(400, "the body ended too early") from None
    return bytes(content)


async def read_json(request: Request) -> dict[str, Any]:
    """The JSON object in the body, empty for an empty body. Raises HTTPException 400, 413 or 415."""
    if not _is_json(request):
        raise HTTPException(415, "the body must be JSON, with the header Content-Type: application/json")
    content = await read_body(request, MESSAGE_BYTES)
    try:
        return parse_message(content)
    except BadMessage as error:
        raise HTTPException(400, str(error)) from None


def _is_json(request: Request) -> bool:
    """Whether the body says that it is JSON, as no form of another site can. A program may leave the type out."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_browser = "origin" in request.headers or "sec-fetch-site" in request.headers
    return content_type == "application/json" or (not content_type and not is_browser)


def check_limit(request: Request, limit: Limit) -> None:
    """Count a request of the visitor's address. Raises HTTPException 429 above the limit."""
    if not limit.allows(visitor_key(request)):
        raise HTTPException(429, "too many requests; wait a minute")


def page(template: str, **values: Any) -> HTMLResponse:
    return HTMLResponse(page_text(template, **values), headers=GAME_HEADERS)


def page_text(template: str, **values: Any) -> str:
    return templates.get_template(template).render(**values)


def empty_page(error: IsItCakeError) -> HTMLResponse:
    """The page that says why there is nothing to play with yet."""
    return page("game_empty.html", why=visible(error))


def visible(error: IsItCakeError) -> str:
    """The message for a visitor. Raises an error that may name paths of this machine again: it becomes status 503."""
    if type(error) not in (StageError, UnknownModel):
        raise error
    return str(error)


def json_response(content: dict[str, Any]) -> JSONResponse:
    return JSONResponse(content, headers={**GAME_HEADERS, "Cache-Control": "no-store"})


def picture_response(deck: Deck, sha256: str) -> Response:
    """A picture of the deck. Raises HTTPException 404 if it is not in the deck or was erased."""
    row = deck.row(sha256)
    try:
        content = deck.version.pictures.content(row) if row else b""
    except FileNotFoundError:
        content = b""
    if not content:
        raise HTTPException(404)
    return Response(content, media_type="image/jpeg", headers={**GAME_HEADERS, "Cache-Control": "private, no-store"})


def file_response(folder: Path, name: str) -> Response:
    """A script, style sheet or WebAssembly file of a folder. Raises HTTPException 404 for anything else."""
    path = folder / name
    if not FILE_NAME.fullmatch(name) or path.suffix not in MEDIA_TYPES or not path.is_file():
        raise HTTPException(404)
    headers = {**GAME_HEADERS, "Cache-Control": "no-cache"}
    return FileResponse(path, media_type=MEDIA_TYPES[path.suffix], headers=headers)
