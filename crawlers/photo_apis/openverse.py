"""`kind = "openverse"`, as https://api.openverse.org/v1/ describes it: openly licensed photos, no key.

Anonymous use: 20 results a page, 20 pages, and a number of requests a minute and a day.
"""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from crawlers.photo_apis.protocol import Connection, Photo, RateLimited
from dataset.project import Project
from foundation.settings import Source

PER_PAGE = 20
MAX_PAGES = 20
BETWEEN_S = 1.0  # between two searches: 1 request a second is what anonymous use may


class Openverse:
    """The licence filter is the service's own; each photo carries its licence, creator and page."""

    def __init__(self, connection: Connection, project: Project, source: Source) -> None:  # noqa: ARG002
        self._connection = connection
        self._licences = source.licences
        self._asked_at = 0.0

    def search(self, query: str, count: int) -> Iterator[Photo]:
        given = 0
        for page in range(1, MAX_PAGES + 1):
            asked = {
                "q": query,
                "license": ",".join(self._licences),
                "page": page,
                "page_size": min(PER_PAGE, count),
                "mature": "false",
            }
            answer = self._ask(f"{self._connection.base_url}/v1/images/?{urlencode(asked)}")
            self._connection.pages += 1
            photos = self._connection.results(answer, "results")
            for photo in photos[: count - given]:
                yield self._photo(photo)
                given += 1
            if not photos or given >= count or page >= int(answer.get("page_count", 0)):
                return

    def note_use(self, photo: Photo) -> None: ...

    def _photo(self, found: dict[str, Any]) -> Photo:
        code = str(found.get("license") or "")
        name = {"cc0": "CC0", "pdm": "Public Domain Mark"}.get(code, f"CC {code.upper()}")
        version = str(found.get("license_version") or "")
        address = str(found.get("license_url") or "")
        return Photo(
            str(found.get("url") or ""),
            str(found.get("foreign_landing_url") or ""),
            str(found.get("title") or ""),
            " ".join(part for part in (name, version, address) if part),
            str(found.get("creator") or ""),
            rejected="" if code in self._licences else f"licence: {code or 'none'}",
        )

    def _ask(self, url: str) -> dict[str, Any]:
        time.sleep(max(0.0, self._asked_at + BETWEEN_S - time.monotonic()) if self._asked_at else 0.0)
        self._asked_at = time.monotonic()
        response = self._connection.ask(url)
        if response.status_code == 429:
            wait = response.headers.get("Retry-After", "")
            when = f"in {wait} s" if wait.isdigit() else "later"
            raise RateLimited(
                f"{self._connection.base_url}: its limit is reached; run this again {when}, it goes on where it stopped"
            )
        return self._connection.content(response)
