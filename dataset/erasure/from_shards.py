"""Remove images from the shards of a version: each shard that has one is written anew, and the old one is removed.

A shard that several versions share is written once. Each step may be repeated, so after a kill all are made again: the
new shard is written, then it is listed in version.json in the place of the old one, then the old one is removed.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dataset.versions import identity, manifest
from dataset.versions.stored import shard_file
from dataset.versions.stored.pictures import holding
from dataset.versions.stored.shard_writer import READ_ONLY
from foundation.errors import DamagedVersion
from foundation.files import link_or_copy

WRITING = ".writing-shard"


class FromShards:
    """Removes images from the shards of one version after the other. names: their SHA-256s. before: called before
    each step. damage: shards that could not be read and were removed, by the version's name.
    """

    def __init__(self, names: set[str], before: Callable[[str], None]) -> None:
        self._names = names
        self._before = before
        self._written: dict[tuple[int, int, str], Path] = {}  # new shard by device, inode and name of the old one
        self.damage: dict[str, str] = {}

    def remove(self, folder: Path) -> None:
        """Remove the images from all shards of a version, which may be damaged."""
        for shard in _candidates(folder, self._names):
            try:
                if not self._names.isdisjoint(shard_file.positions(shard)):
                    self._replace(folder, shard)
            except DamagedVersion as error:
                if _may_have(folder, shard.parent.name, self._names):
                    # It may hold the images, and nobody can take them out of it.
                    (shard.parent / WRITING).unlink(missing_ok=True)
                    shard.unlink()
                    self.damage[folder.name] = f"{error}; this shard was removed, because it may hold erased pictures"

    def _replace(self, folder: Path, shard: Path) -> None:
        state, digest = shard.stat(), identity.file_digest(shard)
        key = (state.st_dev, state.st_ino, shard.name)
        self._before(f"{folder.name}: new shard of {shard.parent.name}")
        beside = shard.parent / WRITING
        beside.unlink(missing_ok=True)
        if key in self._written:
            name = self._written[key].name
            link_or_copy(self._written[key], beside)
        else:
            name = _write_without(shard, self._names, beside)
        new = shard.with_name(name)
        beside.replace(new)
        self._written[key] = new
        self._before(f"{folder.name}: list of shards")
        names = [path.relative_to(folder).as_posix() for path in (shard, new)]
        identity.list_instead(folder, (names[0], digest), (names[1], identity.file_digest(new)))
        self._before(f"{folder.name}: old shard of {shard.parent.name}")
        shard.unlink()


def _candidates(folder: Path, names: set[str]) -> list[Path]:
    """Shards whose ranges have one of the images."""
    by_split: dict[Path, list[Path]] = {}
    for path in shard_file.shards_in(folder):
        by_split.setdefault(path.parent, []).append(path)
    return sorted({shard for shards in by_split.values() for name in names for shard in holding(shards, name)})


def _may_have(folder: Path, split: str, names: set[str]) -> bool:
    """Whether a split of a version has one of the images, or nobody can tell."""
    try:
        return (split,) in manifest.columns(folder / manifest.FILE_NAME, ["split"], sorted(names))
    except DamagedVersion:
        return True


def _write_without(shard: Path, names: set[str], target: Path) -> str:
    """Write a shard without some images, which may leave none. Returns its name. Raises DamagedVersion."""
    columns = shard_file.columns_of(shard)
    labels = shard_file.labels_of(columns)
    said: list[tuple[dict[str, Any], str]] = []

    def kept() -> Iterator[dict[str, Any]]:
        for record in shard_file.each(shard):
            if record["sha256"] not in names:
                picture = record["image"]["bytes"] or b""
                said.append(
                    ({**record, "image": {"path": record["image"]["path"]}}, hashlib.sha256(picture).hexdigest())
                )
                yield record

    shard_file.write(target, columns, kept())
    target.chmod(READ_ONLY)
    return shard_file.file_name(shard_file.start_of(shard), shard_file.digest(labels, shard.parent.name, said))
