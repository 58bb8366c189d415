"""Lay pictures out by look: those that look alike stand near each other. Pure functions.

A picture that comes later is put among the pictures that look like it; the others stay where they are.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dataset.suspicion.vectors import Vectors, blocks, moments, summed, unit

Positions = NDArray[np.float64]

PERPLEXITY = 30.0  # about how many neighbours a picture has: van der Maaten and Hinton (2008) use 5 to 50
FEWEST = 12  # pictures for which t-SNE makes sense; fewer are laid out along their principal components
DIMENSIONS = 50  # of the features before t-SNE, as in the same paper
ITERATIONS = 500  # with more, the picture changes little
NEIGHBOURS = 5  # of a new picture; it is put in the middle of the NEAREST that stand together
NEAREST = 3
COMPARED = 1000  # new pictures that are compared with all others at once, at most
MOST_SIMILARITIES = 1_000_000  # of new pictures and others at once
START = 1e-4  # width of the start, as in Kobak and Berens (2019)
SEED = 0


def laid_out(features: Vectors, start: Positions | None = None) -> Positions:
    """(n, 2) positions from -1 to 1 of pictures. features: (n, d). start: (n, 2) where they stood before; with it,
    the new picture of the whole resembles the one before.

    t-SNE (van der Maaten and Hinton 2008, scikit-learn), from the principal components (Kobak and Berens 2019), on one
    thread: the same features have the same positions each time.
    """
    n = len(features)
    if n == 0:
        return np.zeros((0, 2))
    with threadpool_limits(1):
        looks = _principal(_Standardised(features), DIMENSIONS)
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


def among(features: Vectors, positions: Positions, new: Vectors) -> Positions:
    """(m, 2) positions of new pictures, among those that look most like them.

    features, positions: (n, d) and (n, 2) of the pictures that stand already, at least one. new: (m, d). A picture's
    position does not depend on the other new ones.
    """
    looks = _Standardised(features)
    known = np.concatenate([looks[block] for block in blocks(len(looks))])
    found: list[Positions] = [np.zeros((0, 2))]
    for block in blocks(len(new), max(1, min(COMPARED, MOST_SIMILARITIES // len(known)))):
        similarity = looks.of(new[block]) @ known.T
        nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :NEIGHBOURS]
        found.append(np.stack([_together(positions[row]) for row in nearest]))
    return np.concatenate(found)


def _together(neighbours: Positions) -> NDArray[np.float64]:
    """The middle of the neighbours that stand together: one that stands far away does not count."""
    distance = np.linalg.norm(neighbours - np.median(neighbours, axis=0), axis=1)
    return np.asarray(neighbours[np.argsort(distance, kind="stable")[:NEAREST]].mean(axis=0))


class _Standardised:
    """(n, d) features of length 1, each of which varies as much as the others. They are computed block by block."""

    def __init__(self, features: Vectors) -> None:
        self._features = features
        self._middle, self._spread = moments(features)
        self._spread += 1e-3

    def __len__(self) -> int:
        return len(self._features)

    def __getitem__(self, which: slice) -> NDArray[np.float32]:
        return self.of(self._features[which])

    def of(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Other features, (m, d), in the same way."""
        return unit((rows - self._middle) / self._spread)


def _principal(looks: Vectors, most: int) -> NDArray[np.float64]:
    """(n, k) the principal components, k at least 2. Signs are fixed: each axis points to its largest entry."""
    middle = summed(looks, np.float32, lambda rows: rows) / np.float32(len(looks))
    spread: NDArray[Any] | None = None
    for block in blocks(len(looks)):
        centred = looks[block] - middle
        spread = centred.T @ centred if spread is None else spread + centred.T @ centred
    assert spread is not None  # noqa: S101  # there is at least one picture
    values, axes = np.linalg.eigh(spread.astype(np.float64))
    axes = axes[:, np.argsort(-values)[:most]]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    components = np.concatenate([(looks[block] - middle) @ axes for block in blocks(len(looks))])
    return np.pad(components, ((0, 0), (0, max(0, 2 - components.shape[1]))))


def _fitted(positions: NDArray[np.float64]) -> Positions:
    """The positions, moved and scaled into -1 to 1. Distances keep their proportions."""
    low, high = positions.min(axis=0), positions.max(axis=0)
    half = max(float((high - low).max()) / 2, 1e-12)
    return np.asarray((positions - (low + high) / 2) / half, dtype=np.float64)
