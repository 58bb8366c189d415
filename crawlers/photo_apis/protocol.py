"""Photo APIs: search by query, collect the results, stop at the service's limit.

A service is one class in one file, which knows its addresses, its errors and its limits.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from crawlers.ledger.ledger import Ledger
from crawlers.ledger.reports import SourceReport
from crawlers.ledger.rows import Download, OutcomeRow, RunTotals, Sighting
from crawlers.ledger.sole_run import sole_run
from crawlers.source_health import Outcome
from dataset.project import Project
from foundation.errors import PhotoApiError
from foundation.network.addresses import Address, Refused, parse
from foundation.network.downloads import TooLarge, TooSlow
from foundation.network.outgoing import Answer, Failures, Limits, Outgoing
from foundation.settings import Source

# Pictures as large as a crawl takes (DOWNLOAD_MAXSIZE). An answer of 30 search results has about 100 KB.
IMAGE_LIMITS = Limits(max_bytes=50 * 1024 * 1024, timeout_s=60)
ANSWER_LIMITS = Limits(max_bytes=10 * 1024 * 1024, max_s=120, timeout_s=60)
MAX_SHOWN_CHARACTERS = 200  # of an address in a message
MAX_DIGITS = 9  # of a number in a header: seconds and requests are fewer


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
        self._api_headers = api_headers or {}
        self._outgoing = Outgoing(project.settings.user_agent, frozenset(project.settings.crawl.allow_private_hosts))

    def ask(self, url: str) -> Answer:
        """Request an address of the API; with the key, unless the address is on another host."""
        is_service = _host(url) == _host(self.base_url) is not None
        return self._get(url, ANSWER_LIMITS, {}, self._api_headers if is_service else {})

    def image(self, url: str, etag: str, last_modified: str) -> Answer:
        headers = {"If-None-Match": etag} if etag else {}
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        self.images += 1
        return self._get(url, IMAGE_LIMITS, headers, {})

    def content(self, answer: Answer) -> dict[str, Any]:
        """The JSON object of an answer. Raises PhotoApiError for other content, or for a status of 400 or more."""
        try:
            content = json.loads(answer.body)
        except (ValueError, RecursionError):
            content = None
        if answer.status >= 400:
            fields = content if isinstance(content, dict) else {}
            errors = fields.get("errors") or fields.get("detail") or beginning(answer)
            why = "; ".join(map(str, errors)) if isinstance(errors, list) else str(errors)
            raise PhotoApiError(f"{self.base_url} answered {answer.status}: {why}; try again later")
        if not isinstance(content, dict):
            raise PhotoApiError(f"{self.base_url} answered with something that is not JSON; check base_url")
        return content

    def results(self, content: dict[str, Any], key: str) -> list[dict[str, Any]]:
        """The list under `key`. Raises PhotoApiError where there is none."""
        results = content.get(key)
        if not isinstance(results, list):
            raise PhotoApiError(f"{self.base_url} answered a search without {key!r}; check base_url")
        return [result for result in results if isinstance(result, dict)]

    def close(self) -> None:
        self._outgoing.close()

    def _get(self, url: str, limits: Limits, headers: dict[str, str], secret_headers: dict[str, str]) -> Answer:
        try:
            return self._outgoing.get(url, limits, headers, secret_headers)
        except Failures as error:
            address = _host(url)
            host = address.host_port if address else url[:MAX_SHOWN_CHARACTERS]
            if isinstance(error, TooLarge):
                why = f"{host} sent more than {limits.max_bytes >> 20} MB; left out"
            elif isinstance(error, TooSlow):
                why = f"{host} did not send everything in {limits.max_s:.0f} s; try again later"
            elif isinstance(error, Refused):
                why = f"{host}: {error}; a private host must be listed in [crawl] allow_private_hosts"
            else:
                why = f"{host} cannot be reached ({type(error).__name__}); try again later"
            raise PhotoApiError(why) from error


def count_in(content: dict[str, Any], key: str) -> int:
    """The count under `key` of an answer; 0 where there is none."""
    return number(str(content.get(key))) or 0


def number(text: str) -> int | None:
    """The number that a header spells; None for other text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS else None


def _host(url: str) -> Address | None:
    """Where a URL leads; None for one that leads nowhere."""
    try:
        return parse(url)
    except Refused:
        return None


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
        candidates: set[str] = set()
        expected = len(source.queries) * source.per_query
        with contextlib.closing(Connection(project, source, api_headers)) as connection:
            api = make(connection, project, source)
            for query in source.queries:
                for photo in api.search(query, source.per_query):
                    candidates.add(photo.image_url)
                    _take(ledger, connection, api, photo, query)
                    progress(len(candidates), expected)
        return ledger.finish(RunTotals(connection.pages, len(candidates), connection.images), [])


def beginning(answer: Answer) -> str:
    """The beginning of an answer's text."""
    return answer.body[:300].decode("utf-8", "replace")


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
            answer = connection.image(address, last.etag if last else "", last.last_modified if last else "")
        except PhotoApiError as error:
            ledger.settle(OutcomeRow(address, page, Outcome.FAILED, str(error)))
            return
        if answer.status == 304 and last:
            sha256 = ledger.unchanged(address, page)
        elif answer.status != 200:
            ledger.settle(OutcomeRow(address, page, Outcome.FAILED, f"answered {answer.status}"))
        else:
            headers = answer.headers
            validators = headers.get("ETag", ""), headers.get("Last-Modified", "")
            sha256 = ledger.accept(address, page, Download(answer.body, address, *validators))
    if sha256:
        site = f"{ledger.source.name}:{query}"
        ledger.sight(sha256, [Sighting(address, page, site, photo.title, photo.licence, photo.creator)])
