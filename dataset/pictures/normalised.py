"""Normalised pictures: derived/<recipe>/ab/<sha256>.jpg, made when they are first needed.

Every command imports this module, so Pillow is imported only where a picture is needed.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from dataset.pictures.originals import Blobs
from dataset.pictures.picture_lock import PictureLock
from foundation.errors import StorageError
from foundation.files import storage_errors, write_once


@dataclass(frozen=True)
class NormalisedPictures:
    """The store of normalised pictures. home: the library. originals: the pictures are made from these."""

    home: Path
    originals: Blobs

    @property
    def lock(self) -> PictureLock:
        """Held while a picture is made, and while an erasure removes pictures."""
        return PictureLock(self.home / "locks" / "pictures.lock")

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
        path = self.path(sha256)
        if path.exists():
            return path
        with self.lock.storing():  # an erasure removes the original before this reads it, or the picture after it
            write_once(path, self._made(sha256, image_format))
        return path

    def content(self, sha256: str, image_format: str) -> bytes:
        """The bytes of a normalised picture, stored unless the library cannot be written. Raises StorageError."""
        path = self.path(sha256)
        if not path.exists() and not os.access(self.home, os.W_OK):
            return self._made(sha256, image_format)
        with storage_errors(path):
            return self.make(sha256, image_format).read_bytes()

    def make_again(self, sha256: str, image_format: str) -> bytes:
        """Make a picture from its original once more, if the file differs from that. Returns the picture.

        Raises StorageError if the original is gone or damaged; then the file stays as it is.
        """
        path = self.path(sha256)
        with self.lock.storing():
            content = self._made(sha256, image_format)
            if not path.is_file() or path.read_bytes() != content:
                path.unlink(missing_ok=True)  # versions keep their own links to the file as it was
                write_once(path, content)
        return content

    def _made(self, sha256: str, image_format: str) -> bytes:
        from dataset.pictures.decoding import Undecodable, normalise

        blob = self.originals.address(sha256, image_format)
        original = self.originals.read(sha256, image_format)
        try:
            content = normalise(original)
        except Undecodable as error:
            raise StorageError(f"{blob} is damaged ({error}); restore it, or erase the image") from error
        if hashlib.sha256(original).hexdigest() != sha256:
            raise StorageError(f"{blob} is not what was stored; restore it, or erase the image")
        return content
