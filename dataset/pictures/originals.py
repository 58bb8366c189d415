"""Store original bytes under their SHA-256, on this disk or in a bucket of an S3-compatible service."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from dataset.pictures import formats
from dataset.pictures.picture_lock import PictureLock
from foundation.errors import StorageError
from foundation.files import storage_errors, write_once
from foundation.settings import Settings


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


class LocalBlobs:
    """Read-only files in a folder: ab/<sha256>.<ext>."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._root = str(root)  # a million Path objects cost

    def path(self, sha256: str, image_format: str) -> Path:
        return self.root / _key(sha256, image_format)

    def address(self, sha256: str, image_format: str) -> str:
        return str(self.path(sha256, image_format))

    def size(self, sha256: str, image_format: str) -> int | None:
        try:
            return os.stat(f"{self._root}/{_key(sha256, image_format)}").st_size  # noqa: PTH116
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


class S3Blobs:
    """Objects in a bucket, with the same names as files on a disk. cache: folder for downloaded files."""

    def __init__(self, url: str, store: Any, cache: Path) -> None:
        self.url = url.rstrip("/")
        self._store = store
        self._cache = LocalBlobs(cache)
        self._cache_lock = PictureLock(cache.with_suffix(".lock"))

    def size(self, sha256: str, image_format: str) -> int | None:
        key = _key(sha256, image_format)
        with self._service_errors(key):
            try:
                return int(self._store.head(key)["size"])
            except FileNotFoundError:
                return None

    def address(self, sha256: str, image_format: str) -> str:
        return f"{self.url}/{_key(sha256, image_format)}"

    def put(self, content: bytes, image_format: str) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        key = _key(sha256, image_format)
        with self._service_errors(key):
            if not self._exists(key):
                self._store.put(key, content)  # atomic; two writers write the same bytes
        return sha256

    def read(self, sha256: str, image_format: str) -> bytes:
        key = _key(sha256, image_format)
        with self._service_errors(key):
            return bytes(self._store.get(key).bytes())

    def start(self, sha256: str, image_format: str, count: int) -> bytes:
        key = _key(sha256, image_format)
        with self._service_errors(key):
            return bytes(self._store.get_range(key, start=0, length=count))

    def path(self, sha256: str, image_format: str) -> Path:
        path = self._cache.path(sha256, image_format)
        if not path.is_file():
            with self._cache_lock.storing():  # an erasure at the same moment removes what this writes
                write_once(path, self.read(sha256, image_format))
        return path

    def discard(self, sha256: str) -> None:
        with self._service_errors(sha256):
            for key in [entry["path"] for part in self._store.list(f"{sha256[:2]}/") for entry in part]:
                if key.startswith(f"{sha256[:2]}/{sha256}."):
                    self._store.delete(key)
        with self._cache_lock.erasing():
            self._cache.discard(sha256)

    def _exists(self, key: str) -> bool:
        try:
            self._store.head(key)
        except FileNotFoundError:
            return False
        return True

    @contextmanager
    def _service_errors(self, key: str) -> Iterator[None]:
        """Turn errors of the service into StorageError."""
        from obstore.exceptions import BaseError

        try:
            yield
        except FileNotFoundError:
            raise StorageError(_gone(f"{self.url}/{key}")) from None
        except (BaseError, OSError) as error:
            reason = str(error).strip().splitlines()[0][:200]
            fix = "fix [blobs] or its keys and run this again"
            raise StorageError(f"{self.url} cannot be used ({reason}); {fix}") from error


def blobs_of(settings: Settings) -> Blobs:
    """The store of [blobs] url."""
    section = settings.blobs
    if section.url == "local":
        return LocalBlobs(settings.home / "blobs")
    from obstore.store import S3Store  # slow to import, and rarely needed

    url = urlsplit(section.url)
    options = {
        "region": section.region,
        "endpoint": section.endpoint,
        "access_key_id": settings.secrets.blobs_key_id.get_secret_value(),
        "secret_access_key": settings.secrets.blobs_secret.get_secret_value(),
    }
    config: Any = {name: value for name, value in options.items() if value}  # without keys: the machine's own role
    store = S3Store(
        url.netloc,
        prefix=url.path.strip("/") or None,
        config=config,
        client_options={"allow_http": section.endpoint.startswith("http://"), "timeout": "60s"},
        retry_config={"max_retries": 3},
    )
    return S3Blobs(section.url, store, settings.home / "cache" / "blobs")


def _key(sha256: str, image_format: str) -> str:
    return f"{sha256[:2]}/{sha256}.{formats.READ.get(image_format, 'bin')}"


def _gone(address: str) -> str:
    return f"{address} is gone; restore it, or erase the image"
