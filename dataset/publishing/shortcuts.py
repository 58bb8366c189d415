"""How well trivial features predict the label: what a model could learn instead of the subject. Pure functions.

Example: where all images of one class are PNG screenshots and all of the other 400-pixel JPEGs, the file format alone
separates them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold, StratifiedKFold
from sklearn.tree import DecisionTreeClassifier

from dataset.versions.facts import Shortcut

FOLDS = 5
TREE_DEPTH = 3  # of the tree that predicts the label from one feature
TREE_LEAF_IMAGES = 5  # at least
CHANCE_MARGIN = 0.05  # balanced accuracy above chance from which there is advice
WHITE = 240  # brightness from which a border pixel counts as white, of 255
GRID = 8  # cells on each side of the thumbnail
ADVICE = {
    "site kind": "collect all classes from each kind of source",
    "JPEG tables": "collect all classes from sites that compress alike, or re-encode all images in the recipe",
    "format": "collect all classes in the same formats, or re-encode all images in the recipe",
    "width": "collect all classes in similar sizes",
    "height": "collect all classes in similar sizes",
    "aspect": "collect all classes in similar shapes",
    "bytes per pixel": "collect all classes at similar compression",
    "border": "collect cut-outs, or photos on white ground, of all classes",
    "colour": "collect all classes in similar light",
    "thumbnail": "collect look-alikes of all classes from the same sources",
    "source": "collect all classes from each kind of source",
}


def scoreboard(
    features: Mapping[str, NDArray[np.float64]], labels: Sequence[str], sites: Sequence[str]
) -> list[Shortcut]:
    """Score each feature, the worst shortcut first. features: name → (n,) or (n, k) numbers. labels, sites: n each.

    Folds hold out whole sites. Where fewer than two sites have several labels, folds hold out images: a site with one
    label cannot be held out without its label.
    """
    # numbers: scikit-learn sorts the texts anew for each tree
    y, groups = (np.unique(np.asarray(names), return_inverse=True)[1] for names in (labels, sites))
    parts = _folds(y, groups)
    chance = 1 / max(2, len(set(labels)))
    board = []
    for name, values in features.items():
        score = _score(values.reshape(len(y), -1), y, parts)
        is_shortcut = score is not None and score > chance + CHANCE_MARGIN
        board.append(Shortcut(name, score, ADVICE.get(name, "") if is_shortcut else ""))
    return sorted(board, key=lambda shortcut: (-(shortcut.score or 0.0), shortcut.feature))


def _folds(y: NDArray[np.int64], groups: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Images to learn from and to test with, for each fold. None where a label has too few images."""
    counts = np.bincount(y)
    if len(counts) < 2 or min(counts) < FOLDS:
        return []
    sites = np.unique(groups)
    mixed = sum(len(np.unique(y[groups == site])) > 1 for site in sites)
    folds = min(FOLDS, len(sites))
    if mixed >= 2 and folds >= 2:
        return list(GroupKFold(folds).split(y, y, groups))
    return list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(y, y))


def _score(
    values: NDArray[np.float64], y: NDArray[np.int64], parts: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> float | None:
    if not parts:
        return None
    if (values == values[0]).all():  # the same for all images: nothing to learn
        return 1 / len(np.unique(y))
    predicted = np.empty_like(y)
    for train, test in parts:
        predicted[test] = _tree().fit(values[train], y[train]).predict(values[test])
    return float(balanced_accuracy_score(y, predicted))


def _tree() -> DecisionTreeClassifier:
    return DecisionTreeClassifier(
        max_depth=TREE_DEPTH, min_samples_leaf=TREE_LEAF_IMAGES, class_weight="balanced", random_state=0
    )


def worst_offenders(values: NDArray[np.float64], labels: Sequence[str], each: int = 6) -> dict[str, list[int]]:
    """Images whose label a tree predicts most surely from `values` alone: indices by label. values: (n, k)."""
    y = np.asarray(labels)
    if len(np.unique(y)) < 2:
        return {}
    tree = _tree().fit(values, y)
    probabilities = tree.predict_proba(values)
    offenders = {}
    for column, label in enumerate(tree.classes_):
        right = np.flatnonzero((y == label) & (probabilities.argmax(axis=1) == column))
        offenders[str(label)] = right[np.argsort(-probabilities[right, column], kind="stable")][:each].tolist()
    return offenders


def picture_features(pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """Trivial features of a picture, each (1,) or (k,). pixels: (height, width, 3)."""
    light = pixels.astype(np.float64).mean(axis=2)
    edge = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])
    rows = np.array_split(np.arange(len(light)), GRID)
    columns = np.array_split(np.arange(light.shape[1]), GRID)
    thumbnail = np.array([[light[np.ix_(r, c)].mean() if len(r) and len(c) else 0.0 for c in columns] for r in rows])
    return {
        "border": np.array([(edge >= WHITE).mean()]),
        "colour": pixels.reshape(-1, 3).mean(axis=0).astype(np.float64),
        "thumbnail": thumbnail.reshape(-1),
    }
