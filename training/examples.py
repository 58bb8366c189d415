"""The rows of one version, their pictures and their frozen features: what attempts learn from and are measured on."""

import bisect
import functools
import hashlib
import os
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
from networks.backbone import Backbone
from networks.graph import Net, from_pixels, planes, widened
from networks.kept_vectors import KeptVectors, Vectors
from networks.objects import ObjectDetector
from networks.session import session

KEPT_TOGETHER = 1000  # pictures whose vectors are written to the disk at a time
THREADS = max(1, os.cpu_count() or 1)
Progress = Callable[[str, int, int], None]  # (what, done, total)
T = TypeVar("T")
Frozen = tuple[NDArray[np.float32], ...]  # vectors of one picture, of some kinds


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
    def features(self) -> Vectors:
        """(n, d), the backbone's output."""
        return self._frozen["features"]

    @property
    def wide(self) -> Vectors:
        """(n, d), maps of several layers, pooled in several ways: see `networks.graph.widened`."""
        return self._frozen["wide"]

    @functools.cached_property
    def mirrored(self) -> Vectors:
        """(n, d), the mean of the backbone's outputs for the picture and its mirror image."""
        seen, run = self.features, session(self.net.graph, threads=1).run

        def mean(number: int) -> Frozen:
            pixels = np.asarray(picture(self.version, self.rows[number]))[None, :, ::-1]
            (other,) = run(["features"], {"pixels": np.ascontiguousarray(pixels)})
            return ((seen[[number]][0] + other[0]) * np.float32(0.5),)

        return self._kept(mirrored_folder(self.net), ("mirrored",), mean)["mirrored"]

    @functools.cached_property
    def widened(self) -> onnx.ModelProto:
        return widened(self.net.graph)

    def to_learn(self, most: int) -> NDArray[np.int64]:
        """Numbers of the rows that an attempt learns from: all training images, or a sample of `most`.

        A sample has as many of each group (a label and a source label) as of any other, as far as there are so many.
        The lowest SHA-256s are in it: it hardly changes when images come or are erased.
        """
        learn = np.flatnonzero(self.mask("train") & np.isin(self.labels, self.names))
        if len(learn) <= most:
            return learn
        groups = np.char.add(np.char.add(self.labels[learn], "\n"), self.claims[learn])
        _, group, counts = np.unique(groups, return_inverse=True, return_counts=True)
        share = bisect.bisect_right(range(most + 1), most, key=lambda each: int(np.minimum(counts, each).sum())) - 1
        order = np.lexsort((np.array([self.rows[number].sha256 for number in learn]), group))
        rank = np.arange(len(order)) - (np.cumsum(counts) - counts)[group[order]]
        return np.sort(learn[order[rank < share]])

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
    def _frozen(self) -> dict[str, Vectors]:
        kinds = ("features", "wide")
        run = session(self.widened, threads=1).run

        def vectors(number: int) -> Frozen:
            found = run(list(kinds), {"pixels": np.asarray(picture(self.version, self.rows[number]))[None]})
            return tuple(vector[0] for vector in found)

        return self._kept(frozen_folder(self.net), kinds, vectors)

    def _kept(self, folder: str, kinds: Sequence[str], vectors_of: Callable[[int], Frozen]) -> dict[str, Vectors]:
        """(n, d) of each kind, computed where they are not kept yet. vectors_of: from a row's number."""
        kept, names = KeptVectors(self.cache / folder, kinds), [row.sha256 for row in self.rows]
        places = kept.places(names)
        missing = np.flatnonzero(places < 0).tolist()
        with ThreadPoolExecutor(THREADS) as pool:
            for start in range(0, len(missing), KEPT_TOGETHER):
                part, found = missing[start : start + KEPT_TOGETHER], []
                for vectors in pool.map(vectors_of, part):
                    found.append(vectors)
                    self.progress("features", start + len(found), len(missing))
                stacked = dict(zip(kinds, map(np.stack, zip(*found, strict=True)), strict=True))
                kept.add([names[number] for number in part], stacked)
        if missing:
            places = kept.places(names)
            for former in self.cache.glob("*.npz"):  # earlier releases kept all in one file
                former.unlink(missing_ok=True)
        return {kind: kept.vectors(kind, places) for kind in kinds}


def frozen_folder(net: Backbone) -> str:
    """Name of the folder of `Examples.features` and `Examples.wide`."""
    return f"{net.name}-{RECIPE}-2"


def mirrored_folder(net: Backbone) -> str:
    """Name of the folder of `Examples.mirrored`."""
    return f"{net.name}-mirrored-{RECIPE}-2"


def digest_of(rows: Iterable[Row]) -> str:
    """Digest of the images that a training read, 64 hex digits, in whatever order."""
    return hashlib.sha256("\n".join(sorted(row.sha256 for row in rows)).encode()).hexdigest()
