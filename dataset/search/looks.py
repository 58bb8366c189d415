"""Compare words with the looks of pictures, where the network is a pair of towers with its tower of texts."""

import functools
import hashlib
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from dataset.catalog.tables import erasures, features
from networks.pairs import Pair, Texts, TextTower, lacks, pair_of

AT_ONCE = 8192  # pictures whose cosines are computed together


class Looks:
    """The vectors of a project's pictures in memory (float16, about 1.5 KB each), read again when there are others.

    network: of the project's settings.
    """

    def __init__(self, network: str | Path) -> None:
        self._path = Path(network)
        self._pair: Pair | None = pair_of(self._path)
        self._reading = threading.Lock()
        self._state: Any = None
        self._names: list[str] = []
        self._vectors: NDArray[np.float16] = np.zeros((0, 1), dtype=np.float16)

    def lacks(self) -> str:
        """Why words cannot be compared with pictures, as a sentence; empty where they can."""
        if self._pair is None:
            return "The words are looked for in names and texts only: this network has no tower of texts."
        missing = lacks(self._pair, self._path.parent, {})
        return f"The words are looked for in names and texts only, for want of {missing}." if missing else ""

    def likeness(self, connection: Connection, words: str) -> dict[str, float]:
        """The cosine of the words' vector and each picture's, by SHA-256; pictures without features have none.

        Raises StorageError for a damaged file of the pair.
        """
        if self._pair is None:
            return {}
        said = _tower(self._pair, self._path.parent, _stamp(self._path.parent)).vectors(Texts((words,)))[0]
        with self._reading:
            self._read(connection, self._pair)
            found, vectors = self._names, self._vectors
        if not found or vectors.shape[1] != len(said):
            return {}
        parts = [vectors[start : start + AT_ONCE].astype(np.float32) @ said for start in range(0, len(found), AT_ONCE)]
        return dict(zip(found, np.concatenate(parts).tolist(), strict=True))

    def _read(self, connection: Connection, pair: Pair) -> None:
        name = f"{pair.name}@{_digest(self._path, _stamp(self._path))}"
        is_ours = features.c.backbone == name
        count = connection.execute(select(func.count()).select_from(features).where(is_ours)).scalar_one()
        erased = connection.execute(select(func.count(), func.max(erasures.c.done_at)).select_from(erasures)).one()
        state = (name, count, tuple(erased))
        if state == self._state:
            return
        rows = connection.execute(select(features.c.sha256, features.c.vector).where(is_ours)).all()
        self._names = [row.sha256 for row in rows]
        vectors = np.stack([np.frombuffer(row.vector, dtype=np.float16) for row in rows]) if rows else np.zeros((0, 1))
        lengths = np.linalg.norm(vectors.astype(np.float32), axis=1, keepdims=True)
        self._vectors = (vectors / np.maximum(lengths, 1e-6)).astype(np.float16)
        self._state = state


def _stamp(path: Path) -> tuple[int, int]:
    """Changes with a file, or with the files of a folder."""
    state = path.stat()
    return state.st_mtime_ns, state.st_size


@functools.lru_cache(maxsize=2)
def _digest(path: Path, _stamp: tuple[int, int]) -> str:
    """As in the name of the pair's features (networks.backbone)."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


@functools.lru_cache(maxsize=1)
def _tower(pair: Pair, folder: Path, _stamp: tuple[int, int]) -> TextTower:
    return TextTower(pair, folder)
