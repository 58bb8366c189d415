"""Normalised pictures: derived/<recipe>/ab/<sha256>.jpg, made when they are first needed.

Every command imports this module, so Pillow is imported only where a picture is needed.
"""

from dataclasses import dataclass
from pathlib import Path

from dataset.pictures.originals import Blobs
from foundation.errors import StorageError
from foundation.files import write_once


@dataclass(frozen=True)
class NormalisedPictures:
    """The store of normalised pictures. home: the library. originals: the pictures are made from these."""

    home: Path
    originals: Blobs

    @property
    def root(self) -> Path:
        from dataset.pictures.decoding import DERIVED_RECIPE

        return self.home / "derived" / DERIVED_RECIPE

    def path(self, sha256: str) -> Path:
        """Path of a normalised picture, whether it exists or not."""
        return self.root / sha256[:2] / f"{sha256}.jpg"

    def make(self, sha256: str, image_format: str) -> Path:
        """Path of the normalised picture, which is made if it is missing.

        Raises StorageError if the original is gone or damaged.
        """
        from dataset.pictures.decoding import Undecodable, normalise

        path = self.path(sha256)
        if path.exists():
            return path
        try:
            write_once(path, normalise(self.originals.read(sha256, image_format)))
        except Undecodable as error:
            blob = self.originals.address(sha256, image_format)
            raise StorageError(f"{blob} is damaged ({error}); restore it, or erase the image") from error
        return path
