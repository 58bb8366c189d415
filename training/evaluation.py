"""Measure a model on every split of a version: metrics, subgroups, costs, and the answer for each picture."""

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

PARITY_PICTURES = 200  # by which the exported graph is compared with the code that was trained
TIMED_RUNS = 20
MIN_SUBGROUP_IMAGES = 5
MIN_CLAIM_IMAGES = 5  # of a label under a claim, from which its accuracy is compared


def evaluate(model: Model, version: Version, progress: Progress | None = None) -> dict[str, Metrics]:
    """Metrics of a model on the splits of any version, judged by the labels of that version."""
    rows = version.rows()
    probabilities = np.zeros((len(rows), len(model.labels)))
    for number, row in enumerate(rows):
        answer = model.probabilities(picture(version, row))
        probabilities[number] = [answer[label] for label in model.labels]
        if progress:
            progress("evaluating", number + 1, len(rows))
    return metrics_of(rows, probabilities, model.labels)


def metrics_of(rows: Sequence[Row], probabilities: NDArray[np.float64], names: Sequence[str]) -> dict[str, Metrics]:
    """Metrics by split; for unseen sites also by what the source claims: biscuits of bakers are the hard part."""
    groups = {split: [i for i, row in enumerate(rows) if row.split == split] for split in SPLITS}
    for claim in sorted({row.source_label for row in rows}):
        groups[f"{UNSEEN}/{claim}"] = [i for i in groups[UNSEEN] if rows[i].source_label == claim]
    answers = np.array(names)[probabilities.argmax(axis=1)] if len(rows) else np.array([])
    return {
        name: measure(
            [rows[i].label for i in group], [str(answers[i]) for i in group], probabilities[group], names,
            [rows[i].site for i in group],
        )
        for name, group in groups.items()
    }  # fmt: skip


def accuracy_by_part(examples: Examples, fitted: Fitted) -> dict[str, dict[str, Any]]:
    """Accuracy on subgroups of both tests: by label, claim, site, and by the ImageNet class that the backbone sees."""
    answers = np.array(examples.names)[fitted.probabilities.argmax(axis=1)]
    groups = _parts(examples)
    return {
        name: {"images": len(rows), "accuracy": round(float((answers[rows] == examples.labels[rows]).mean()), 4)}
        for name, rows in groups.items()
    }


def _parts(examples: Examples) -> dict[str, list[int]]:
    """Numbers of the rows of each subgroup of both tests that has at least a few images."""
    groups: dict[str, list[int]] = defaultdict(list)
    tested = np.flatnonzero(examples.mask("test", UNSEEN))
    classes = examples.net.classes(examples.features[tested]) if len(tested) else []
    for number, likeliest in zip(tested.tolist(), classes, strict=True):
        row = examples.rows[number]
        groups[f"label {row.label}"].append(number)
        groups[f"source says {row.source_label}, is {row.label}"].append(number)
        groups[f"site {row.site}"].append(number)
        if likeliest:
            groups[f"looks like {max(likeliest, key=lambda name: likeliest[name]).split(',')[0]}"].append(number)
    return {name: rows for name, rows in sorted(groups.items()) if len(rows) >= MIN_SUBGROUP_IMAGES}


def costs_of(examples: Examples, fitted: Fitted) -> dict[str, float]:
    """latency_ms of one picture, size_mb of the file, parity with the training code, shortcut: effect of a claim."""
    content = fitted.graph.SerializeToString()
    run = session(fitted.graph).run
    noise = np.random.default_rng(0).integers(0, 255, (1, 256, 256, 3), dtype=np.uint8)
    seconds = []
    for _ in range(TIMED_RUNS):
        started = time.perf_counter()
        run(["probabilities"], {"pixels": noise})
        seconds.append(time.perf_counter() - started)
    compared = np.flatnonzero(~examples.mask("train"))[:PARITY_PICTURES]
    largest = 0.0
    for number in compared.tolist():
        pixels = np.asarray(picture(examples.version, examples.rows[number]))[None]
        (answer,) = run(["probabilities"], {"pixels": pixels})
        largest = max(largest, float(np.abs(answer[0] - fitted.probabilities[number]).max()))
    return {
        "latency_ms": round(float(np.median(seconds)) * 1000, 2),
        "size_mb": round(len(content) / 1e6, 2),
        "parity": round(largest, 6),
        "shortcut": round(_shortcut(examples, fitted), 4),
    }


def _shortcut(examples: Examples, fitted: Fitted) -> float:
    """The largest difference in accuracy on one label between claims of sources; 0 where there is nothing to compare.

    A model that reads the source instead of the picture is right on bakers' cakes and wrong on bakers' biscuits.
    """
    held = ~examples.mask("train")
    right = np.array(examples.names)[fitted.probabilities.argmax(axis=1)] == examples.labels
    worst = 0.0
    for label in examples.names:
        parts = [
            right[group].mean()
            for claim in np.unique(examples.claims)
            if (group := held & (examples.labels == label) & (examples.claims == claim)).sum() >= MIN_CLAIM_IMAGES
        ]
        worst = max(worst, max(parts) - min(parts)) if len(parts) > 1 else worst
    return float(worst)


def predictions_of(examples: Examples, fitted: Fitted) -> pa.Table:
    """A row per image of the version: its facts, the answer, and the probability of each label."""
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
