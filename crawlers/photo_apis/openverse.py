"""Sources of `kind = "openverse"`, by the API that https://api.openverse.org/v1/ describes: open licences, no key.

Its limits without an account: 20 results a page, 20 pages, and a number of requests a minute and a day.
"""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from crawlers.photo_apis.protocol import Connection, Photo, RateLimited, count_in, number
from dataset.project import Project
from foundation.settings import Source

PER_PAGE = 20
MAX_PAGES = 20
SEARCH_INTERVAL_S = 1.0  # the API allows one request a second without an account


class Openverse:
    """The service filters by licence; each result has its licence, creator and page."""

    def __init__(self, connection: Connection, project: Project, source: Source) -> None:  # noqa: ARG002
        self._connection = connection
        self._licences = source.licences
        self._asked_at = 0.0

    def search(self, query: str, count: int) -> Iterator[Photo]:
        count_so_far = 0
        for page in range(1, MAX_PAGES + 1):
            parameters = {
                "q": query,
                "license": ",".join(self._licences),
                "page": page,
                "page_size": min(PER_PAGE, count),
                "mature": "false",
            }
            answer = self._ask(f"{self._connection.base_url}/v1/images/?{urlencode(parameters)}")
            self._connection.pages += 1
            photos = self._connection.results(answer, "results")
            for photo in photos[: count - count_so_far]:
                yield self._photo(photo)
                count_so_far += 1
            if not photos or count_so_far >= count or page >= count_in(answer, "page_count"):
                return

    def note_use(self, photo: Photo) -> None: ...

    def _photo(self, result: dict[str, Any]) -> Photo:
        code = str(result.get("license") or "")
        name = {"cc0": "CC0", "pdm": "Public Domain Mark"}.get(code, f"CC {code.upper()}")
        version = str(result.get("license_version") or "")
        address = str(result.get("license_url") or "")
        return Photo(
            str(result.get("url") or ""),
            str(result.get("foreign_landing_url") or ""),
            str(result.get("title") or ""),
            " ".join(part for part in (name, version, address) if part),
            str(result.get("creator") or ""),
            rejected="" if code in self._licences else f"licence: {code or 'none'}",
        )

    def _ask(self, url: str) -> dict[str, Any]:
        time.sleep(max(0.0, self._asked_at + SEARCH_INTERVAL_S - time.monotonic()) if self._asked_at else 0.0)
        self._asked_at = time.monotonic()
        response = self._connection.ask(url)
        if response.status == 429:
            wait = response.headers.get("Retry-After", "")
            when = f"in {wait} s" if number(wait) is not None else "later"
            raise RateLimited(
                f"{self._connection.base_url}: the limit is reached; run this again {when}, "
                "it continues where it stopped"
            )
        return self._connection.content(response)
