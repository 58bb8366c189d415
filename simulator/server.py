"""Real HTTP servers on loopback, one port per host. Tests judge by their access logs."""

import io
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Protocol
from urllib.parse import unquote, urlsplit

from PIL import Image, ImageFilter

from simulator.platforms import PLATFORMS, SCROLLING, file_name, page, scroll_part
from simulator.world import Baker, Picture

PER_PAGE = 40  # pictures of a gallery page
PER_SCROLL = 10  # pictures that one scroll adds
LAST_MODIFIED = "Wed, 01 May 2024 10:00:00 GMT"
TYPES = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".gif": "image/gif",
    ".avif": "image/avif", ".svg": "image/svg+xml", ".bmp": "image/bmp",
}  # fmt: skip


@dataclass(frozen=True)
class Hit:
    """One line of an access log."""

    path: str  # with its query
    status: int
    size_bytes: int
    is_image: bool
    user_agent: str
    at: float  # when it arrived, seconds of a monotonic clock
    method: str = "GET"


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


class Host(Protocol):
    """The site behind a port."""

    def answer(self, path: str, query: str, headers: dict[str, str]) -> Answer: ...


class Server:
    """Serves a Host on 127.0.0.1. port: 0 takes a free one. latency_s: how long every answer is delayed.

    log: one Hit per request. most_at_once: the most requests that were served at the same time.
    """

    def __init__(self, host: Host, port: int = 0, latency_s: float = 0.0) -> None:
        self.host: Any = host  # tests read and change theirs
        self.log: list[Hit] = []
        self.most_at_once = 0
        log, owner, now_open, at_once = self.log, self, list[str](), threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = (
                True  # head and body are two writes; with Nagle's algorithm the second would wait 40 ms
            )
            served: ClassVar[Host] = host

            def do_GET(self) -> None:
                with at_once:
                    now_open.append(self.path)
                    owner.most_at_once = max(owner.most_at_once, len(now_open))
                try:
                    self._answer()
                finally:
                    with at_once:
                        now_open.remove(self.path)

            do_HEAD = do_GET  # noqa: N815  the name of the standard library

            def _answer(self) -> None:
                arrived = time.monotonic()
                time.sleep(latency_s)
                parts = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = self.served.answer(unquote(parts.path), parts.query, headers)
                etag = answer.headers.get("ETag")
                modified = answer.headers.get("Last-Modified")
                body, status = answer.body, answer.status
                known = headers.get("if-none-match") == etag if etag else headers.get("if-modified-since") == modified
                if status == 200 and (etag or modified) and known:
                    body, status = b"", 304
                kind, agent = answer.content_type, headers.get("user-agent", "")
                hit = Hit(self.path, status, len(body), kind.startswith("image/"), agent, arrived, self.command)
                log.append(hit)
                self.send_response(status)
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(body)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else body)

            def log_message(self, *args: object) -> None: ...

        self._server = _Quiet(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """host:port"""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that close the connection early."""


class Scripted:
    """A site with prepared answers.

    answers: by path, or by path with query; each an Answer or a function of the request's headers. Other paths get 404.
    """

    def __init__(self, answers: dict[str, Answer | Callable[[dict[str, str]], Answer]]) -> None:
        self.answers = answers

    def answer(self, path: str, query: str, headers: dict[str, str]) -> Answer:
        known = self.answers.get(f"{path}?{query}") or self.answers.get(path) or Answer(404, b"<h1>Not found</h1>")
        return known if isinstance(known, Answer) else known(headers)


class BakerSite:
    """One baker's site, made with its platform: home, gallery pages, about, robots.txt."""

    def __init__(self, baker: Baker) -> None:
        self.baker = baker
        self.platform = PLATFORMS[baker.platform]
        self.files = {file_name(picture): picture for picture in baker.gallery}
        if baker.logo:
            self.files[file_name(baker.logo)] = baker.logo

    def answer(self, path: str, query: str, headers: dict[str, str]) -> Answer:  # noqa: ARG002
        if path == "/robots.txt":
            return Answer(body=b"User-agent: *\nDisallow: /admin/\n", content_type="text/plain")
        if path in ("/", "/about"):
            return self._page("<p>Cakes for every day of the year, to order.</p>")
        if path == "/api/photos" and self.platform.by_script:
            number = int("".join(c for c in query if c.isdigit()) or 1)
            body = scroll_part(self.baker.gallery, number, PER_SCROLL).encode()
            return Answer(body=body, content_type="application/json")
        if path == "/gallery" or path.startswith("/gallery/"):
            return self._gallery(path)
        variant = self.platform.read(path, query)
        picture = self.files.get(variant.file) if variant else None
        if picture is None or variant is None:
            return Answer(404, b"<h1>Not found</h1>")
        return image_answer(picture, variant.width, variant.blurred)

    def _gallery(self, path: str) -> Answer:
        number = path.removeprefix("/gallery").strip("/")
        if number and not number.isdigit():
            return Answer(404, b"<h1>Not found</h1>")
        if self.platform.by_script:
            return self._page('<div id="gallery"></div>', SCROLLING)
        start = (int(number or 1) - 1) * PER_PAGE
        part = self.baker.gallery[start : start + PER_PAGE]
        main = "\n".join(self.platform.markup(picture) for picture in part)
        if start + PER_PAGE < len(self.baker.gallery):
            main += f'\n<a href="/gallery/{int(number or 1) + 1}">Older cakes</a>'
        return self._page(main)

    def _page(self, main: str, script: str = "") -> Answer:
        logo = f'<img src="{self.platform.original(self.baker.logo)}" alt="logo">' if self.baker.logo else ""
        return Answer(body=page(self.baker.name, logo, main, script).encode())


def image_answer(picture: Picture, width: int | None = None, blurred: bool = False) -> Answer:
    """A picture. width: at most so many pixels; None for the original bytes. blurred: as placeholders are."""
    content = picture.content
    if width is not None:
        content = resized(content, width, blurred)
    etag = f'"{picture.sha256[:16]}-{width or 0}"'
    return Answer(
        body=content,
        content_type=TYPES.get(picture.suffix, "application/octet-stream"),
        headers={"ETag": etag, "Last-Modified": LAST_MODIFIED},
    )


def resized(content: bytes, width: int, blurred: bool = False) -> bytes:
    try:
        image = Image.open(io.BytesIO(content)).convert("RGB")
    except (OSError, ValueError):
        return content
    if image.width > width:
        image = image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS)
    if blurred:
        image = image.filter(ImageFilter.GaussianBlur(2))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()
