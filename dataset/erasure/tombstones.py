"""Tombstones keep erased images out: hashes of bytes and of addresses, and imprints. No picture can be shown from them.

A picture that shows what an imprint is of is taken for a copy of the erased one (dataset/duplicates/imprints.py).
Programs before this one kept one perceptual hash instead of imprints; a picture with nearly that hash is a copy too.
"""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from dataset.catalog.tables import tombstones
from dataset.catalog.writes import insert_new
from dataset.erasure.erased_file import KINDS

if TYPE_CHECKING:
    from dataset.duplicates.imprints import Imprints

COPY_BITS = 82  # of the 256-bit pHash that may differ: one false pair in a million; resized copies differ less


@dataclass(frozen=True)
class Erased:
    """All tombstones. bytes_: SHA-256s. urls: hashes of addresses. phashes: (n, 4) words of 256-bit pHashes.

    imprints: as (n,) 64 hex digits.
    """

    bytes_: frozenset[str]
    urls: frozenset[str]
    phashes: NDArray[np.uint64]
    imprints: tuple[str, ...] = ()

    def refreshed(self, connection: Connection) -> "Erased":
        """These tombstones, or all of them anew if there are more by now."""
        count = connection.execute(select(func.count()).select_from(tombstones)).scalar_one()
        return self if count == self.count else Erased.read(connection)

    @property
    def count(self) -> int:
        return len(self.bytes_) + len(self.urls) + len(self.phashes) + len(self.imprints)

    @classmethod
    def read(cls, connection: Connection) -> "Erased":
        by_kind: dict[str, list[str]] = {kind: [] for kind in KINDS}
        for row in connection.execute(select(tombstones.c.kind, tombstones.c.value)):
            by_kind[row.kind].append(row.value)
        phashes: NDArray[np.uint64] = np.empty((0, 4), dtype=np.uint64)
        if by_kind["phash16"]:
            from dataset.duplicates.fingerprints import bits  # slow to import, and most projects have erased nothing

            phashes = bits(by_kind["phash16"])
        return cls(frozenset(by_kind["sha256"]), frozenset(by_kind["url"]), phashes, tuple(sorted(by_kind["imprint"])))

    def has_url(self, url: str) -> bool:
        return bool(self.urls) and _key(url) in self.urls

    def has_content(self, content: bytes, sha256: str) -> bool:
        """Whether these bytes, or a picture that is the same, were erased. sha256: of content. Raises Undecodable."""
        return sha256 in self.bytes_ or self._has_phash(content) or self.has_picture(content)

    def has_picture(self, content: bytes) -> bool:
        """Whether these bytes show a picture that has imprints. Raises Undecodable."""
        if not self.imprints:
            return False
        from dataset.duplicates.fingerprints import luminance

        return _imprints(self.imprints).shown_in(luminance(content))

    def _has_phash(self, content: bytes) -> bool:
        if not len(self.phashes):
            return False
        from dataset.duplicates.fingerprints import BLANK_DETAIL, bits, fingerprint

        candidate = fingerprint(content)
        if candidate.detail < BLANK_DETAIL:
            return False
        distances = np.bitwise_count(self.phashes ^ bits([candidate.phash16])).sum(axis=1)
        return bool((distances <= COPY_BITS).any())


@functools.lru_cache(maxsize=2)
def _imprints(kept: tuple[str, ...]) -> "Imprints":
    from dataset.duplicates.imprints import Imprints

    return Imprints.of(kept)


def bury(
    connection: Connection,
    now: datetime,
    reason: str,
    *,
    sha256: str = "",
    url: str = "",
    prints: Sequence[tuple[str, str]] = (),
) -> list[dict[str, Any]]:
    """Write tombstones of an image: of its SHA-256, its address, and its picture. An empty value writes none.

    prints: kinds and values, as in `Copies`. Returns their rows, for erased_file.append.
    """
    values = [("sha256", sha256), ("url", _key(url) if url else ""), *prints]
    rows = [{"kind": kind, "value": value, "reason": reason, "erased_at": now} for kind, value in values if value]
    insert_new(connection, tombstones, rows)
    return rows


def _key(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()
