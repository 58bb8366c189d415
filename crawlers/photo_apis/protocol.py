"""Photo APIs: search by query, take what is found, stop where the service's limit is.

One small protocol; a service is one class in one file that knows its addresses, its errors and its limits.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import requests

from crawlers.ledger import Download, Ledger, Sighting, SourceReport, sole_run
from crawlers.politeness.public_addresses import Refused, check_url, resolves_public
from dataset.project import Project
from foundation.errors import PhotoApiError
from foundation.settings import Source

TIMEOUT_S = (10, 60)
MAX_BYTES = 50 * 1024 * 1024
MAX_REDIRECTS = 5


class RateLimited(PhotoApiError):
    """The service's limit is reached; the next run goes on from there."""


@dataclass(frozen=True)
class Photo:
    """One search result. use_url: what the service wants asked when the photo is used; empty for nothing.

    rejected: why it is not taken, empty where it is.
    """

    image_url: str
    page_url: str
    title: str
    licence: str
    creator: str
    use_url: str = ""
    rejected: str = ""


class PhotoApi(Protocol):
    """A service. Its errors are PhotoApiError; its limit is RateLimited."""

    def search(self, query: str, count: int) -> Iterator[Photo]:
        """The first `count` photos in the service's own order."""
        ...

    def note_use(self, photo: Photo) -> None:
        """Tell the service that a photo is used, where it wants to know."""
        ...


class Connection:
    """Requests to one service: checked addresses, bounded bodies, its key sent to it alone. One at a time."""

    def __init__(self, project: Project, source: Source, api_headers: dict[str, str] | None = None) -> None:
        self.base_url = source.api_url
        self.pages = self.images = 0
        self._allowed = frozenset(project.settings.crawl.allow_private_hosts)
        self._api_headers = api_headers or {}
        self._session = requests.Session()
        self._session.headers["User-Agent"] = project.settings.user_agent

    def ask(self, url: str) -> requests.Response:
        """An answer of the API itself; with the key, unless the address leads to another host."""
        same_host = urlsplit(url).netloc == urlsplit(self.base_url).netloc
        return self._get(url, self._api_headers if same_host else {})

    def image(self, url: str, etag: str, last_modified: str) -> requests.Response:
        headers = {"If-None-Match": etag} if etag else {}
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        self.images += 1
        return self._get(url, headers)

    def content(self, response: requests.Response) -> dict[str, Any]:
        """The JSON object of an answer. Raises PhotoApiError for anything else, or for a status of 400 up."""
        try:
            content = response.json()
        except ValueError:
            content = None
        if response.status_code >= 400:
            told = content if isinstance(content, dict) else {}
            errors = told.get("errors") or told.get("detail") or shown(response)
            why = "; ".join(map(str, errors)) if isinstance(errors, list) else str(errors)
            raise PhotoApiError(f"{self.base_url} answered {response.status_code}: {why}; try again later")
        if not isinstance(content, dict):
            raise PhotoApiError(f"{self.base_url} answered with something that is not JSON; check base_url")
        return content

    def results(self, content: dict[str, Any], key: str) -> list[dict[str, Any]]:
        """The list under `key`. Raises PhotoApiError where there is none."""
        found = content.get(key)
        if not isinstance(found, list):
            raise PhotoApiError(f"{self.base_url} answered a search with something else; check base_url")
        return [item for item in found if isinstance(item, dict)]

    def _get(self, url: str, headers: dict[str, str]) -> requests.Response:
        try:
            for _ in range(MAX_REDIRECTS):
                self._check(url)
                response = self._session.get(
                    url, headers=headers, timeout=TIMEOUT_S, allow_redirects=False, stream=True
                )
                if not response.is_redirect:
                    break
                target = urljoin(url, response.headers["Location"])
                if urlsplit(target).netloc != urlsplit(url).netloc:
                    headers = {name: value for name, value in headers.items() if name not in self._api_headers}
                url = target
            body = bytearray()
            for part in response.iter_content(1 << 16):
                body += part
                if len(body) > MAX_BYTES:
                    raise PhotoApiError(f"{url} is larger than {MAX_BYTES >> 20} MB; left out")
            response._content = bytes(body)
        except requests.RequestException as error:
            raise PhotoApiError(
                f"{urlsplit(url).netloc} cannot be reached ({type(error).__name__}); try again later"
            ) from error
        except Refused as error:
            raise PhotoApiError(f"{urlsplit(url).netloc}: {error}; see [crawl] allow_private_hosts") from error
        return response

    def _check(self, url: str) -> None:
        check_url(url, self._allowed)
        parts = urlsplit(url)
        if f"{parts.hostname}:{parts.port}" not in self._allowed and not resolves_public(parts.hostname or ""):
            raise Refused("address: private host, or no such name")


def collect_photos(
    project: Project,
    source: Source,
    make: Callable[[Connection, Project, Source], PhotoApi],
    api_headers: dict[str, str],
    now: datetime,
    tell: Callable[[int, int], None],
) -> SourceReport:
    """The first `per_query` photos of every query. tell(done, expected) after each.

    Raises PhotoApiError when the service refuses or is out of reach; what was collected stays, and the
    next run goes on from there.
    """
    project.settings.require_contact()
    with sole_run(project, source):
        ledger = Ledger(project, source, now)
        connection = Connection(project, source, api_headers)
        api = make(connection, project, source)
        candidates: set[str] = set()
        expected = len(source.queries) * source.per_query
        for query in source.queries:
            for photo in api.search(query, source.per_query):
                candidates.add(photo.image_url)
                _take(ledger, connection, api, photo, query)
                tell(len(candidates), expected)
        return ledger.finish(pages=connection.pages, candidates=len(candidates), requests=connection.images, notes=[])


def shown(response: requests.Response) -> str:
    """The beginning of an answer's text."""
    return response.content[:300].decode("utf-8", "replace")


def _take(ledger: Ledger, connection: Connection, api: PhotoApi, photo: Photo, query: str) -> None:
    address, page = photo.image_url, photo.page_url
    sha256 = ledger.settled.get(address)
    if address not in ledger.settled:
        if refused := photo.rejected or ledger.refused_url(address):
            ledger.settle(address, page, "rejected", refused)
            return
        last = ledger.last_fetch(address)
        if last is None:
            api.note_use(photo)  # before the picture: past the limit nothing is fetched that would be fetched again
        try:
            response = connection.image(address, last.etag if last else "", last.last_modified if last else "")
        except PhotoApiError as error:
            ledger.settle(address, page, "failed", str(error))
            return
        if response.status_code == 304 and last:
            sha256 = ledger.unchanged(address, page)
        elif response.status_code != 200:
            ledger.settle(address, page, "failed", f"answered {response.status_code}")
        else:
            headers = response.headers
            validators = headers.get("ETag", ""), headers.get("Last-Modified", "")
            sha256 = ledger.accept(address, page, Download(response.content, address, *validators))
    if sha256:
        site = f"{ledger.source.name}:{query}"
        ledger.sight(sha256, [Sighting(address, page, site, photo.title, photo.licence, photo.creator)])
