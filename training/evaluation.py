"""Evaluation of a model on all splits of a version: metrics, accuracy of parts, costs, predictions."""

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dataset.reader import SPLITS, UNSEEN, Row, Version, picture
from networks.session import session
from training.attempts import Fitted
from training.examples import Examples, Progress
from training.metrics import Metrics, measure
from training.models import Model

COMPARED_IMAGES = 200  # on which the exported graph is compared with the training code
TIMED_RUNS = 20
TIMED_SIDE_PX = 256
MIN_PART_IMAGES = 5
MIN_CLAIM_IMAGES = 5  # of one label and one source label


def evaluate(model: Model, version: Version, progress: Progress | None = None) -> dict[str, Metrics]:
    """Metrics by split of a model on any version, with that version's labels."""
    rows = version.rows()
    probabilities = np.zeros((len(rows), len(model.labels)))
    for number, row in enumerate(rows):
        answer = model.probabilities(picture(version, row))
        probabilities[number] = [answer[label] for label in model.labels]
        if progress:
            progress("evaluating", number + 1, len(rows))
    return metrics_of(rows, probabilities, model.labels)


def metrics_of(rows: Sequence[Row], probabilities: NDArray[np.float64], names: Sequence[str]) -> dict[str, Metrics]:
    """Metrics by split. Unseen sites are also measured for each source label alone, as "test_unseen_sites/cake":
    pictures on bakers' sites that are no cakes are the most difficult ones.

    probabilities: (n, k), columns in the order of `names`.
    """
    groups = {split: [i for i, row in enumerate(rows) if row.split == split] for split in SPLITS}
    for claim in sorted({row.source_label for row in rows}):
        groups[f"{UNSEEN}/{claim}"] = [i for i in groups[UNSEEN] if rows[i].source_label == claim]
    answers = np.array(names)[probabilities.argmax(axis=1)] if len(rows) else np.array([])
    return {
        name: measure(
            [rows[i].label for i in group], [str(answers[i]) for i in group], probabilities[group], names,
            [rows[i].site for i in group], [rows[i].source_label for i in group],
        )
        for name, group in groups.items()
    }  # fmt: skip


def accuracy_by_part(examples: Examples, fitted: Fitted) -> dict[str, dict[str, Any]]:
    """Accuracy and number of images of parts of both test splits.

    A part is a label, a pair of source label and label, a site, or the class that the backbone sees.
    """
    answers = np.array(examples.names)[fitted.probabilities.argmax(axis=1)]
    return {
        name: {"images": len(part), "accuracy": round(float((answers[part] == examples.labels[part]).mean()), 4)}
        for name, part in _parts(examples).items()
    }


def _parts(examples: Examples) -> dict[str, list[int]]:
    """Row numbers of each part that has at least MIN_PART_IMAGES images."""
    parts: dict[str, list[int]] = defaultdict(list)
    tested = np.flatnonzero(examples.mask("test", UNSEEN))
    looks = examples.features.chosen(tested).each(lambda block: np.array(_likeliest(examples, block), dtype=np.str_))
    for number, look in zip(tested.tolist(), looks.tolist(), strict=True):
        row = examples.rows[number]
        parts[f"label {row.label}"].append(number)
        parts[f"source says {row.source_label}, is {row.label}"].append(number)
        parts[f"site {row.site}"].append(number)
        if look:
            parts[f"looks like {look}"].append(number)
    return {name: part for name, part in sorted(parts.items()) if len(part) >= MIN_PART_IMAGES}


def _likeliest(examples: Examples, vectors: NDArray[np.float32]) -> list[str]:
    """Name of the class that the backbone sees in each picture; empty where it has no classes."""
    found = examples.net.classes(vectors)
    return [max(scores, key=lambda name: scores[name]).split(",")[0] if scores else "" for scores in found]


def costs_of(examples: Examples, fitted: Fitted) -> dict[str, float]:
    """latency_ms of one picture, size_mb of the file, parity (the largest difference of a probability between the
    exported graph and the training code), shortcut (see `_shortcut`).
    """
    run = session(fitted.graph).run
    return {
        "latency_ms": round(_latency_s(run) * 1000, 2),
        "size_mb": round(len(fitted.graph.SerializeToString()) / 1e6, 2),
        "parity": round(_parity(examples, fitted, run), 6),
        "shortcut": round(_shortcut(examples, fitted), 4),
    }


def _latency_s(run: Any) -> float:
    """Time of one picture: the shortest of some, because other work on the machine only makes it longer."""
    noise = np.random.default_rng(0).integers(0, 255, (1, TIMED_SIDE_PX, TIMED_SIDE_PX, 3), dtype=np.uint8)
    seconds = []
    for _ in range(TIMED_RUNS):
        started = time.perf_counter()
        run(["probabilities"], {"pixels": noise})
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _parity(examples: Examples, fitted: Fitted, run: Any) -> float:
    largest = 0.0
    for number in np.flatnonzero(~examples.mask("train"))[:COMPARED_IMAGES].tolist():
        pixels = np.asarray(picture(examples.version, examples.rows[number]))[None]
        (probabilities,) = run(["probabilities"], {"pixels": pixels})
        largest = max(largest, float(np.abs(probabilities[0] - fitted.probabilities[number]).max()))
    return largest


def _shortcut(examples: Examples, fitted: Fitted) -> float:
    """Largest difference in accuracy between source labels within one label; 0 where there is too little to compare.

    A model that recognises the source instead of the picture is right on bakers' cakes and wrong on bakers' biscuits.
    """
    held_out = ~examples.mask("train")
    is_right = np.array(examples.names)[fitted.probabilities.argmax(axis=1)] == examples.labels
    largest = 0.0
    for label in examples.names:
        accuracies = [
            is_right[group].mean()
            for claim in np.unique(examples.claims)
            if (group := held_out & (examples.labels == label) & (examples.claims == claim)).sum() >= MIN_CLAIM_IMAGES
        ]
        if len(accuracies) > 1:
            largest = max(largest, max(accuracies) - min(accuracies))
    return float(largest)


def predictions_of(examples: Examples, fitted: Fitted) -> pa.Table:
    """The table predictions.parquet: a row for each image of the version."""
    answers = fitted.probabilities.argmax(axis=1)
    columns: dict[str, Any] = {
        "sha256": [row.sha256 for row in examples.rows],
        "split": [row.split for row in examples.rows],
        "site": [row.site for row in examples.rows],
        "source_label": [row.source_label for row in examples.rows],
        "label": [row.label for row in examples.rows],
        "predicted": [examples.names[k] for k in answers.tolist()],
    }
    for number, name in enumerate(examples.names):
        columns[f"p_{name}"] = pa.array(fitted.probabilities[:, number], pa.float32())
    return pa.table(columns)
