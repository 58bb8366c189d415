"""A photo API that follows Unsplash's public documentation: search, paging, download_location, errors, limits."""

import hashlib
import io
import json
from urllib.parse import parse_qs, quote

from PIL import Image

from simulator.server import Answer, image_answer
from simulator.world import Picture

MAX_PER_PAGE = 30
ACCESS_KEY = "simulator-access-key"
IXLIB = "ixlib=rb-4.0.3"


class PhotoApi:
    """Answers `limit` requests, then 403 with the text "Rate Limit Exceeded".

    remaining: requests until then. downloads: ids of the photos whose use was reported.
    """

    def __init__(self, photos: dict[str, list[Picture]], limit: int = 5000) -> None:
        self.photos = photos
        self.limit = self.remaining = limit
        self.downloads: list[str] = []
        self.by_id = {picture_id(picture): picture for results in photos.values() for picture in results}

    def answer(self, path: str, query: str, headers: dict[str, str]) -> Answer:
        parameters = {name: values[-1] for name, values in parse_qs(query).items()}
        if path == "/robots.txt":
            return Answer(404, b"")
        if path.startswith("/photo-"):
            picture = self.by_id.get(path.removeprefix("/photo-"))
            width = int(parameters["w"]) if parameters.get("w", "").isdigit() else None
            return image_answer(picture, width) if picture else Answer(404, b"")
        if headers.get("authorization") != f"Client-ID {ACCESS_KEY}":
            return self._errors(401, "OAuth error: The access token is invalid")
        if self.remaining <= 0:
            return Answer(403, b"Rate Limit Exceeded", "text/plain", self._limits())
        self.remaining -= 1
        host = headers.get("host", "")
        if path == "/search/photos":
            return self._search(parameters, host)
        if path.startswith("/photos/") and path.endswith("/download"):
            picture_id = path.split("/")[2]
            if picture_id in self.by_id:
                self.downloads.append(picture_id)
                return self._json({"url": f"http://{host}/photo-{picture_id}?{IXLIB}"})
        return self._errors(404, "Couldn't find Photo")

    def _search(self, parameters: dict[str, str], host: str) -> Answer:
        if not parameters.get("query"):
            return self._errors(400, "query is missing")
        results = self.photos.get(parameters["query"], [])
        size = max(1, min(MAX_PER_PAGE, int(parameters.get("per_page", 10))))
        number = max(1, int(parameters.get("page", 1)))
        pages = -(-len(results) // size)
        part = results[(number - 1) * size : number * size]
        content = {"total": len(results), "total_pages": pages, "results": [self._photo(p, host) for p in part]}
        return self._json(content, {"X-Total": str(len(results)), "X-Per-Page": str(size)})

    def _photo(self, picture: Picture, host: str) -> dict[str, object]:
        identity = picture_id(picture)
        raw = f"http://{host}/photo-{identity}?{IXLIB}"
        with Image.open(io.BytesIO(picture.content)) as image:
            width, height = image.size
        user = f"photographer{int(identity[:2], 16) % 7}"
        return {
            "id": identity,
            "created_at": "2024-05-01T10:00:00Z",
            "width": width,
            "height": height,
            "color": "#808080",
            "description": None,
            "alt_description": picture.slug.replace("-", " "),
            "urls": {name: f"{raw}&w={w}" if w else raw for name, w in URL_WIDTHS_PX.items()},
            "links": {
                "self": f"http://{host}/photos/{identity}",
                "html": f"http://{host}/photos/{quote(picture.slug)}-{identity}",
                "download": f"http://{host}/photos/{identity}/download",
                "download_location": f"http://{host}/photos/{identity}/download?ixid=sim",
            },
            "user": {
                "id": user,
                "username": user,
                "name": user.capitalize(),
                "links": {"html": f"http://{host}/@{user}"},
            },
        }

    def _limits(self) -> dict[str, str]:
        return {"X-Ratelimit-Limit": str(self.limit), "X-Ratelimit-Remaining": str(self.remaining)}

    def _json(self, content: object, headers: dict[str, str] | None = None) -> Answer:
        return Answer(200, json.dumps(content).encode(), "application/json", {**self._limits(), **(headers or {})})

    def _errors(self, status: int, message: str) -> Answer:
        return Answer(status, json.dumps({"errors": [message]}).encode(), "application/json", self._limits())


URL_WIDTHS_PX = {"raw": None, "full": 2400, "regular": 1080, "small": 400, "thumb": 200}


def picture_id(picture: Picture) -> str:
    """The id that the service gives a photo."""
    return hashlib.sha256(f"{picture.slug}{picture.suffix}".encode()).hexdigest()[:11]
