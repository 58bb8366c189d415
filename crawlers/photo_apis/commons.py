"""Sources of `kind = "commons"`: Wikimedia Commons, by MediaWiki's API (https://www.mediawiki.org/wiki/API:Search).

Wikimedia wants a contact in the user agent, few connections, and a later try when its servers lag (`maxlag`).
"""

import html
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from crawlers.photo_apis.protocol import Connection, Photo, RateLimited, count_in, number
from dataset.project import Project
from foundation.errors import PhotoApiError
from foundation.settings import Source

RESULTS_PER_PAGE = 50
MAX_LAG_S = 5  # servers that lag more refuse the request
MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")
MAX_MARKUP_CHARS = 20_000  # of an author or a description
LONG_NUMBER = re.compile(r"&#[0-9]{8,};?")  # no character has such a number, and Python refuses to read a long one
BUSY_CODES = ("maxlag", "ratelimited", "readonly")


class Commons:
    """Searches photos only (filetype:bitmap); each result has its licence, author and description page."""

    def __init__(self, connection: Connection, project: Project, source: Source) -> None:  # noqa: ARG002
        self._connection = connection
        self._licences = source.licences

    def search(self, query: str, count: int) -> Iterator[Photo]:
        count_so_far = 0
        continuation: dict[str, str] = {}
        while count_so_far < count:
            parameters = {
                "action": "query", "format": "json", "formatversion": "2", "maxlag": str(MAX_LAG_S),
                "generator": "search", "gsrnamespace": "6", "gsrsearch": f"filetype:bitmap {query}",
                "gsrlimit": str(min(RESULTS_PER_PAGE, max(10, count))),
                "prop": "imageinfo", "iiprop": "url|size|mime|extmetadata",
                "iiextmetadatafilter": "License|LicenseShortName|LicenseUrl|Artist|ImageDescription",
                **continuation,
            }  # fmt: skip
            answer = self._ask(f"{self._connection.base_url}/w/api.php?{urlencode(parameters)}")
            self._connection.pages += 1
            pages = (answer.get("query") or {}).get("pages") or []
            photos = [
                photo
                for page in sorted(pages, key=lambda page: count_in(page, "index"))
                if (photo := self._photo(page))
            ]
            for photo in photos[: count - count_so_far]:
                yield photo
                count_so_far += 1
            continuation = {str(key): str(value) for key, value in (answer.get("continue") or {}).items()}
            if not continuation or not pages:
                return

    def note_use(self, photo: Photo) -> None: ...

    def _photo(self, page: dict[str, Any]) -> Photo | None:
        info = next(iter(page.get("imageinfo") or []), None)
        if not info or info.get("mime") not in MEDIA_TYPES or not info.get("url"):
            return None
        metadata = {name: str(entry.get("value", "")) for name, entry in (info.get("extmetadata") or {}).items()}
        code = licence_code(metadata.get("License", ""))
        licence = " ".join(
            part for part in (metadata.get("LicenseShortName", ""), metadata.get("LicenseUrl", "")) if part
        )
        return Photo(
            info["url"],
            info.get("descriptionurl") or info["url"],
            str(page.get("title", "")).removeprefix("File:"),
            licence,
            plain_text(metadata.get("Artist", "")),
            rejected="" if code in self._licences else f"licence: {metadata.get('License') or 'none'}",
        )

    def _ask(self, url: str) -> dict[str, Any]:
        response = self._connection.ask(url)
        code = ""
        if response.status == 200:
            answer = self._connection.content(response)
            code = str((answer.get("error") or {}).get("code", ""))
            if code and code not in BUSY_CODES:
                raise PhotoApiError(
                    f"{self._connection.base_url} refused: {answer['error'].get('info', code)}; check queries"
                )
        if response.status == 429 or code:
            wait = response.headers.get("Retry-After", "")
            when = f"in {wait} s" if number(wait) is not None else "later"
            raise RateLimited(
                f"{self._connection.base_url} is busy ({code or 429}); run this again {when}, "
                "it continues where it stopped"
            )
        return answer if response.status == 200 else self._connection.content(response)


def licence_code(commons_code: str) -> str:
    """Openverse's code for a licence code of Commons: `by-sa` for `cc-by-sa-4.0`, `pdm` for `pd-old`."""
    code = commons_code.lower()
    if code in ("cc0", "cc-zero") or code.startswith("cc0"):
        return "cc0"
    if code == "pd" or code.startswith(("pd-", "public domain")):
        return "pdm"
    match = re.match(r"cc-(by(?:-nc)?(?:-sa|-nd)?)(?:-|$)", code)
    return match[1] if match else code


def plain_text(markup: str) -> str:
    """The text of a little HTML, without its tags."""
    text = re.sub(r"<[^<>]*>", " ", markup[:MAX_MARKUP_CHARS])
    return " ".join(html.unescape(LONG_NUMBER.sub("", text)).split())
