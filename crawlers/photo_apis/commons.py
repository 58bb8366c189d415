"""`kind = "commons"`: Wikimedia Commons by MediaWiki's API (https://www.mediawiki.org/wiki/API:Search).

Wikimedia asks for a contact in the user agent, few connections, and patience when its servers lag.
"""

import html
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from crawlers.photo_apis.protocol import Connection, Photo, RateLimited
from dataset.project import Project
from foundation.errors import PhotoApiError
from foundation.settings import Source

PER_PAGE = 50
MAX_LAG_S = 5
TYPES = ("image/jpeg", "image/png", "image/webp")
BUSY = ("maxlag", "ratelimited", "readonly")


class Commons:
    """Photos only (filetype:bitmap), each with its licence, author and description page."""

    def __init__(self, connection: Connection, project: Project, source: Source) -> None:  # noqa: ARG002
        self._connection = connection
        self._licences = source.licences

    def search(self, query: str, count: int) -> Iterator[Photo]:
        given = 0
        go_on: dict[str, str] = {}
        while given < count:
            asked = {
                "action": "query", "format": "json", "formatversion": "2", "maxlag": str(MAX_LAG_S),
                "generator": "search", "gsrnamespace": "6", "gsrsearch": f"filetype:bitmap {query}",
                "gsrlimit": str(min(PER_PAGE, max(10, count))),
                "prop": "imageinfo", "iiprop": "url|size|mime|extmetadata",
                "iiextmetadatafilter": "License|LicenseShortName|LicenseUrl|Artist|ImageDescription",
                **go_on,
            }  # fmt: skip
            answer = self._ask(f"{self._connection.base_url}/w/api.php?{urlencode(asked)}")
            self._connection.pages += 1
            pages = (answer.get("query") or {}).get("pages") or []
            found = [
                photo for page in sorted(pages, key=lambda page: page.get("index", 0)) if (photo := self._photo(page))
            ]
            for photo in found[: count - given]:
                yield photo
                given += 1
            go_on = {str(key): str(value) for key, value in (answer.get("continue") or {}).items()}
            if not go_on or not pages:
                return

    def note_use(self, photo: Photo) -> None: ...

    def _photo(self, page: dict[str, Any]) -> Photo | None:
        info = next(iter(page.get("imageinfo") or []), None)
        if not info or info.get("mime") not in TYPES or not info.get("url"):
            return None
        told = {name: str(entry.get("value", "")) for name, entry in (info.get("extmetadata") or {}).items()}
        code = licence_code(told.get("License", ""))
        licence = " ".join(part for part in (told.get("LicenseShortName", ""), told.get("LicenseUrl", "")) if part)
        return Photo(
            info["url"],
            info.get("descriptionurl") or info["url"],
            str(page.get("title", "")).removeprefix("File:"),
            licence,
            plain_text(told.get("Artist", "")),
            rejected="" if code in self._licences else f"licence: {told.get('License') or 'none'}",
        )

    def _ask(self, url: str) -> dict[str, Any]:
        response = self._connection.ask(url)
        code = ""
        if response.status_code == 200:
            answer = self._connection.content(response)
            code = str((answer.get("error") or {}).get("code", ""))
            if code and code not in BUSY:
                raise PhotoApiError(
                    f"{self._connection.base_url} refused: {answer['error'].get('info', code)}; check queries"
                )
        if response.status_code == 429 or code:
            wait = response.headers.get("Retry-After", "")
            when = f"in {wait} s" if wait.isdigit() else "later"
            raise RateLimited(
                f"{self._connection.base_url} is busy ({code or 429}); run this again {when}, "
                "it goes on where it stopped"
            )
        return answer if response.status_code == 200 else self._connection.content(response)


def licence_code(told: str) -> str:
    """Commons' licence code in Openverse's words: `cc-by-sa-4.0` is `by-sa`, `pd-old` is `pdm`."""
    told = told.lower()
    if told in ("cc0", "cc-zero") or told.startswith("cc0"):
        return "cc0"
    if told == "pd" or told.startswith(("pd-", "public domain")):
        return "pdm"
    match = re.match(r"cc-(by(?:-nc)?(?:-sa|-nd)?)(?:-|$)", told)
    return match[1] if match else told


def plain_text(markup: str) -> str:
    """What a reader sees of a little HTML."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())
