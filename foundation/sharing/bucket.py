"""A bucket of an S3-compatible service, through obstore. Keys are relative to the prefix in [blobs] url."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from foundation.errors import StorageError
from foundation.files import storage_errors
from foundation.settings import Settings

TIMEOUT, RETRIES = "60s", 3


@dataclass(frozen=True)
class Entry:
    """An object in a listing. e_tag: changes with the content."""

    key: str
    e_tag: str


class Bucket:
    """The objects below the prefix of a bucket. Every method raises StorageError if the service is out of reach."""

    def __init__(self, url: str, store: Any) -> None:
        self.url = url.rstrip("/")
        self._store = store

    def put(self, key: str, content: bytes | Path) -> str:
        """Write an object in one step; a large file in parts. Returns its tag, which changes with the content."""
        with self.service_errors(key):
            return self._store.put(key, content)["e_tag"] or ""

    def read(self, key: str) -> bytes:
        """Raises StorageError if there is no such object."""
        with self.service_errors(key):
            return bytes(self._store.get(key).bytes())

    def start(self, key: str, count: int) -> bytes:
        """The first `count` bytes."""
        with self.service_errors(key):
            return bytes(self._store.get_range(key, start=0, length=count))

    def download(self, key: str, path: Path) -> None:
        """Write the object to a file, part by part."""
        with self.service_errors(key):
            parts = self._store.get(key).stream()
        with storage_errors(path), path.open("wb") as file:
            while True:
                with self.service_errors(key):
                    part = next(parts, None)
                if part is None:
                    return
                file.write(part)

    def size(self, key: str) -> int | None:
        """In bytes; None if there is no such object."""
        with self.service_errors(key):
            try:
                return int(self._store.head(key)["size"])
            except FileNotFoundError:
                return None

    def entries(self, prefix: str) -> Iterator[Entry]:
        """The objects whose key begins with the folder `prefix`."""
        with self.service_errors(prefix):
            for part in self._store.list(prefix):
                yield from (Entry(one["path"], one.get("e_tag") or "") for one in part)

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects. Nothing happens if there are none."""
        if keys:
            with self.service_errors(keys[0]):
                self._store.delete(list(keys))

    @contextmanager
    def service_errors(self, key: str) -> Iterator[None]:
        """Turn errors of the service into StorageError."""
        from obstore.exceptions import BaseError

        try:
            yield
        except FileNotFoundError:
            raise StorageError(f"{self.url}/{key} is gone; restore it, or erase the image") from None
        except (BaseError, OSError) as error:
            reason = str(error).strip().splitlines()[0][:200]
            fix = "fix [blobs] or its keys and run this again"
            raise StorageError(f"{self.url} cannot be used ({reason}); {fix}") from error


def bucket_of(settings: Settings) -> Bucket:
    """The bucket of [blobs] url, which must name one."""
    from obstore.store import S3Store  # slow to import, and rarely needed

    section = settings.blobs
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
        client_options={"allow_http": section.endpoint.startswith("http://"), "timeout": TIMEOUT},
        retry_config={"max_retries": RETRIES},
    )
    return Bucket(section.url, store)
