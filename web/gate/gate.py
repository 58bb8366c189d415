"""The gate: every request and every socket passes it before a page sees them.

It finds out who sent them, refuses names and origins that are not ours, and puts headers on every answer.
"""

import ipaddress
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from foundation.settings import Settings
from web.gate.answers import HEADERS, error_answer
from web.gate.listening import Listening, Names
from web.gate.visitors import Proxies, Visitor

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
OWN_FETCHES = ("same-origin", "none")  # values of Sec-Fetch-Site: our own page, or the visitor's address bar
OTHER_NAME = "this service has another name; its owner sets it as [web] public_url"
OTHER_SITE = "a page of another site may not do this"
HEAD_BYTES = 16_384  # largest request head; h11 limits those alone that come in parts
TOO_LONG = "the address and the headers of the request are too long"
TWO_LENGTHS = "a request with two lengths is not read"  # a proxy may have read the other one (RFC 9112, 6.1)
VISITOR = "isitcake.visitor"  # key of the scope


@dataclass(frozen=True)
class Refusal:
    status: int
    text: str


class Gate:
    """ASGI middleware. listening: None where requests come from this process only."""

    def __init__(self, app: ASGIApp, settings: Settings, listening: Listening | None) -> None:
        self._app = app
        self._names = Names(settings, listening)
        self._proxies = Proxies(settings.web.trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        visitor = self._proxies.visitor(scope)
        port = scope["client"][1] if scope.get("client") else 0
        scope = {**scope, VISITOR: visitor}
        if visitor.address is not None:
            scope["client"] = (str(visitor.address), port)
        with_headers = _adding_headers(send)
        refusal = self._refusal(scope, visitor)
        if refusal is None:
            await self._app(scope, receive, with_headers)
        elif scope["type"] == "websocket":
            await deny(WebSocket(scope, receive, with_headers), refusal.status, refusal.text)
        else:
            answer = error_answer(HTTPConnection(scope), refusal.status, refusal.text, {"Connection": "close"})
            await answer(scope, receive, with_headers)

    def _refusal(self, scope: Scope, visitor: Visitor) -> Refusal | None:
        if not self._names.has(visitor.host, scope):
            return Refusal(421, OTHER_NAME)
        headers = Headers(scope=scope)
        if len(scope["path"]) + sum(len(name) + len(value) for name, value in headers.raw) > HEAD_BYTES:
            return Refusal(431, TOO_LONG)
        if "content-length" in headers and "transfer-encoding" in headers:
            return Refusal(400, TWO_LENGTHS)
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return None
        if origins := headers.getlist("origin"):
            is_ours = all(self._names.has_origin(origin, visitor.host, visitor.scheme) for origin in origins)
        else:
            # Browsers that leave out Origin send this. What sends neither is no browser, and acts for itself only.
            is_ours = headers.get("sec-fetch-site", "none") in OWN_FETCHES
        return None if is_ours else Refusal(403, OTHER_SITE)


def visitor_of(connection: HTTPConnection) -> Visitor:
    """Who sent this request. A caller without a gate stands inside this process."""
    visitor = connection.scope.get(VISITOR)
    return visitor if isinstance(visitor, Visitor) else Visitor(ipaddress.ip_address("127.0.0.1"), "", "http", True)


async def deny(socket: WebSocket, status: int, text: str) -> None:
    """Refuse a WebSocket before it is open, with an answer that says why."""
    await socket.receive()  # the event websocket.connect
    answer: Response = error_answer(socket, status, text)
    await socket.send_denial_response(answer)


def _adding_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            message.setdefault("headers", [])
            headers = MutableHeaders(raw=_raw(message))
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return with_headers


def _raw(message: Message) -> list[tuple[bytes, bytes]]:
    raw: Any = list(message["headers"])
    message["headers"] = raw
    return raw  # type: ignore[no-any-return]
