"""How well trivial things predict the label: what a model would learn instead of the pictures. Pure functions.

A set whose one class is PNG screenshots and whose other is 400-pixel JPEGs is told apart by the file format.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold, StratifiedKFold
from sklearn.tree import DecisionTreeClassifier

FOLDS = 5
DEPTH = 3  # of the tree that looks at one trivial thing
LEAF = 5
CHANCE_MARGIN = 0.05
ADVICE = {
    "site kind": "collect both classes from each kind of source",
    "JPEG tables": "collect both classes from sites that compress alike, or let the recipe make them one",
    "format": "collect both classes in the same formats, or let the recipe make them one",
    "width": "collect both classes at like sizes",
    "height": "collect both classes at like sizes",
    "aspect": "collect both classes in like shapes",
    "bytes per pixel": "collect both classes at like compression",
    "border": "collect cut-outs, or photos on white ground, of both classes",
    "colour": "collect both classes in like light",
    "thumbnail": "collect look-alikes of each class from the sources of the other",
    "source": "collect both classes from each kind of source",
}


@dataclass(frozen=True)
class Shortcut:
    """score: balanced accuracy of predicting the label from `feature` alone, cross-validated by site; None where
    sites or labels are too few to tell. advice: what to collect; empty where it is at chance.
    """

    feature: str
    score: float | None
    advice: str


def scoreboard(
    features: Mapping[str, NDArray[np.float64]], labels: Sequence[str], sites: Sequence[str]
) -> list[Shortcut]:
    """The worst first. features: name → (n,) or (n, k) numbers. labels, sites: n each.

    Folds hold whole sites out; where each site has one label only, which is a shortcut by itself, they hold out
    images instead: a site that is its label cannot be held out.
    """
    y, groups = np.asarray(labels), np.asarray(sites)
    chance = 1 / max(2, len(set(labels)))
    found = []
    for name, values in features.items():
        score = _score(values.reshape(len(y), -1), y, groups)
        warned = score is not None and score > chance + CHANCE_MARGIN
        found.append(Shortcut(name, score, ADVICE.get(name, "") if warned else ""))
    return sorted(found, key=lambda shortcut: (-(shortcut.score or 0.0), shortcut.feature))


def _score(values: NDArray[np.float64], y: NDArray[np.str_], groups: NDArray[np.str_]) -> float | None:
    counts = {label: int((y == label).sum()) for label in np.unique(y)}
    if len(counts) < 2 or min(counts.values()) < FOLDS:
        return None
    mixed = sum(len(np.unique(y[groups == site])) > 1 for site in np.unique(groups))
    folds = min(FOLDS, len(np.unique(groups)))
    if mixed >= 2 and folds >= 2:
        parts = GroupKFold(folds).split(values, y, groups)
    else:
        parts = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(values, y)
    predicted = np.empty_like(y)
    for train, test in parts:
        tree = DecisionTreeClassifier(
            max_depth=DEPTH, min_samples_leaf=LEAF, class_weight="balanced", random_state=0
        ).fit(values[train], y[train])
        predicted[test] = tree.predict(values[test])
    return float(balanced_accuracy_score(y, predicted))


def worst_offenders(values: NDArray[np.float64], labels: Sequence[str], each: int = 6) -> dict[str, list[int]]:
    """By label, the images whose label a tree reads the surest from `values` alone. values: (n, k)."""
    y = np.asarray(labels)
    if len(np.unique(y)) < 2:
        return {}
    tree = DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=LEAF, class_weight="balanced", random_state=0)
    sure = tree.fit(values, y).predict_proba(values)
    found = {}
    for column, label in enumerate(tree.classes_):
        there = np.flatnonzero((y == label) & (sure.argmax(axis=1) == column))
        found[str(label)] = there[np.argsort(-sure[there, column], kind="stable")][:each].tolist()
    return found


def of_picture(pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """Trivial things to be seen in a picture. pixels: (height, width, 3)."""
    light = pixels.astype(np.float64).mean(axis=2)
    edge = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])
    rows = np.array_split(np.arange(len(light)), 8)
    columns = np.array_split(np.arange(light.shape[1]), 8)
    thumbnail = np.array([[light[np.ix_(r, c)].mean() if len(r) and len(c) else 0.0 for c in columns] for r in rows])
    return {
        "border": np.array([(edge >= 240).mean()]),
        "colour": pixels.reshape(-1, 3).mean(axis=0).astype(np.float64),
        "thumbnail": thumbnail.reshape(-1),
    }
