"""Sources of `kind = "unsplash"`, by the API that https://unsplash.com/documentation describes.

Unsplash wants a written permission from people who train on its photos. A source without a reference to one makes no
request.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from crawlers.ledger.reports import SourceReport
from crawlers.photo_apis.protocol import Connection, Photo, RateLimited, beginning, collect_photos, count_in, number
from dataset.project import Project
from foundation.errors import ConfigError, PhotoApiError
from foundation.network.outgoing import Answer
from foundation.settings import Source

PER_PAGE = 30
LICENCE = "Unsplash License"
RESERVED_REQUESTS = 1  # of the hour's limit, for other programs that share the key


def collect_unsplash(
    project: Project, source: Source, now: datetime, progress: Callable[[int, int], None]
) -> SourceReport:
    """See collect_photos. Raises ConfigError without permission or key, before any request."""
    key = project.settings.secrets.unsplash_access_key.get_secret_value()
    if not source.permission:
        raise ConfigError(
            f"source {source.name!r}: permission is empty, but Unsplash's terms require one to train on its "
            "photos; write a reference to the permission there, or use another source"
        )
    if not key:
        raise ConfigError(f"source {source.name!r} needs a key; set ISITCAKE_UNSPLASH_ACCESS_KEY")
    headers = {"Authorization": f"Client-ID {key}", "Accept-Version": "v1"}
    return collect_photos(project, source, Unsplash, headers, now, progress)


class Unsplash:
    """Its limit: 50 requests an hour in demo mode, 5,000 in production; images do not count."""

    def __init__(self, connection: Connection, project: Project, source: Source) -> None:
        self._connection = connection
        self._utm = urlencode({"utm_source": project.settings.project.name, "utm_medium": "referral"})
        self._licence = source.licence or LICENCE
        self._remaining: int | None = None

    def search(self, query: str, count: int) -> Iterator[Photo]:
        page, count_so_far = 1, 0
        base = self._connection.base_url
        while count_so_far < count:
            parameters = {"query": query, "page": page, "per_page": min(PER_PAGE, count), "content_filter": "high"}
            answer = self._ask(f"{base}/search/photos?{urlencode(parameters)}")
            self._connection.pages += 1
            photos = self._connection.results(answer, "results")
            for photo in photos[: count - count_so_far]:
                yield self._photo(photo)
                count_so_far += 1
            if not photos or page >= count_in(answer, "total_pages"):
                return
            page += 1

    def note_use(self, photo: Photo) -> None:
        self._ask(photo.use_url)

    def _photo(self, result: dict[str, Any]) -> Photo:
        try:
            user = result.get("user") or {}
            page = result["links"]["html"]
            return Photo(
                result["urls"]["raw"],
                f"{page}{'&' if '?' in page else '?'}{self._utm}",  # attribution as the guidelines ask
                result.get("alt_description") or result.get("description") or "",
                self._licence,
                user.get("name") or user.get("username") or "",
                result["links"]["download_location"],
            )
        except (KeyError, TypeError) as error:
            raise PhotoApiError(
                f"{self._connection.base_url} described a photo without {error}; check base_url"
            ) from None

    def _ask(self, url: str) -> dict[str, Any]:
        if self._remaining is not None and self._remaining <= RESERVED_REQUESTS:
            raise self._limit()
        response = self._connection.ask(url)
        self._remaining = number(response.headers.get("X-Ratelimit-Remaining", ""))
        if _is_limit(response):
            raise self._limit()
        if response.status == 401:
            raise PhotoApiError(
                f"{self._connection.base_url} does not know the access key; correct ISITCAKE_UNSPLASH_ACCESS_KEY"
            )
        return self._connection.content(response)

    def _limit(self) -> RateLimited:
        return RateLimited(
            f"{self._connection.base_url}: the hour's requests are used up; run this again in an hour, it continues "
            "where it stopped"
        )


def _is_limit(response: Answer) -> bool:
    """Whether an answer says that the limit is reached: 403 with a text by the documentation, 429 by its staff."""
    return response.status == 429 or (response.status == 403 and "rate limit" in beginning(response).lower())
