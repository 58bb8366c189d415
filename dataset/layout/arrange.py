"""Lay pictures out by look: those that look alike stand near each other. Pure functions.

A picture that comes later is put among the pictures that look like it; the others stay where they are.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dataset.suspicion.variety import standardised

if TYPE_CHECKING:
    from collections.abc import Iterator

Positions = NDArray[np.float64]

PERPLEXITY = 30.0  # about how many neighbours a picture has: van der Maaten and Hinton (2008) use 5 to 50
FEWEST = 12  # pictures for which t-SNE makes sense; fewer are laid out along their principal components
DIMENSIONS = 50  # of the features before t-SNE, as in the same paper
ITERATIONS = 500  # with more, the picture changes little
NEIGHBOURS = 5  # of a new picture; it is put in the middle of the NEAREST that stand together
NEAREST = 3
COMPARED = 1000  # new pictures that are compared with all others at once
START = 1e-4  # width of the start, as in Kobak and Berens (2019)
SEED = 0


def laid_out(features: NDArray[np.float32], start: Positions | None = None) -> Positions:
    """(n, 2) positions from -1 to 1 of pictures. features: (n, d). start: (n, 2) where they stood before; with it,
    the new picture of the whole resembles the one before.

    t-SNE (van der Maaten and Hinton 2008, scikit-learn), from the principal components (Kobak and Berens 2019), on one
    thread: the same features have the same positions each time.
    """
    n = len(features)
    if n == 0:
        return np.zeros((0, 2))
    with threadpool_limits(1):
        looks = _principal(standardised(features), DIMENSIONS)
        if n < FEWEST:
            return _fitted(looks[:, :2])
        from sklearn.manifold import TSNE  # slow to import

        begin = looks[:, :2] if start is None else start - start.mean(axis=0)
        begin = begin / max(float(begin[:, 0].std()), 1e-12) * START
        perplexity = min(PERPLEXITY, (n - 1) / 3)
        tsne = TSNE(
            perplexity=perplexity, init=begin.astype(np.float32), max_iter=ITERATIONS, random_state=SEED, n_jobs=1
        )
        return _fitted(np.asarray(tsne.fit_transform(looks.astype(np.float32)), dtype=np.float64))


def among(features: NDArray[np.float32], positions: Positions, new: NDArray[np.float32]) -> Positions:
    """(m, 2) positions of new pictures, among those that look most like them.

    features, positions: (n, d) and (n, 2) of the pictures that stand already, at least one. new: (m, d). A picture's
    position does not depend on the other new ones.
    """
    middle, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    known = _of_length_one((features - middle) / spread)
    found: list[Positions] = [np.zeros((0, 2))]
    for part in _parts(new):
        similarity = _of_length_one((part - middle) / spread) @ known.T
        nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :NEIGHBOURS]
        found.append(np.stack([_together(positions[row]) for row in nearest]))
    return np.concatenate(found)


def _together(neighbours: Positions) -> NDArray[np.float64]:
    """The middle of the neighbours that stand together: one that stands far away does not count."""
    distance = np.linalg.norm(neighbours - np.median(neighbours, axis=0), axis=1)
    return np.asarray(neighbours[np.argsort(distance, kind="stable")[:NEAREST]].mean(axis=0))


def _parts(rows: NDArray[np.float32]) -> "Iterator[NDArray[np.float32]]":
    for begin in range(0, len(rows), COMPARED):
        yield rows[begin : begin + COMPARED]


def _principal(looks: NDArray[np.float32], most: int) -> NDArray[np.float64]:
    """(n, k) the principal components, k at least 2. Signs are fixed: each axis points to its largest entry."""
    centred = looks - looks.mean(axis=0)
    values, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    axes = axes[:, np.argsort(-values)[:most]]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    components = centred @ axes
    return np.pad(components, ((0, 0), (0, max(0, 2 - components.shape[1]))))


def _fitted(positions: NDArray[np.float64]) -> Positions:
    """The positions, moved and scaled into -1 to 1. Distances keep their proportions."""
    low, high = positions.min(axis=0), positions.max(axis=0)
    half = max(float((high - low).max()) / 2, 1e-12)
    return np.asarray((positions - (low + high) / 2) / half, dtype=np.float64)


def _of_length_one(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32)
