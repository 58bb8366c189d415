"""The rows of one version, their pictures and their frozen features: what attempts learn from and are measured on."""

import functools
import hashlib
import os
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
from numpy.typing import NDArray
from PIL import Image

from dataset.reader import RECIPE, Row, Version, picture
from foundation.files import replacing
from networks.backbone import Backbone
from networks.graph import Net, from_pixels, mirrored, planes, widened
from networks.objects import ObjectDetector
from networks.session import session

CACHE_SAVED_EVERY = 2000  # pictures
THREADS = max(1, os.cpu_count() or 1)
Progress = Callable[[str, int, int], None]  # (what, done, total)
T = TypeVar("T")
Frozen = tuple[NDArray[np.float32], ...]  # vectors of one picture


@dataclass(frozen=True)
class Examples:
    """net: the backbone. cache: the folder of frozen features; they are computed once for each picture.

    meant: names of classes of pretrained networks by label, beside the label's own name.
    """

    version: Version
    rows: Sequence[Row]
    net: Backbone
    detector: ObjectDetector | None
    cache: Path
    progress: Progress
    meant: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @functools.cached_property
    def labels(self) -> NDArray[np.str_]:
        return np.array([row.label for row in self.rows])

    @functools.cached_property
    def names(self) -> list[str]:
        """The labels that training images have, in the project's order."""
        trained = set(self.labels[self.mask("train")].tolist())
        return [label for label in self.version.labels if label in trained]

    def mask(self, *splits: str) -> NDArray[np.bool_]:
        """(n,) whether each row is in one of the splits."""
        return np.array([row.split in splits for row in self.rows], dtype=bool)

    @functools.cached_property
    def sites(self) -> NDArray[np.str_]:
        return np.array([row.site for row in self.rows])

    @functools.cached_property
    def claims(self) -> NDArray[np.str_]:
        """(n,) source labels."""
        return np.array([row.source_label for row in self.rows])

    @property
    def features(self) -> NDArray[np.float32]:
        """(n, d), the backbone's output."""
        return self._frozen[0]

    @property
    def wide(self) -> NDArray[np.float32]:
        """(n, d), maps of several layers, pooled in several ways: see `networks.graph.widened`."""
        return self._frozen[1]

    @functools.cached_property
    def mirrored(self) -> NDArray[np.float32]:
        """(n, d), the mean of the backbone's outputs for the picture and its mirror image."""
        return self._vectors(mirrored(self.net.graph), ("features",), f"{self.net.name}-mirrored-{RECIPE}-1.npz")[0]

    @functools.cached_property
    def widened(self) -> onnx.ModelProto:
        return widened(self.net.graph)

    def planes(self, side_px: int, *, is_grey: bool = False) -> NDArray[np.uint8]:
        """(n, c, side, side), 0 to 255: the pictures, scaled by the same graph that is exported."""
        net = Net()
        run = session(from_pixels(net, planes(net, side_px, is_grey=is_grey))).run

        def scale(image: Image.Image) -> NDArray[np.uint8]:
            (scaled,) = run(None, {"pixels": np.asarray(image)[None]})
            return scaled[0].astype(np.uint8)

        return np.stack(self.each_picture(scale, "pictures"))

    def each_picture(self, function: Callable[[Image.Image], T], what: str) -> list[T]:
        """The function's results for all pictures, computed in threads. what: the name of this step, for progress."""
        results = []
        with ThreadPoolExecutor(THREADS) as pool:
            for number, result in enumerate(pool.map(lambda row: function(picture(self.version, row)), self.rows), 1):
                self.progress(what, number, len(self.rows))
                results.append(result)
        return results

    @functools.cached_property
    def _frozen(self) -> Frozen:
        return self._vectors(self.widened, ("features", "wide"), f"{self.net.name}-{RECIPE}-1.npz")

    def _vectors(self, graph: onnx.ModelProto, outputs: tuple[str, ...], file: str) -> Frozen:
        """(n, d) of each output of the graph. file: where they are kept, so that each is computed once."""
        path = self.cache / file
        known = _read(path, outputs)
        missing = [row for row in self.rows if row.sha256 not in known]
        run = session(graph, threads=1).run

        def features_of(row: Row) -> Frozen:
            vectors = run(list(outputs), {"pixels": np.asarray(picture(self.version, row))[None]})
            return tuple(vector[0] for vector in vectors)

        with ThreadPoolExecutor(THREADS) as pool:
            for number, (row, vectors) in enumerate(zip(missing, pool.map(features_of, missing), strict=True), 1):
                known[row.sha256] = vectors
                self.progress("features", number, len(missing))
                if number % CACHE_SAVED_EVERY == 0 or number == len(missing):
                    _write(path, outputs, known)
        return tuple(np.stack(part) for part in zip(*(known[row.sha256] for row in self.rows), strict=True))


def digest_of(rows: Iterable[Row]) -> str:
    """Digest of the images that a training read, 64 hex digits, in whatever order."""
    return hashlib.sha256("\n".join(sorted(row.sha256 for row in rows)).encode()).hexdigest()


def _read(path: Path, outputs: tuple[str, ...]) -> dict[str, Frozen]:
    """Vectors by SHA-256; empty where the file is missing or damaged."""
    try:
        with np.load(path) as content:
            names, parts = content["names"].tolist(), [content[output] for output in outputs]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}
    return dict(zip(names, zip(*parts, strict=True), strict=True))


def _write(path: Path, outputs: tuple[str, ...], known: dict[str, Frozen]) -> None:
    parts = dict(zip(outputs, (np.stack(part) for part in zip(*known.values(), strict=True)), strict=True))
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, allow_pickle=False, names=np.array(list(known)), **parts)
