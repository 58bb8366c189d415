"""Photos of which one page does not tell whether they are content of the site; other pages may.

A page may show a photo as a logo or the like, see reading.furniture, and another page as content. What only the metas
of a page name may be a photo of that page, or one picture for the whole site, made for social networks.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from typing import Any

from crawlers.sites.discovery import Candidate
from crawlers.sites.reading.mentions import NOT_CONTENT

MIN_METAS = 3  # different photos in metas: then each page has its own


class Doubtful:
    """The doubtful photos of one source. They are asked for once a page shows them as content."""

    def __init__(self) -> None:
        self._furniture: dict[str, Candidate] = {}
        self._metas: dict[str, Candidate] = {}
        self._for_many: set[str] = set()  # in metas of more than one page

    def without(self, photos: Sequence[Candidate]) -> list[Candidate]:
        """The photos of a page that are not doubtful. What is alone on its page is not."""
        kept, metas = [], []
        for photo in photos:
            if photo.rejected.startswith(NOT_CONTENT):
                self._furniture.setdefault(photo.named_url, photo)
            elif not photo.rejected and all(offer.way.startswith("@meta") for offer in photo.tries):
                metas.append(photo)
            else:
                kept.append(photo)
        is_alone = all(photo.rejected for photo in kept)
        for photo in metas:
            if photo.named_url in self._metas:
                self._for_many.add(photo.named_url)
            elif is_alone:
                kept.append(photo)
            else:
                self._metas[photo.named_url] = photo
        return kept

    def released(self) -> list[dict[str, Any]]:
        """The items of photos that only metas name, of pages that have one of their own each."""
        own = [url for url in self._metas if url not in self._for_many]
        photos = [self._metas.pop(url) for url in own] if len(own) >= MIN_METAS else []
        return [{"page_url": photo.page_url, "photos": [photo]} for photo in photos]

    def left(self, settled: Container[str]) -> Iterator[Candidate]:
        """The doubtful photos that no page showed as content. settled: addresses that have their outcome."""
        metas = (replace(one, rejected=f"{NOT_CONTENT}named for the whole site") for one in self._metas.values())
        for photo in (*self._furniture.values(), *metas):
            if photo.named_url not in settled and photo.image_url not in settled:
                yield photo
