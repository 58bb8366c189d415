"""What a model is measured by, on every split of a version: metrics, parts, costs, and each picture's answer."""

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

COMPARED = 200  # pictures by which the exported graph is compared with the code that was trained
TIMED = 20  # runs
SLICE_FROM = 5  # images
CLAIM_FROM = 5  # images of a label under a claim, from which its accuracy is compared


def evaluate(model: Model, version: Version, progress: Progress | None = None) -> dict[str, Metrics]:
    """Metrics of a model on the splits of any version, by their labels there."""
    rows = version.rows()
    found = np.zeros((len(rows), len(model.labels)))
    for number, row in enumerate(rows):
        said = model.probabilities(picture(version, row))
        found[number] = [said[label] for label in model.labels]
        if progress:
            progress("evaluating", number + 1, len(rows))
    return metrics_of(rows, found, model.labels)


def metrics_of(rows: Sequence[Row], probabilities: NDArray[np.float64], names: Sequence[str]) -> dict[str, Metrics]:
    """By split, and for unseen sites also by what their source claims: bakers' own biscuits are the hard part."""
    groups = {split: [i for i, row in enumerate(rows) if row.split == split] for split in SPLITS}
    for claim in sorted({row.source_label for row in rows}):
        groups[f"{UNSEEN}/{claim}"] = [i for i in groups[UNSEEN] if rows[i].source_label == claim]
    answers = np.array(names)[probabilities.argmax(axis=1)] if len(rows) else np.array([])
    return {
        name: measure(
            [rows[i].label for i in there], [str(answers[i]) for i in there], probabilities[there], names,
            [rows[i].site for i in there],
        )
        for name, there in groups.items()
    }  # fmt: skip


def accuracy_by_part(examples: Examples, fitted: Fitted) -> dict[str, dict[str, Any]]:
    """Accuracy on parts of both tests: by label, claim, site, and by what the backbone takes the picture for."""
    answers = np.array(examples.names)[fitted.probabilities.argmax(axis=1)]
    groups = _parts(examples)
    return {
        name: {"images": len(there), "accuracy": round(float((answers[there] == examples.labels[there]).mean()), 4)}
        for name, there in groups.items()
    }


def _parts(examples: Examples) -> dict[str, list[int]]:
    """Places of the rows of each part of both tests that has at least a few images."""
    groups: dict[str, list[int]] = defaultdict(list)
    tested = np.flatnonzero(examples.mask("test", UNSEEN))
    looks = examples.net.classes(examples.features[tested]) if len(tested) else []
    for place, look in zip(tested.tolist(), looks, strict=True):
        row = examples.rows[place]
        groups[f"label {row.label}"].append(place)
        groups[f"source says {row.source_label}, is {row.label}"].append(place)
        groups[f"site {row.site}"].append(place)
        if look:
            groups[f"looks like {max(look, key=lambda name: look[name]).split(',')[0]}"].append(place)
    return {name: there for name, there in sorted(groups.items()) if len(there) >= SLICE_FROM}


def costs_of(examples: Examples, fitted: Fitted) -> dict[str, float]:
    """latency_ms of one picture, size_mb of the file, parity with the training code, shortcut: what a claim moves."""
    content = fitted.graph.SerializeToString()
    run = session(fitted.graph).run
    noise = np.random.default_rng(0).integers(0, 255, (1, 256, 256, 3), dtype=np.uint8)
    seconds = []
    for _ in range(TIMED):
        started = time.perf_counter()
        run(["probabilities"], {"pixels": noise})
        seconds.append(time.perf_counter() - started)
    places = np.flatnonzero(~examples.mask("train"))[:COMPARED]
    apart = 0.0
    for place in places.tolist():
        pixels = np.asarray(picture(examples.version, examples.rows[place]))[None]
        (said,) = run(["probabilities"], {"pixels": pixels})
        apart = max(apart, float(np.abs(said[0] - fitted.probabilities[place]).max()))
    return {
        "latency_ms": round(float(np.median(seconds)) * 1000, 2),
        "size_mb": round(len(content) / 1e6, 2),
        "parity": round(apart, 6),
        "shortcut": round(_shortcut(examples, fitted), 4),
    }


def _shortcut(examples: Examples, fitted: Fitted) -> float:
    """By how much accuracy on one label differs with what the source claims, at most; 0 where nothing can be told.

    A model that reads the source instead of the picture is right on bakers' cakes and wrong on bakers' biscuits.
    """
    held = ~examples.mask("train")
    right = np.array(examples.names)[fitted.probabilities.argmax(axis=1)] == examples.labels
    worst = 0.0
    for label in examples.names:
        parts = [
            right[there].mean()
            for claim in np.unique(examples.claims)
            if (there := held & (examples.labels == label) & (examples.claims == claim)).sum() >= CLAIM_FROM
        ]
        worst = max(worst, max(parts) - min(parts)) if len(parts) > 1 else worst
    return float(worst)


def predictions_of(examples: Examples, fitted: Fitted) -> pa.Table:
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
