"""Store original bytes under their SHA-256, on this disk or in a bucket of an S3-compatible service."""

import hashlib
import os
from pathlib import Path
from typing import Protocol

from dataset.pictures import formats
from dataset.pictures.picture_lock import PictureLock
from foundation.errors import StorageError
from foundation.files import storage_errors, write_once
from foundation.settings import Settings
from foundation.sharing.bucket import Bucket, bucket_of


class Blobs(Protocol):
    """Original bytes, stored once and never changed. Bytes that are gone or out of reach raise StorageError."""

    def put(self, content: bytes, image_format: str) -> str:
        """Store the bytes. Returns their SHA-256, 64 hex digits."""

    def read(self, sha256: str, image_format: str) -> bytes: ...

    def start(self, sha256: str, image_format: str, count: int) -> bytes:
        """The first `count` bytes, or all if there are fewer."""

    def path(self, sha256: str, image_format: str) -> Path:
        """A file on this disk with the bytes. They are downloaded first if they are in a bucket."""

    def address(self, sha256: str, image_format: str) -> str:
        """Path or URL of the bytes, for messages."""

    def size(self, sha256: str, image_format: str) -> int | None:
        """How many bytes are stored; None if there are none."""

    def discard(self, sha256: str) -> None:
        """Remove the bytes, in any format. Nothing happens if there are none."""

    def forget(self, sha256: str) -> None:
        """Remove the copies that this machine keeps of bytes that are stored elsewhere."""


class LocalBlobs:
    """Read-only files in a folder: ab/<sha256>.<ext>."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._root = str(root)  # a million Path objects cost

    def path(self, sha256: str, image_format: str) -> Path:
        return self.root / _key(sha256, image_format)

    def address(self, sha256: str, image_format: str) -> str:
        return f"{self._root}/{_key(sha256, image_format)}"

    def size(self, sha256: str, image_format: str) -> int | None:
        try:
            return os.stat(self.address(sha256, image_format)).st_size  # noqa: PTH116
        except OSError:
            return None

    def put(self, content: bytes, image_format: str) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        write_once(self.path(sha256, image_format), content)
        return sha256

    def read(self, sha256: str, image_format: str) -> bytes:
        return self.start(sha256, image_format, -1)

    def start(self, sha256: str, image_format: str, count: int) -> bytes:
        path = self.path(sha256, image_format)
        try:
            with storage_errors(path), path.open("rb") as file:
                return file.read(count)
        except StorageError:
            if path.is_file():
                raise
            raise StorageError(_gone(str(path))) from None

    def discard(self, sha256: str) -> None:
        for path in (self.root / sha256[:2]).glob(f"{sha256}.*"):
            path.unlink(missing_ok=True)

    def forget(self, sha256: str) -> None:
        """There are none: the bytes are here."""


class S3Blobs:
    """Objects in a bucket, with the same names as files on a disk. cache: folder for downloaded files."""

    def __init__(self, bucket: Bucket, cache: Path) -> None:
        self._bucket = bucket
        self._cache = LocalBlobs(cache)
        self._cache_lock = PictureLock(cache.with_suffix(".lock"))

    def size(self, sha256: str, image_format: str) -> int | None:
        return self._bucket.size(_key(sha256, image_format))

    def address(self, sha256: str, image_format: str) -> str:
        return f"{self._bucket.url}/{_key(sha256, image_format)}"

    def put(self, content: bytes, image_format: str) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        key = _key(sha256, image_format)
        if self._bucket.size(key) is None:
            self._bucket.put(key, content)  # atomic; two writers write the same bytes
        return sha256

    def read(self, sha256: str, image_format: str) -> bytes:
        return self._bucket.read(_key(sha256, image_format))

    def start(self, sha256: str, image_format: str, count: int) -> bytes:
        return self._bucket.start(_key(sha256, image_format), count)

    def path(self, sha256: str, image_format: str) -> Path:
        path = self._cache.path(sha256, image_format)
        if not path.is_file():
            with self._cache_lock.storing():  # an erasure at the same moment removes what this writes
                write_once(path, self.read(sha256, image_format))
        return path

    def discard(self, sha256: str) -> None:
        keys = [entry.key for entry in self._bucket.entries(f"{sha256[:2]}/")]
        self._bucket.delete([key for key in keys if key.startswith(f"{sha256[:2]}/{sha256}.")])
        self.forget(sha256)

    def forget(self, sha256: str) -> None:
        with self._cache_lock.erasing():
            self._cache.discard(sha256)


def blobs_of(settings: Settings) -> Blobs:
    """The store of [blobs] url."""
    if settings.blobs.url == "local":
        return LocalBlobs(settings.home / "blobs")
    return S3Blobs(bucket_of(settings), settings.home / "cache" / "blobs")


def _key(sha256: str, image_format: str) -> str:
    return f"{sha256[:2]}/{sha256}.{formats.READ.get(image_format, 'bin')}"


def _gone(address: str) -> str:
    return f"{address} is gone; restore it, or erase the image"
