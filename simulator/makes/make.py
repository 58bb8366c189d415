"""A generated site of one make: its photos, and the pages, thumbnails and decoration around them."""

import hashlib
import random
from dataclasses import dataclass, field
from functools import cache

from simulator import drawings
from simulator.server import Answer, resized

THUMB_PX = 240  # wide; a crawler that stores these took the wrong address
ICON_PX = 48
NAMES = ("wedding", "birthday", "naked", "number", "tiered", "drip")
WORDS = "<p>" + "We bake cakes to order, for weddings, birthdays and every other good reason to have one. " * 3 + "</p>"


@dataclass(frozen=True)
class Make:
    """photos: bytes by path; all must be collected, and nothing else. answers: of other paths; `*` answers the rest."""

    name: str
    photos: dict[str, bytes]
    answers: dict[str, Answer] = field(default_factory=dict)

    @property
    def wanted(self) -> set[str]:
        """SHA-256 of the photos."""
        return {hashlib.sha256(content).hexdigest() for content in self.photos.values()}

    def answer(self, path: str, query: str, headers: dict[str, str]) -> Answer:  # noqa: ARG002
        """As a Host of simulator.server."""
        if path in self.photos:
            return jpeg(self.photos[path])
        known = self.answers.get(f"{path}?{query}") or self.answers.get(path) or self.answers.get("*")
        return known or Answer(404, b"<h1>Not found</h1>")


@cache
def cake(make: str, name: str) -> bytes:
    """A drawn cake, another one for each make and name."""
    seed = int.from_bytes(hashlib.sha256(f"{make} {name}".encode()).digest()[:4], "big")
    return drawings.cake(random.Random(seed))


def jpeg(content: bytes) -> Answer:
    return Answer(body=content, content_type="image/jpeg")


def thumb(content: bytes) -> Answer:
    """The small variant of a photo."""
    return jpeg(resized(content, THUMB_PX))


def icon(seed: int = 1) -> Answer:
    """A small picture that no dataset wants."""
    return jpeg(resized(drawings.logo(random.Random(seed)), ICON_PX))


def text(body: str, kind: str = "text/html; charset=utf-8", status: int = 200) -> Answer:
    return Answer(status, body.encode(), kind)


def script(body: str) -> Answer:
    return text(body, "text/javascript")


def photos(make: str, folder: str, names: tuple[str, ...] = NAMES) -> dict[str, bytes]:
    """Photos by path: folder/name.jpg."""
    return {f"{folder}/{name}.jpg": cake(make, name) for name in names}
