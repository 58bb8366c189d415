"""`kind = "unsplash"`: search by query, as https://unsplash.com/documentation describes it.

Unsplash asks who trains on its photos for written permission; without a reference to it nothing is asked.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from crawlers.guard import Refused, check_url, resolves_public
from dataset.ledger import Download, Ledger, Sighting, SourceReport, sole_run
from dataset.project import Project
from isitcake.errors import ConfigError, PhotoApiError
from isitcake.settings import Source

PER_PAGE = 30
TIMEOUT_S = (10, 60)
MAX_BYTES = 50 * 1024 * 1024


class RateLimited(PhotoApiError): ...


def collect_unsplash(project: Project, source: Source, now: datetime, tell: Callable[[int, int], None]) -> SourceReport:
    """The first `per_query` photos of every query. tell(done, expected) after each.

    Raises ConfigError without permission or key, PhotoApiError when the service refuses or is out of
    reach; what was collected stays, and the next run goes on from there.
    """
    key = project.settings.secrets.unsplash_access_key.get_secret_value()
    if not source.permission:
        raise ConfigError(
            f"source {source.name!r}: permission is empty, and Unsplash's terms ask for one to train on its "
            "photos; write its reference there, or use another source"
        )
    if not key:
        raise ConfigError(f"source {source.name!r} needs a key; set ISITCAKE_UNSPLASH_ACCESS_KEY")
    project.settings.require_contact()
    with sole_run(project, source):
        ledger = Ledger(project, source, now)
        api = _Api(project, source, key)
        candidates: set[str] = set()
        expected = len(source.queries) * source.per_query
        for query in source.queries:
            for photo in api.search(query, source.per_query):
                address = photo["urls"]["raw"]
                candidates.add(address)
                _take(ledger, api, photo, address, query)
                tell(len(candidates), expected)
        return ledger.finish(pages=api.pages, candidates=len(candidates), requests=api.images, notes=[])


class _Api:
    """Requests to one Unsplash-like service."""

    def __init__(self, project: Project, source: Source, key: str) -> None:
        self.base_url = source.base_url.rstrip("/")
        self.allowed = frozenset(project.settings.crawl.allow_private_hosts)
        self.pages = self.images = 0
        self.session = requests.Session()
        self.session.headers["User-Agent"] = project.settings.user_agent
        self.authorisation = {"Authorization": f"Client-ID {key}", "Accept-Version": "v1"}

    def search(self, query: str, count: int) -> Iterator[dict[str, Any]]:
        """The first `count` photos in the service's own order."""
        page, given = 1, 0
        while given < count:
            asked = {"query": query, "page": page, "per_page": min(PER_PAGE, count), "content_filter": "high"}
            answer = self._json(f"{self.base_url}/search/photos?{urlencode(asked)}")
            self.pages += 1
            photos = answer.get("results")
            if not isinstance(photos, list):
                raise PhotoApiError(f"{self.base_url} answered a search with something else; check base_url")
            for photo in photos[: count - given]:
                yield photo
                given += 1
            if not photos or page >= int(answer.get("total_pages", 0)):
                return
            page += 1

    def note_use(self, photo: dict[str, Any]) -> None:
        """Tell the service that the photo is used, as its guidelines ask."""
        self._json(photo["links"]["download_location"])

    def image(self, url: str, etag: str, last_modified: str) -> requests.Response:
        headers = {"If-None-Match": etag} if etag else {}
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        self.images += 1
        return self._get(url, headers)

    def _json(self, url: str) -> dict[str, Any]:
        response = self._get(url, self.authorisation)
        text = response.content[:300].decode("utf-8", "replace")
        if response.status_code == 429 or (response.status_code == 403 and "rate limit" in text.lower()):
            raise RateLimited(
                f"{self.base_url}: the hour's requests are used up; run this again in an hour, it goes on "
                "where it stopped"
            )
        if response.status_code == 401:
            raise PhotoApiError(f"{self.base_url} does not know the access key; mend ISITCAKE_UNSPLASH_ACCESS_KEY")
        try:
            content = response.json()
        except ValueError:
            content = None
        if response.status_code >= 400:
            errors = content.get("errors") if isinstance(content, dict) else None
            why = "; ".join(map(str, errors)) if errors else text
            raise PhotoApiError(f"{self.base_url} answered {response.status_code}: {why}; try again later")
        if not isinstance(content, dict):
            raise PhotoApiError(f"{self.base_url} answered with something that is not JSON; check base_url")
        return content

    def _get(self, url: str, headers: dict[str, str]) -> requests.Response:
        try:
            for _ in range(5):
                self._check(url)
                response = self.session.get(url, headers=headers, timeout=TIMEOUT_S, allow_redirects=False, stream=True)
                if not response.is_redirect:
                    break
                url = requests.compat.urljoin(url, response.headers["Location"])
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
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
        check_url(url, self.allowed)
        parts = urlsplit(url)
        if f"{parts.hostname}:{parts.port}" not in self.allowed and not resolves_public(parts.hostname or ""):
            raise Refused("address: private host, or no such name")


def _take(ledger: Ledger, api: _Api, photo: dict[str, Any], address: str, query: str) -> None:
    page = photo["links"]["html"]
    user = photo.get("user") or {}
    seen = Sighting(
        image_url=address,
        page_url=page,
        site=f"{ledger.source.name}:{query}",
        alt=photo.get("alt_description") or photo.get("description") or "",
        creator=user.get("name") or "",
    )
    sha256 = ledger.settled.get(address)
    if address not in ledger.settled:
        last = ledger.last_fetch(address)
        if last is None:
            api.note_use(photo)  # before the picture: past the limit nothing is fetched that would be fetched again
        try:
            response = api.image(address, last.etag if last else "", last.last_modified if last else "")
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
        ledger.sight(sha256, [seen])
