"""Write the shards of a new version: those that a version has already are linked, the others are written."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path, PurePosixPath

from dataset.versions import identity, published
from dataset.versions.manifest import Row
from dataset.versions.stored import shard_file
from foundation.errors import DamagedVersion, StorageError
from foundation.files import link_or_copy

READ_ONLY = 0o444  # versions share the file


class KnownShards:
    """The shards of all versions there are, by their path inside a version."""

    def __init__(self, home: Path) -> None:
        """home: the library."""
        self._listed: dict[str, list[tuple[Path, str]]] = {}
        folders = published.folders(home)
        for folder in reversed(folders):
            for name, digest in _files(folder).items():
                if PurePosixPath(name).match(shard_file.PATTERN):
                    self._listed.setdefault(name, []).append((folder / name, digest))
        newest = published.newest(home)
        self._trusted_ns = published.end_of_links_ns(newest) if newest else 0
        self._newest = newest.path if newest else None

    def find(self, name: str) -> tuple[Path, str] | None:
        """A whole shard of this name, and the digest of its bytes; None where there is none.

        A shard of the newest version is hashed only if it was changed in any way since that was published.
        """
        for path, digest in self._listed.get(name, ()):
            try:
                changed_ns = path.stat().st_ctime_ns
            except OSError:
                continue
            is_of_newest = self._newest is not None and path.is_relative_to(self._newest)
            if is_of_newest and changed_ns <= self._trusted_ns and not path.is_symlink():
                return path, digest
            if identity.file_digest(path) == digest:
                return path, digest
        return None

    def restore(self, name: str, written: Path, digest: str) -> int:
        """Give versions back a shard that is damaged there. digest: of the file `written`. Returns how many got it."""
        same = (path for path, listed in self._listed.get(name, ()) if listed == digest)
        damaged = [path for path in same if path.parent.is_dir()]
        for path in damaged:
            beside = path.with_name(f".restoring-{path.name}")
            beside.unlink(missing_ok=True)
            link_or_copy(written, beside)
            beside.replace(path)
        return len(damaged)


class ShardWriter:
    """Writes shards into the folder of a new version. files: digest of each, by its path. restored: how many shards
    of earlier versions were damaged and are whole again.
    """

    def __init__(
        self, folder: Path, labels: Sequence[str], known: KnownShards, picture: Callable[[Row], Path], pool: Executor
    ) -> None:
        """picture: the path of a row's normalised picture. pool: threads that read pictures."""
        self._folder = folder
        self._labels = list(labels)
        self._numbers = {label: number for number, label in enumerate(labels)}
        self._known = known
        self._picture = picture
        self._pool = pool
        self.files: dict[str, str] = {}
        self.restored = 0

    def write(self, start: str, rows: Sequence[Row], digests: Sequence[str]) -> None:
        """Link or write one shard. start: of its range. rows: of one split, in the order of their files. digests: of
        their pictures. Raises StorageError if a picture is not what its digest says.
        """
        said = [(shard_file.values(row, self._numbers), digest) for row, digest in zip(rows, digests, strict=True)]
        content = shard_file.digest(self._labels, rows[0].split, said)
        name = f"data/{rows[0].split}/{shard_file.file_name(start, content)}"
        target = self._folder / name
        if found := self._known.find(name):
            path, self.files[name] = found
            link_or_copy(path, target)
            return
        pictures = self._pool.map(self._content, rows, digests)
        records = (
            {**values, "image": {**values["image"], "bytes": picture}}
            for (values, _), picture in zip(said, pictures, strict=True)
        )
        shard_file.write(target, shard_file.shard_schema(self._labels), records)
        target.chmod(READ_ONLY)
        self.files[name] = identity.file_digest(target)
        self.restored += self._known.restore(name, target, self.files[name])

    def _content(self, row: Row, digest: str) -> bytes:
        path = self._picture(row)
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise StorageError(f"{path} was changed while the version was written; run this again")
        return content


def _files(folder: Path) -> dict[str, str]:
    """Digests of the files of a version, by path; none where version.json is damaged."""
    try:
        files = identity.read_facts(folder).get("files")
    except DamagedVersion:
        return {}
    return files if isinstance(files, dict) else {}
