"""Requests and responses of the game: bodies of limited size, pages, JSON, pictures and static files."""

import json
import re
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response

from foundation.errors import IsItCakeError
from web.game.deck import Deck
from web.guard import GAME_HEADERS, MESSAGE_BYTES, Limit
from web.pages.thumbnails import templates

FILE_NAME = re.compile(r"[\w.-]+")
MEDIA_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".wasm": "application/wasm"}


async def read_body(request: Request, most_bytes: int, message: str | None = None) -> bytes:
    """The body of a request. Raises HTTPException 413 with the message for a larger one, before all of it is read."""
    if int(request.headers.get("content-length") or 0) > most_bytes:
        raise HTTPException(413, message)
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > most_bytes:
            raise HTTPException(413, message)
    return bytes(content)


async def read_json(request: Request) -> dict[str, Any]:
    """The JSON object in the body, empty for an empty body. Raises HTTPException 400 or 413."""
    content = await read_body(request, MESSAGE_BYTES)
    try:
        fields = json.loads(content or b"{}")
    except ValueError:
        raise HTTPException(400, "the body is not JSON") from None
    if not isinstance(fields, dict):
        raise HTTPException(400, "the body is not a JSON object")
    return fields


def check_limit(request: Request, limit: Limit) -> None:
    """Count a request of the client's address. Raises HTTPException 429 above the limit."""
    if not limit.allows(request.client.host if request.client else ""):
        raise HTTPException(429, "too many requests; wait a minute")


def page(template: str, **values: Any) -> HTMLResponse:
    return HTMLResponse(templates.get_template(template).render(**values), headers=GAME_HEADERS)


def empty_page(error: IsItCakeError) -> HTMLResponse:
    """The page that says why there is nothing to play with yet."""
    return page("game_empty.html", why=str(error))


def json_response(content: dict[str, Any]) -> JSONResponse:
    return JSONResponse(content, headers={**GAME_HEADERS, "Cache-Control": "no-store"})


def picture_response(deck: Deck, sha256: str) -> Response:
    """A picture of the deck. Raises HTTPException 404 if it is not in the deck or was erased."""
    row = deck.row(sha256)
    path = deck.version.path / row.file if row else None
    if path is None or not path.is_file():
        raise HTTPException(404)
    return FileResponse(path, media_type="image/jpeg", headers={**GAME_HEADERS, "Cache-Control": "private, no-store"})


def file_response(folder: Path, name: str) -> Response:
    """A script, style sheet or WebAssembly file of a folder. Raises HTTPException 404 for anything else."""
    path = folder / name
    if not FILE_NAME.fullmatch(name) or path.suffix not in MEDIA_TYPES or not path.is_file():
        raise HTTPException(404)
    headers = {**GAME_HEADERS, "Cache-Control": "no-cache"}
    return FileResponse(path, media_type=MEDIA_TYPES[path.suffix], headers=headers)
