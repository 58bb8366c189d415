"""`kind = "unsplash"`, as https://unsplash.com/documentation describes it.

Unsplash asks who trains on its photos for written permission; without a reference to it nothing is asked.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import requests

from crawlers.ledger import SourceReport
from crawlers.photo_apis.protocol import Connection, Photo, RateLimited, collect_photos, shown
from dataset.project import Project
from foundation.errors import ConfigError, PhotoApiError
from foundation.settings import Source

PER_PAGE = 30
LICENCE = "Unsplash License"
RESERVE = 1  # requests of the hour that are left unused: other programs share the key


def collect_unsplash(project: Project, source: Source, now: datetime, tell: Callable[[int, int], None]) -> SourceReport:
    """See collect_photos. Raises ConfigError without permission or key, before anything is asked."""
    key = project.settings.secrets.unsplash_access_key.get_secret_value()
    if not source.permission:
        raise ConfigError(
            f"source {source.name!r}: permission is empty, and Unsplash's terms ask for one to train on its "
            "photos; write its reference there, or use another source"
        )
    if not key:
        raise ConfigError(f"source {source.name!r} needs a key; set ISITCAKE_UNSPLASH_ACCESS_KEY")
    headers = {"Authorization": f"Client-ID {key}", "Accept-Version": "v1"}
    return collect_photos(project, source, Unsplash, headers, now, tell)


class Unsplash:
    """50 requests an hour in demo mode, 5,000 in production; images do not count."""

    def __init__(self, connection: Connection, project: Project, source: Source) -> None:
        self._connection = connection
        self._utm = urlencode({"utm_source": project.settings.project.name, "utm_medium": "referral"})
        self._licence = source.licence or LICENCE
        self._remaining: int | None = None

    def search(self, query: str, count: int) -> Iterator[Photo]:
        page, given = 1, 0
        base = self._connection.base_url
        while given < count:
            asked = {"query": query, "page": page, "per_page": min(PER_PAGE, count), "content_filter": "high"}
            answer = self._ask(f"{base}/search/photos?{urlencode(asked)}")
            self._connection.pages += 1
            photos = self._connection.results(answer, "results")
            for photo in photos[: count - given]:
                yield self._photo(photo)
                given += 1
            if not photos or page >= int(answer.get("total_pages", 0)):
                return
            page += 1

    def note_use(self, photo: Photo) -> None:
        self._ask(photo.use_url)

    def _photo(self, found: dict[str, Any]) -> Photo:
        try:
            user = found.get("user") or {}
            page = found["links"]["html"]
            return Photo(
                found["urls"]["raw"],
                f"{page}{'&' if '?' in page else '?'}{self._utm}",  # attribution as the guidelines ask
                found.get("alt_description") or found.get("description") or "",
                self._licence,
                user.get("name") or user.get("username") or "",
                found["links"]["download_location"],
            )
        except (KeyError, TypeError) as error:
            raise PhotoApiError(
                f"{self._connection.base_url} described a photo without {error}; check base_url"
            ) from None

    def _ask(self, url: str) -> dict[str, Any]:
        if self._remaining is not None and self._remaining <= RESERVE:
            raise self._limit()
        response = self._connection.ask(url)
        left = response.headers.get("X-Ratelimit-Remaining", "")
        self._remaining = int(left) if left.isdigit() else None
        if _is_limit(response):
            raise self._limit()
        if response.status_code == 401:
            raise PhotoApiError(
                f"{self._connection.base_url} does not know the access key; mend ISITCAKE_UNSPLASH_ACCESS_KEY"
            )
        return self._connection.content(response)

    def _limit(self) -> RateLimited:
        return RateLimited(
            f"{self._connection.base_url}: the hour's requests are used up; run this again in an hour, it goes on "
            "where it stopped"
        )


def _is_limit(response: requests.Response) -> bool:
    """The documentation says 403 with a text, its staff say 429."""
    return response.status_code == 429 or (response.status_code == 403 and "rate limit" in shown(response).lower())
