"""How probable it is that a label is wrong, and who should be asked first. Pure functions."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dataset.detectors import Finding

FOLDS = 5
REGULARISATION = 0.002
DOUBT_WEIGHT = 0.3
FLOOR = 0.02  # what remains when nothing is suspicious, in the absence of an audit


def out_of_fold(
    features: NDArray[np.float32], labels: Sequence[str], groups: NDArray[np.int64], trusted: NDArray[np.bool_]
) -> list[dict[str, float]]:
    """Probability of each label for every image, from models that saw none of its group.

    features: (n, d). labels: n, what is believed now. groups: (n,) cluster numbers. trusted: (n,) where a
    person confirmed the label; those weigh more. Empty dicts where there is but one label, or too few groups.
    """
    known = sorted(set(labels))
    folds = min(FOLDS, len(np.unique(groups)))
    if len(known) < 2 or folds < 2:
        return [{} for _ in labels]
    y = np.asarray(labels)
    probabilities = np.zeros((len(y), len(known)))
    for train, held_out in GroupKFold(folds).split(features, y, groups):
        if len(set(y[train])) < 2:
            continue
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=REGULARISATION, class_weight="balanced", max_iter=500)
        )
        weights = np.where(trusted[train], 3.0, 1.0)
        model.fit(features[train], y[train], logisticregression__sample_weight=weights)
        columns = [known.index(label) for label in model.classes_]
        probabilities[np.ix_(held_out, columns)] = model.predict_proba(features[held_out])
    return [dict(zip(known, map(float, row), strict=True)) if row.sum() else {} for row in probabilities]


def error_probability(findings: Sequence[Finding], doubt: float = 0.0) -> float:
    """Probability that the source's label is wrong: independent suspicions combined (noisy or).

    doubt: out-of-fold probability of any other label, which orders what no detector found.
    """
    right = 1 - max(FLOOR, DOUBT_WEIGHT * doubt)
    for finding in findings:
        right *= 1 - finding.score
    return round(1 - right, 4)


def suggestion(findings: Sequence[Finding], source_label: str) -> str:
    """The answer most suspected; the source's label where nothing is."""
    if not findings:
        return source_label
    return max(findings, key=lambda finding: (finding.score, finding.detector)).proposes


def priority(probability: float, reasons: Mapping[str, float]) -> float:
    """Who is asked about first: sources that contradict each other, then the most probably wrong."""
    return round(probability + (1.0 if "label_conflict" in reasons else 0.0), 4)
