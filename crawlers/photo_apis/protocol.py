"""Photo APIs: search by query, collect the results, stop at the service's limit.

A service is one class in one file, which knows its addresses, its errors and its limits.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import requests

from crawlers.ledger.ledger import Download, Ledger, OutcomeRow, RunTotals, Sighting
from crawlers.ledger.reports import SourceReport
from crawlers.ledger.sole_run import sole_run
from crawlers.politeness.pacing import whole_number
from crawlers.politeness.public_addresses import check_url, resolves_public
from crawlers.politeness.refusals import AddressRefused
from crawlers.source_health import Outcome
from dataset.project import Project
from foundation.downloads import TooLarge, read_body
from foundation.errors import PhotoApiError
from foundation.settings import Source

TIMEOUT_S = (10, 60)  # to connect, and between two reads
MAX_BYTES = 50 * 1024 * 1024
MAX_REDIRECTS = 5


class RateLimited(PhotoApiError):
    """The service's limit is reached; the next run continues from there."""


@dataclass(frozen=True)
class Photo:
    """One search result.

    use_url: the address that the service wants requested when the photo is used; empty for none. rejected: why it
    must not be collected; empty where it may be.
    """

    image_url: str
    page_url: str
    title: str
    licence: str
    creator: str
    use_url: str = ""
    rejected: str = ""


class PhotoApi(Protocol):
    """A service. Raises PhotoApiError for its errors, RateLimited at its limit."""

    def search(self, query: str, count: int) -> Iterator[Photo]:
        """The first `count` photos in the service's own order."""
        ...

    def note_use(self, photo: Photo) -> None:
        """Report the use of a photo to a service that asks for it."""
        ...


class Connection:
    """Requests to one service, one at a time: addresses are checked, bodies are bounded, its key goes to no other host.

    pages, images: how many were requested.
    """

    def __init__(self, project: Project, source: Source, api_headers: dict[str, str] | None = None) -> None:
        self.base_url = source.api_url
        self.pages = self.images = 0
        self._allowed = frozenset(project.settings.crawl.allow_private_hosts)
        self._api_headers = api_headers or {}
        self._session = requests.Session()
        self._session.headers["User-Agent"] = project.settings.user_agent

    def ask(self, url: str) -> requests.Response:
        """Request an address of the API; with the key, unless the address is on another host."""
        same_host = urlsplit(url).netloc == urlsplit(self.base_url).netloc
        return self._get(url, self._api_headers if same_host else {})

    def image(self, url: str, etag: str, last_modified: str) -> requests.Response:
        headers = {"If-None-Match": etag} if etag else {}
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        self.images += 1
        return self._get(url, headers)

    def content(self, response: requests.Response) -> dict[str, Any]:
        """The JSON object of an answer. Raises PhotoApiError for other content, or for a status of 400 or more."""
        try:
            content = response.json()
        except (ValueError, RecursionError):
            content = None
        if response.status_code >= 400:
            fields = content if isinstance(content, dict) else {}
            errors = fields.get("errors") or fields.get("detail") or beginning(response)
            why = "; ".join(map(str, errors)) if isinstance(errors, list) else str(errors)
            raise PhotoApiError(f"{self.base_url} answered {response.status_code}: {why}; try again later")
        if not isinstance(content, dict):
            raise PhotoApiError(f"{self.base_url} answered with something that is not JSON; check base_url")
        return content

    def results(self, content: dict[str, Any], key: str) -> list[dict[str, Any]]:
        """The list under `key`. Raises PhotoApiError where there is none."""
        results = content.get(key)
        if not isinstance(results, list):
            raise PhotoApiError(f"{self.base_url} answered a search without {key!r}; check base_url")
        return [result for result in results if isinstance(result, dict)]

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
            response._content = read_body(response, MAX_BYTES)
        except TooLarge as error:
            raise PhotoApiError(f"{url} is larger than {MAX_BYTES >> 20} MB; left out") from error
        except requests.RequestException as error:
            raise PhotoApiError(
                f"{urlsplit(url).netloc} cannot be reached ({type(error).__name__}); try again later"
            ) from error
        except AddressRefused as error:
            raise PhotoApiError(f"{urlsplit(url).netloc}: {error}; see [crawl] allow_private_hosts") from error
        return response

    def _check(self, url: str) -> None:
        check_url(url, self._allowed)
        parts = urlsplit(url)
        if f"{parts.hostname}:{parts.port}" not in self._allowed and not resolves_public(parts.hostname or ""):
            raise AddressRefused("address: private host, or no such name")


def collect_photos(
    project: Project,
    source: Source,
    make: Callable[[Connection, Project, Source], PhotoApi],
    api_headers: dict[str, str],
    now: datetime,
    progress: Callable[[int, int], None],
) -> SourceReport:
    """Collect the first `per_query` photos of every query.

    make: builds the service's class. api_headers: sent to the service only, with its key. progress(done, expected) is
    called after each photo. Raises PhotoApiError if the service refuses or cannot be reached; what was collected
    stays, and the next run continues from there.
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
                progress(len(candidates), expected)
        return ledger.finish(RunTotals(connection.pages, len(candidates), connection.images), [])


def number(content: dict[str, Any], key: str) -> float:
    """A number of an answer, also one in quotes; 0 where there is none."""
    value = content.get(key)
    if isinstance(value, str):
        value = whole_number(value)
    if isinstance(value, float) and math.isnan(value):
        return 0
    return value if isinstance(value, int | float) else 0


def beginning(response: requests.Response) -> str:
    """The beginning of an answer's text."""
    return response.content[:300].decode("utf-8", "replace")


def _take(ledger: Ledger, connection: Connection, api: PhotoApi, photo: Photo, query: str) -> None:
    address, page = photo.image_url, photo.page_url
    sha256 = ledger.settled.get(address)
    if address not in ledger.settled:
        if refusal := photo.rejected or ledger.refused_url(address):
            ledger.settle(OutcomeRow(address, page, Outcome.REJECTED, refusal))
            return
        last = ledger.last_fetch(address)
        if last is None:
            api.note_use(photo)  # before the picture: if this hits the limit, the picture is not fetched twice
        try:
            response = connection.image(address, last.etag if last else "", last.last_modified if last else "")
        except PhotoApiError as error:
            ledger.settle(OutcomeRow(address, page, Outcome.FAILED, str(error)))
            return
        if response.status_code == 304 and last:
            sha256 = ledger.unchanged(address, page)
        elif response.status_code != 200:
            ledger.settle(OutcomeRow(address, page, Outcome.FAILED, f"answered {response.status_code}"))
        else:
            headers = response.headers
            validators = headers.get("ETag", ""), headers.get("Last-Modified", "")
            sha256 = ledger.accept(address, page, Download(response.content, address, *validators))
    if sha256:
        site = f"{ledger.source.name}:{query}"
        ledger.sight(sha256, [Sighting(address, page, site, photo.title, photo.licence, photo.creator)])
