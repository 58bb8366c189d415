"""Openverse and Wikimedia Commons, following their public documentation: search, paging, licences, limits."""

import json
from urllib.parse import parse_qs, quote

from simulator.photo_api import picture_id
from simulator.server import Answer, image_answer
from simulator.world import Picture

OPENVERSE_PAGES = 20
LICENCES = ("cc0", "by", "by-nc", "by-sa", "pdm")  # the pictures get them in turn


class _Pictures:
    """Pictures by query, each with a licence; their files are under /files/."""

    def __init__(self, photos: dict[str, list[Picture]], limit: int) -> None:
        self.photos = photos
        self.remaining = limit
        self.by_id = {picture_id(picture): picture for results in photos.values() for picture in results}
        self.licence_of = {identity: LICENCES[n % len(LICENCES)] for n, identity in enumerate(self.by_id)}

    def file(self, path: str) -> Answer:
        picture = self.by_id.get(path.removeprefix("/files/").partition(".")[0])
        return image_answer(picture) if picture else Answer(404, b"")


class OpenverseApi(_Pictures):
    """Use without an account: 20 results a page, 20 pages; 429 after `limit` requests."""

    def __init__(self, photos: dict[str, list[Picture]], limit: int = 200) -> None:
        super().__init__(photos, limit)

    def answer(self, path: str, query: str, headers: dict[str, str]) -> Answer:
        if path.startswith("/files/"):
            return self.file(path)
        if path != "/v1/images/":
            return _json({"detail": "Not results."}, 404)
        if self.remaining <= 0:
            content = {"detail": "Request was throttled. Expected available in 60 seconds."}
            return _json(content, 429, {"Retry-After": "60"})
        self.remaining -= 1
        parameters = {name: values[-1] for name, values in parse_qs(query).items()}
        size, number = int(parameters.get("page_size", 20)), int(parameters.get("page", 1))
        if size > 20 or number > OPENVERSE_PAGES:
            return _json({"detail": {"page_size": ["Ensure this value is less than or equal to 20."]}}, 400)
        wanted = set(parameters["license"].split(",")) if parameters.get("license") else set(LICENCES)
        results = [p for p in self.photos.get(parameters.get("q", ""), []) if self.licence_of[picture_id(p)] in wanted]
        part = results[(number - 1) * size : number * size]
        host = headers.get("host", "")
        return _json(
            {
                "result_count": len(results),
                "page_count": min(OPENVERSE_PAGES, -(-len(results) // size)),
                "page_size": size,
                "page": number,
                "results": [self._image(picture, host) for picture in part],
            }
        )

    def _image(self, picture: Picture, host: str) -> dict[str, object]:
        identity = picture_id(picture)
        licence = self.licence_of[identity]
        return {
            "id": identity,
            "title": picture.slug.replace("-", " "),
            "foreign_landing_url": f"http://{host}/pages/{identity}",
            "url": f"http://{host}/files/{identity}{picture.suffix}",
            "creator": f"Photographer {identity[:2]}",
            "license": licence,
            "license_version": "1.0" if licence in ("cc0", "pdm") else "4.0",
            "license_url": f"https://creativecommons.org/licenses/{licence}/4.0/",
            "provider": "flickr",
            "source": "flickr",
            "mature": False,
        }


class CommonsApi(_Pictures):
    """MediaWiki's api.php: search as generator, image info, continuation; the error maxlag after `limit` requests."""

    def __init__(self, photos: dict[str, list[Picture]], limit: int = 1000) -> None:
        super().__init__(photos, limit)

    def answer(self, path: str, query: str, headers: dict[str, str]) -> Answer:
        if path.startswith("/files/"):
            return self.file(path)
        if path != "/w/api.php":
            return Answer(404, b"<h1>Not results</h1>")
        if "/" not in headers.get("user-agent", "") or "+" not in headers.get("user-agent", ""):
            return Answer(403, b"Please set a user-agent and respect our robot policy.", "text/plain")
        if self.remaining <= 0:
            error = {"error": {"code": "maxlag", "info": "Waiting for db1: 7 seconds lagged.", "lag": 7}}
            return _json(error, 200, {"Retry-After": "5"})
        self.remaining -= 1
        parameters = {name: values[-1] for name, values in parse_qs(query).items()}
        results = self.photos.get(parameters.get("gsrsearch", "").removeprefix("filetype:bitmap "), [])
        start, size = int(parameters.get("gsroffset", 0)), int(parameters.get("gsrlimit", 10))
        part = results[start : start + size]
        if not part:
            return _json({"batchcomplete": True})
        host = headers.get("host", "")
        pages = [self._page(picture, start + n + 1, host) for n, picture in enumerate(part)]
        pages.reverse()  # the service answers in the order of page numbers; `index` has the order of the search
        content: dict[str, object] = {"batchcomplete": True, "query": {"pages": pages}}
        if start + size < len(results):
            content["continue"] = {"gsroffset": start + size, "continue": "gsroffset||"}
        return _json(content)

    def _page(self, picture: Picture, index: int, host: str) -> dict[str, object]:
        identity = picture_id(picture)
        licence = self.licence_of[identity]
        code = {"cc0": "cc0", "pdm": "pd"}.get(licence, f"cc-{licence}-4.0")
        title = f"File:{picture.slug}{picture.suffix}"
        return {
            "pageid": int(identity[:7], 16),
            "ns": 6,
            "title": title,
            "index": index,
            "imageinfo": [
                {
                    "url": f"http://{host}/files/{identity}{picture.suffix}",
                    "descriptionurl": f"http://{host}/wiki/{quote(title)}",
                    "mime": "image/jpeg",
                    "extmetadata": {
                        "License": {"value": code},
                        "LicenseShortName": {"value": code.upper()},
                        "Artist": {"value": f'<a href="//{host}/wiki/User:X">Photographer&nbsp;{identity[:2]}</a>'},
                    },
                }
            ],
        }


def _json(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, json.dumps(content).encode(), "application/json", headers or {})
