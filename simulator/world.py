"""The pictures of the small internet, and the true label of each."""

import csv
import hashlib
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from simulator import drawings

TALK_QUERIES = tuple(drawings.DRAWN)
BAKERS = ("tiers-and-tears", "sugar-harbour", "the-icing-room", "crumb-and-co", "layer-street", "batter-days")


@dataclass
class Picture:
    """One image file. slug: its name on the site, unique there. suffix: with the dot. make: reads or draws it."""

    slug: str
    suffix: str
    label: str
    make: Callable[[], bytes] = field(repr=False)
    _content: bytes | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def content(self) -> bytes:
        """The file's bytes, made at the first access."""
        with self._lock:
            if self._content is None:
                self._content = self.make()
            return self._content

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Baker:
    name: str
    platform: str
    gallery: list[Picture]
    logo: Picture | None = None


@dataclass(frozen=True)
class World:
    """bakers: one per site. photos: results of the photo API, by query."""

    bakers: list[Baker]
    photos: dict[str, list[Picture]]

    def truth(self) -> dict[str, str]:
        """Label of every picture by the SHA-256 of its bytes."""
        pictures = [picture for baker in self.bakers for picture in baker.gallery]
        pictures += [baker.logo for baker in self.bakers if baker.logo]
        pictures += [picture for results in self.photos.values() for picture in results]
        return {picture.sha256: picture.label for picture in pictures}


def drawn_world(platforms: tuple[str, ...], *, cakes: int = 20, per_query: int = 4, seed: int = 1) -> World:
    """A world of drawings. Every baker has cakes, biscuits, a banner, a logo, and photos that are used twice."""
    bakers = []
    for number, name in enumerate(BAKERS):
        shelf = Shelf(random.Random(f"{seed} {name}"))
        amount = cakes + shelf.rng.randrange(-cakes // 4, cakes // 4 + 1) + (cakes // 4 if number == 0 else 0)
        for n in range(amount):
            shelf.put(f"cake-{n + 1:02}", "cake", drawings.cake)
        for n in range(max(1, amount // 6)):
            shelf.put(f"treats-{n + 1:02}", "not_cake", drawings.biscuits)
        for n in range(max(1, amount // 10)):
            shelf.put(f"shop-{n + 1:02}", "not_cake", partial(drawings.thing, query="anything"))
        shelf.put("welcome", "unusable", drawings.banner)
        for n in range(max(1, amount // 10)):
            shelf.repeat(f"favourite-{n + 1:02}", shelf.pictures[n * 3])
        logo = shelf.draw("logo", ".png", "unusable", drawings.logo)
        shelf.rng.shuffle(shelf.pictures)
        bakers.append(Baker(name, platforms[number % len(platforms)], shelf.pictures, logo))
    photos = {}
    for query in TALK_QUERIES:
        shelf = Shelf(random.Random(f"{seed} {query}"))
        for n in range(per_query):
            shelf.put(f"{query.replace(' ', '-')}-{n + 1}", "not_cake", lambda rng, q=query: drawings.thing(rng, q))  # type: ignore[misc]
        photos[query] = shelf.pictures
    return World(bakers, photos)


def photo_world(folder: Path, platforms: tuple[str, ...]) -> World:
    """A world of real photos.

    folder: has truth.csv (site, file, label) with bakers/<site>/<file>, and objects.csv (file, query) with
    objects/<file>. Raises FileNotFoundError or KeyError where a file or a column is missing.
    """
    shelves: dict[str, list[Picture]] = {}
    for row in _rows(folder / "truth.csv"):
        path = folder / "bakers" / row["site"] / row["file"]
        shelves.setdefault(row["site"], []).append(_from_file(path, row["label"], len(shelves.get(row["site"], []))))
    photos: dict[str, list[Picture]] = {}
    for number, row in enumerate(_rows(folder / "objects.csv")):
        picture = _from_file(folder / "objects" / row["file"], "not_cake", number)
        photos.setdefault(row["query"], []).append(picture)
    bakers = [
        Baker(site, platforms[number % len(platforms)], pictures)
        for number, (site, pictures) in enumerate(sorted(shelves.items()))
    ]
    return World(bakers, photos)


class Shelf:
    """Pictures of one baker or one query, drawn one after the other from its own random numbers."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.pictures: list[Picture] = []

    def draw(self, slug: str, suffix: str, label: str, draw: Callable[[random.Random], bytes]) -> Picture:
        seed = self.rng.getrandbits(64)
        return Picture(slug, suffix, label, lambda: draw(random.Random(seed)))

    def put(self, slug: str, label: str, draw: Callable[[random.Random], bytes]) -> None:
        self.pictures.append(self.draw(slug, ".jpg", label, draw))

    def repeat(self, slug: str, of: Picture) -> None:
        """The same photo under another name, smaller and compressed again."""
        self.pictures.append(self.draw(slug, ".jpg", of.label, lambda rng: drawings.recompressed(of.content, rng)))


def _from_file(path: Path, label: str, number: int) -> Picture:
    if not path.is_file():
        raise FileNotFoundError(path)
    return Picture(f"photo-{number + 1:03}", path.suffix.lower() or ".jpg", label, path.read_bytes)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
