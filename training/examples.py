"""Examples to learn from and to measure with: the rows of one version, their pictures and their frozen features."""

import functools
import os
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from PIL import Image

from dataset.reader import RECIPE, Row, Version, picture
from networks.backbone import Backbone
from networks.graph import Net, from_pixels, planes, widened
from networks.objects import ObjectDetector
from networks.session import session

SAVE_INTERVAL = 2000  # pictures between two writes of the cache
THREADS = max(1, os.cpu_count() or 1)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Examples:
    """cache: a folder for frozen features, which are computed once for each picture."""

    version: Version
    rows: Sequence[Row]
    net: Backbone
    detector: ObjectDetector | None
    cache: Path
    tell: Progress

    @functools.cached_property
    def labels(self) -> NDArray[np.str_]:
        return np.array([row.label for row in self.rows])

    @functools.cached_property
    def names(self) -> list[str]:
        """The labels that have training images, in the project's order."""
        present = set(self.labels[self.mask("train")].tolist())
        return [label for label in self.version.labels if label in present]

    def mask(self, *splits: str) -> NDArray[np.bool_]:
        return np.array([row.split in splits for row in self.rows], dtype=bool)

    @functools.cached_property
    def sites(self) -> NDArray[np.str_]:
        return np.array([row.site for row in self.rows])

    @functools.cached_property
    def claims(self) -> NDArray[np.str_]:
        """The label that the source claims, for each row."""
        return np.array([row.source_label for row in self.rows])

    @property
    def features(self) -> NDArray[np.float32]:
        """(n, d) features, as the backbone pools them."""
        return self._frozen[0]

    @property
    def wide(self) -> NDArray[np.float32]:
        """(n, d) feature maps pooled in several ways: see `widened`."""
        return self._frozen[1]

    @functools.cached_property
    def widened(self) -> onnx.ModelProto:
        return widened(self.net.graph)

    def planes(self, side_px: int, *, is_grey: bool = False) -> NDArray[np.uint8]:
        """(n, c, side, side) pixels from 0 to 255, made as the exported graph makes them."""
        net = Net()
        run = session(from_pixels(net, planes(net, side_px, is_grey=is_grey))).run

        def one(row: Row) -> NDArray[np.uint8]:
            (made,) = run(None, {"pixels": np.asarray(picture(self.version, row))[None]})
            return made[0].astype(np.uint8)

        return np.stack(list(self._each(one, "pictures")))

    def each_picture(self, measure: Callable[[Image.Image], Any], what: str) -> list[Any]:
        """`measure` of every picture, computed in parallel."""
        return list(self._each(lambda row: measure(picture(self.version, row)), what))

    def _each(self, measure: Callable[[Row], Any], what: str) -> Any:
        with ThreadPoolExecutor(THREADS) as pool:
            for number, value in enumerate(pool.map(measure, self.rows), 1):
                self.tell(what, number, len(self.rows))
                yield value

    @functools.cached_property
    def _frozen(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        path = self.cache / f"{self.net.name}-{RECIPE}-1.npz"
        known = _read(path)
        missing = [row for row in self.rows if row.sha256 not in known]
        run = session(self.widened, threads=1).run

        def compute(row: Row) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            features, wide = run(["features", "wide"], {"pixels": np.asarray(picture(self.version, row))[None]})
            return features[0], wide[0]

        with ThreadPoolExecutor(THREADS) as pool:
            for number, (row, both) in enumerate(zip(missing, pool.map(compute, missing), strict=True), 1):
                known[row.sha256] = both
                self.tell("features", number, len(missing))
                if number % SAVE_INTERVAL == 0 or number == len(missing):
                    _write(path, known)
        rows = [known[row.sha256] for row in self.rows]
        return np.stack([features for features, _ in rows]), np.stack([wide for _, wide in rows])


def _read(path: Path) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Features by SHA-256; empty where the file is missing or incomplete."""
    try:
        with np.load(path) as content:
            parts = content["names"].tolist(), content["features"], content["wide"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}
    return {name: (features, wide) for name, features, wide in zip(*parts, strict=True)}


def _write(path: Path, known: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    features, wide = (np.stack(part) for part in zip(*known.values(), strict=True))
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-", suffix=".npz")
    with os.fdopen(descriptor, "wb") as file:
        np.savez(file, names=np.array(list(known)), features=features, wide=wide)
    Path(name).replace(path)
