"""Our requests for what the browser asks for, and their answers in its terms."""

import re
from typing import Any
from urllib.parse import urljoin, urlsplit

from scrapy import Request
from scrapy.http.request import NO_CALLBACK
from w3lib.url import safe_url_string

# By type: Sec-Fetch-Mode and Sec-Fetch-Dest, which the browser sends below the level where it asks us.
ANSWERED_TYPES = {
    "document": ("navigate", "document"),
    "stylesheet": ("no-cors", "style"),
    "script": ("no-cors", "script"),
    "xhr": ("cors", "empty"),
    "fetch": ("cors", "empty"),
}
# The browser's own view of the connection, which is not ours.
REQUEST_HEADERS_DROPPED = ("accept-encoding", "connection", "content-length", "host", "proxy-connection", "cookie")
ANSWER_HEADERS_DROPPED = ("alt-svc", "connection", "content-encoding", "content-length", "transfer-encoding")
REQUEST_TIMEOUT_S = 30.0  # of one request of a page: as long as a navigation may take
KEPT_TYPES = ("script", "stylesheet")
FETCHED_TYPES = ("xhr", "fetch")  # what scripts ask for
# Headers of a request that asks for no more than a link to the address does.
PLAIN_HEADERS = re.compile(
    r"accept(?:-language|-encoding)?|user-agent|referer|origin|sec-.*|upgrade-insecure-requests|dnt", re.I
)
# In addresses that scripts ask for when a button is pressed: it would do something for the visitor.
ACTS = re.compile(
    r"(?<=[/?&=.])(?:(?:add|remove|delete)(?:[-_]?(?:to|from|item)[-\w]*)?|(?:un)?like|vote|rate|(?:un)?subscribe|checkout"
    r"|log[-_]?(?:in|out)|wish-?list\w*|favou?rites?|cart|basket)(?=[/?&=.]|\Z)",
    re.IGNORECASE,
)
KEPT_BYTES = 50_000_000  # of all that is kept for the pages of one crawl


class Kept:
    """Scripts and style sheets that pages share: each is asked for once in a crawl, by us or by the browser.

    Also pictures that scripts asked for, as they ask for data: each until the crawl takes it as a photo.
    """

    def __init__(self) -> None:
        self._answers: dict[str, Any] = {}
        self._pictures: dict[str, Any] = {}
        self._size_bytes = 0

    def answer(self, asked: Any) -> Any:
        """The answer to a request of the browser, if it is kept."""
        return self.at(asked.url) if asked.resource_type in KEPT_TYPES and asked.method == "GET" else None

    def at(self, url: str) -> Any:
        """The answer that is kept for an address; None if there is none."""
        return self._answers.get(url)

    def keep(self, asked: Any, response: Any) -> None:
        """Keep the answer to a request of the browser, if it is one that pages share."""
        if asked.resource_type in KEPT_TYPES and asked.method == "GET":
            self.keep_at(asked.url, response)

    def keep_at(self, url: str, response: Any) -> None:
        if response.status != 200 or self._size_bytes + len(response.body) > KEPT_BYTES or url in self._answers:
            return
        self._size_bytes += len(response.body)
        self._answers[url] = response

    def keep_picture(self, url: str, request: Request, response: Any) -> None:
        """Keep a picture that a script asked for, if any request for its address brings the same bytes."""
        is_plain = all(PLAIN_HEADERS.fullmatch(name.decode("latin-1")) for name in request.headers)
        if not is_plain or response.url != url or self._size_bytes + len(response.body) > KEPT_BYTES:
            return
        if url not in self._pictures:
            self._size_bytes += len(response.body)
            self._pictures[url] = response

    def take_picture(self, request: Request) -> Any:
        """The answer to our request for a picture, if it is kept; None if it has to be asked for."""
        is_plain = request.method == "GET" and not {b"If-None-Match", b"If-Modified-Since"} & request.headers.keys()
        if not (is_plain and request.meta.get("is_image")):
            return None
        response = self._pictures.pop(request.url, None)
        if response is not None:
            self._size_bytes -= len(response.body)
        return response


def is_picture(asked: Any, response: Any) -> bool:
    """Whether a script asked for a picture, as it asks for data, and got it."""
    kind = (response.headers.get("Content-Type") or b"").decode("latin-1").lower()
    is_asked = asked.resource_type in FETCHED_TYPES and asked.method == "GET"
    return is_asked and response.status == 200 and kind.startswith("image/") and not kind.startswith("image/svg")


async def request_of(asked: Any) -> Request:
    """Our request for what the browser asks for."""
    headers = {name: value for name, value in asked.headers.items() if name.lower() not in REQUEST_HEADERS_DROPPED}
    headers["sec-fetch-mode"], headers["sec-fetch-dest"] = ANSWERED_TYPES[asked.resource_type]
    referer = headers.get("referer", "")
    headers["sec-fetch-site"] = "none" if not referer else _site(asked.url, referer)
    cookies = await asked.frame.page.context.cookies(asked.url)
    if cookies:
        headers["cookie"] = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in cookies)
    return Request(
        asked.url,
        method=asked.method,
        headers=headers,
        body=asked.post_data_buffer or b"",
        callback=NO_CALLBACK,
        meta={
            "dont_redirect": True,  # redirects are followed in PoliteHandler, which knows whose they are
            "dont_retry": True,
            "download_timeout": REQUEST_TIMEOUT_S,
            # A queue of its own: pages that wait for the browser fill that of their host.
            "download_slot": f"browser {urlsplit(asked.url).netloc}",
        },
    )


def _site(url: str, referer: str) -> str:
    """The Sec-Fetch-Site of a request, without the public suffixes that "same-site" needs."""
    there, here = urlsplit(url), urlsplit(referer)
    return "same-origin" if (there.scheme, there.netloc) == (here.scheme, here.netloc) else "cross-site"


def redirect_target(response: Any) -> str:
    location = response.headers.get("Location")
    if response.status not in (301, 302, 303, 307, 308) or not location:
        return ""
    return urljoin(response.url, safe_url_string(location))


def redirected(request: Request, target: str, status: int) -> Request:
    """The request for where an answer redirects to. Another host is told nothing about us at this one."""
    if status == 303 or (status in (301, 302) and request.method == "POST"):
        request = request.replace(method="GET", body=b"")
    host = urlsplit(target).netloc
    followed = request.replace(url=target, meta={**request.meta, "download_slot": f"browser {host}"})
    if host != urlsplit(request.url).netloc:
        for name in ("Cookie", "Authorization"):
            followed.headers.pop(name, None)
    return followed


def answer_headers(response: Any) -> dict[str, str]:
    """The headers of an answer for Playwright, which wants several cookies on lines of one text."""
    headers = {}
    for name, values in response.headers.items():
        key = name.decode("latin-1").lower()
        if key not in ANSWER_HEADERS_DROPPED:
            headers[key] = ("\n" if key == "set-cookie" else ", ").join(value.decode("latin-1") for value in values)
    return headers
