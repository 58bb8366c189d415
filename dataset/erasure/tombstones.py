"""What was erased stays out: known by its bytes, its address, or its looks. Hashes only, nothing to restore from."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from dataset.catalog.tables import tombstones
from dataset.catalog.writes import insert_new

LOOKS_BITS = 82  # of the 256-bit pHash: one false pair in a million, resized and re-encoded copies are nearer


@dataclass(frozen=True)
class Erased:
    """looks: (n, 4) words of the erased pictures' 256-bit pHashes."""

    bytes_: frozenset[str]
    urls: frozenset[str]
    looks: NDArray[np.uint64]

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
        """Whether these bytes, or a picture that looks like them, were erased."""
        if sha256 in self.bytes_:
            return True
        if not len(self.looks):
            return False
        from dataset.duplicates.fingerprints import BLANK_DETAIL, bits, fingerprint

        found = fingerprint(content)
        if found.detail < BLANK_DETAIL:
            return False
        distances = np.bitwise_count(self.looks ^ bits([found.phash16])).sum(axis=1)
        return bool((distances <= LOOKS_BITS).any())


def bury(
    connection: Connection, now: datetime, reason: str, *, sha256: str = "", url: str = "", phash16: str = ""
) -> None:
    """Remember what was erased, by what is given of it; nothing is written twice."""
    given = {"sha256": sha256, "url": _key(url) if url else "", "phash16": phash16}
    rows = [
        {"kind": kind, "value": value, "reason": reason, "erased_at": now} for kind, value in given.items() if value
    ]
    insert_new(connection, tombstones, rows)


def _key(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()
