"""Normalised pictures: derived/<recipe>/ab/<sha256>.jpg, made when first needed."""

from dataclasses import dataclass
from pathlib import Path

from dataset.pictures.decoding import DERIVED_RECIPE, Undecodable, normalise
from dataset.pictures.originals import Blobs
from foundation.errors import StorageError
from foundation.files import write_once


@dataclass(frozen=True)
class NormalisedPictures:
    """home: the library. originals: what pictures are made from."""

    home: Path
    originals: Blobs

    @property
    def root(self) -> Path:
        return self.home / "derived" / DERIVED_RECIPE

    def path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / f"{sha256}.jpg"

    def make(self, sha256: str, image_format: str) -> Path:
        """The normalised picture of an original. Raises StorageError where the original is gone or damaged."""
        path = self.path(sha256)
        if path.exists():
            return path
        try:
            write_once(path, normalise(self.originals.read(sha256, image_format)))
        except Undecodable as error:
            blob = self.originals.address(sha256, image_format)
            raise StorageError(f"{blob} is damaged ({error}); restore it, or erase the image") from error
        return path
