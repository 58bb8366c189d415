"""Tombstones keep erased images out: hashes of bytes, of addresses and of looks. No picture can be restored from them.

A picture whose perceptual hash is near a tombstone's is taken for a copy of the erased one.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from dataset.catalog.tables import tombstones
from dataset.catalog.writes import insert_new

COPY_BITS = 82  # of the 256-bit pHash that may differ: one false pair in a million; resized copies differ less


@dataclass(frozen=True)
class Erased:
    """All tombstones. bytes_: SHA-256s. urls: hashes of addresses. looks: (n, 4) words of 256-bit pHashes."""

    bytes_: frozenset[str]
    urls: frozenset[str]
    looks: NDArray[np.uint64]

    def refreshed(self, connection: Connection) -> "Erased":
        """These tombstones, or all of them anew if there are more by now."""
        count = connection.execute(select(func.count()).select_from(tombstones)).scalar_one()
        return self if count == self.count else Erased.read(connection)

    @property
    def count(self) -> int:
        return len(self.bytes_) + len(self.urls) + len(self.looks)

    @classmethod
    def read(cls, connection: Connection) -> "Erased":
        by_kind: dict[str, list[str]] = {"sha256": [], "url": [], "phash16": []}
        for row in connection.execute(select(tombstones.c.kind, tombstones.c.value)):
            by_kind[row.kind].append(row.value)
        looks: NDArray[np.uint64] = np.empty((0, 4), dtype=np.uint64)
        if by_kind["phash16"]:
            from dataset.duplicates.fingerprints import bits  # slow to import, and most projects have erased nothing

            looks = bits(by_kind["phash16"])
        return cls(frozenset(by_kind["sha256"]), frozenset(by_kind["url"]), looks)

    def has_url(self, url: str) -> bool:
        return bool(self.urls) and _key(url) in self.urls

    def has_content(self, content: bytes, sha256: str) -> bool:
        """Whether these bytes, or a picture that looks the same, were erased. sha256: of content."""
        if sha256 in self.bytes_:
            return True
        if not len(self.looks):
            return False
        from dataset.duplicates.fingerprints import BLANK_DETAIL, bits, fingerprint

        candidate = fingerprint(content)
        if candidate.detail < BLANK_DETAIL:
            return False
        distances = np.bitwise_count(self.looks ^ bits([candidate.phash16])).sum(axis=1)
        return bool((distances <= COPY_BITS).any())


def bury(
    connection: Connection, now: datetime, reason: str, *, sha256: str = "", url: str = "", phash16: str = ""
) -> list[dict[str, Any]]:
    """Write tombstones of an image: of its SHA-256, its address, its pHash. An empty value writes none.

    Returns their rows, for erased_file.append.
    """
    values = {"sha256": sha256, "url": _key(url) if url else "", "phash16": phash16}
    rows = [
        {"kind": kind, "value": value, "reason": reason, "erased_at": now} for kind, value in values.items() if value
    ]
    insert_new(connection, tombstones, rows)
    return rows


def _key(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()
