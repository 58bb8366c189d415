"""make bench-training: accuracy on bakers' images of sites that were left out.

It compares a plain head on source labels, the same on reviewed labels, and the attempts `svm` and `balanced`. It also
prints the leaderboard of all attempts, the speed of training, the latency of the exported graph against its backbone
alone, and the difference between the graph and the training code.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from photo_project import photo_project, review_all
from scipy.special import softmax
from sklearn.metrics import roc_auc_score
from table import figures, out, table

from dataset.reader import picture
from dataset.versions import published
from foundation.environment import shared_folder
from networks.efficientnet_lite0 import efficientnet_lite0
from networks.session import session
from training import models
from training.attempts.balanced import fit_balanced, fit_uncalibrated
from training.attempts.linear import fit_head
from training.attempts.svm import fit_svm
from training.attempts.transfer import Transfer
from training.comparison import COLUMNS, board
from training.examples import Examples
from training.metrics import Metrics, measure
from training.train import examples_of, train

PLAIN_C = 0.01  # of the plain head
TIMED_IMAGES = 1000  # for the training of the transfer model
TIMED_BLOCKS, RUNS_PER_BLOCK = 10, 20
COMPARED_IMAGES = 200
KINDS = ("unreviewed", "reviewed_plain", "svm", "balanced_at_0.5", "balanced")


def main() -> None:
    shared = shared_folder()
    if shared is None:
        out.print(
            "this benchmark needs real photos and weights in ../shared, or in the folder that ISITCAKE_SHARED names"
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        project = photo_project(Path(folder), shared)
        first = published.newest(project.home)
        review_all(project, shared, Path(folder))
        second = published.newest(project.home)
        assert first is not None
        assert second is not None
        unreviewed, reviewed = (examples_of(project.settings, version) for version in (first, second))
        started = time.monotonic()
        assert len(reviewed.features)
        features_s = time.monotonic() - started
        metrics, auc_intervals = _left_out(unreviewed, reviewed)
        report = train(project.settings)
        table(f"models of {second.name}", list(COLUMNS), board(report.trained))
        proposed = models.find(project.home, f"balanced/{second.name}")
        speed = _speed(proposed, reviewed, features_s)
        parity = _parity(proposed, reviewed)
        out.print(f"graph and training code differ by {parity:.6f} at most, on {COMPARED_IMAGES} photos\n")
        project.close()
    low, high = metrics["balanced"].interval or (0.0, 0.0)
    figures(  # "best" was the key of `svm` in earlier results
        {
            "unreviewed": metrics["unreviewed"].balanced_accuracy or 0.0,
            "reviewed_plain": metrics["reviewed_plain"].balanced_accuracy or 0.0,
            "svm": metrics["svm"].balanced_accuracy or 0.0,
            "best": metrics["balanced"].balanced_accuracy or 0.0,
            "best_low": low,
            "best_high": high,
            "best_auc": metrics["balanced"].auc or 0.0,
            "best_auc_low": auc_intervals["balanced"][0],
            "best_auc_high": auc_intervals["balanced"][1],
            "best_threshold_at_0.5": metrics["balanced_at_0.5"].balanced_accuracy or 0.0,
            "latency_vs_backbone": speed,
            "parity": parity,
        }
    )


def _left_out(unreviewed: Examples, reviewed: Examples) -> tuple[dict[str, Metrics], dict[str, tuple[float, float]]]:
    """Metrics on all bakers' images, each by models that were not trained on that baker, and the AUC's intervals.

    Both by kind of model.
    """
    bakers = [site for site in np.unique(reviewed.sites).tolist() if site != "objects"]
    answers: dict[str, list[str]] = {kind: [] for kind in KINDS}
    probabilities: dict[str, list[NDArray[np.float64]]] = {kind: [] for kind in KINDS}
    truth: list[str] = []
    sites: list[str] = []
    for site in bakers:
        test = reviewed.sites == site
        truth += reviewed.labels[test].tolist()
        sites += [site] * int(test.sum())
        for kind, logits in _logits_without(site, unreviewed, reviewed).items():
            answers[kind] += np.array(reviewed.names)[logits.argmax(axis=1)].tolist()
            probabilities[kind].append(softmax(logits, axis=1))
    metrics = {
        kind: measure(truth, answers[kind], np.concatenate(probabilities[kind]), reviewed.names, sites)
        for kind in KINDS
    }
    is_cake = np.array(truth) == "cake"
    column = list(reviewed.names).index("cake")
    intervals = {
        kind: _auc_interval(is_cake, np.concatenate(probabilities[kind])[:, column], np.array(sites)) for kind in KINDS
    }
    rows: list[tuple[Any, ...]] = []
    for kind, measured in metrics.items():
        low, high = measured.interval or (0.0, 0.0)
        recall = ", ".join(f"{label} {value:.3f}" for label, value in measured.recall.items())
        scores = f"{measured.balanced_accuracy:.3f}", f"{low:.2f} to {high:.2f}", f"{measured.auc:.3f}"
        scores += ("{:.2f} to {:.2f}".format(*intervals[kind]), recall)
        rows.append((kind.replace("_", ", "), *scores))
    table("each of nine bakers left out", ["", "balanced", "95 % over sites", "AUC", "95 %", "recall"], rows)
    by_site = []
    for site in bakers:
        numbers = [i for i, name in enumerate(sites) if name == site]
        wrong = [sum(predicted[i] != truth[i] for i in numbers) for predicted in answers.values()]
        by_site.append((site, len(numbers), sum(truth[i] != "cake" for i in numbers), *wrong))
    table(
        "wrong answers by site", ["", "images", "not cake", "unreviewed", "plain", "svm", "at 0.5", "balanced"], by_site
    )
    return metrics, intervals


def _auc_interval(
    is_cake: NDArray[np.bool_], chances: NDArray[np.float64], sites: NDArray[np.str_]
) -> tuple[float, float]:
    """95 % interval of the AUC over sites: whole sites are drawn again, as for the balanced accuracy."""
    rng, names = np.random.default_rng(0), np.unique(sites)
    of = [np.flatnonzero(sites == name) for name in names]
    drawn = []
    for _ in range(1000):
        rows = np.concatenate([of[k] for k in rng.integers(0, len(names), len(names))])
        if 0 < is_cake[rows].sum() < len(rows):
            drawn.append(roc_auc_score(is_cake[rows], chances[rows]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _logits_without(site: str, unreviewed: Examples, reviewed: Examples) -> dict[str, NDArray[np.float64]]:
    """Logits of the site's images by each kind of model, trained on all other sites."""
    names, test = reviewed.names, reviewed.sites == site
    rest = unreviewed.sites != site
    by_claims = fit_head(unreviewed.features[rest], unreviewed.claims[rest], names, PLAIN_C)
    rest = ~test
    plain = fit_head(reviewed.features[rest], reviewed.labels[rest], names, PLAIN_C)
    svm = fit_svm(reviewed.wide[rest], reviewed.labels[rest], reviewed.sites[rest], reviewed.claims[rest], names)
    features = reviewed.features[test]
    mirrored, claims, labels = reviewed.mirrored, reviewed.claims[rest], reviewed.labels[rest]
    uncut = fit_uncalibrated(mirrored[rest], labels, claims, names)
    balanced, _ = fit_balanced(mirrored[rest], labels, reviewed.sites[rest], claims, names)
    heads = (head.logits(mirrored[test]) for head in (uncut, balanced))
    logits = by_claims.logits(features), plain.logits(features), svm.logits(reviewed.wide[test]), *heads
    return dict(zip(KINDS, logits, strict=True))


def _speed(model: models.Model, examples: Examples, features_s: float) -> float:
    """Print the speed. Returns the latency of the backbone alone divided by that of the whole graph."""
    numbers = np.resize(np.arange(len(examples.rows)), TIMED_IMAGES)
    many = Examples(
        examples.version, [examples.rows[i] for i in numbers], examples.net, examples.detector, examples.cache, _silent
    )
    assert len(many.features) == TIMED_IMAGES  # from the cache
    started = time.monotonic()
    Transfer().fit(many)
    fit_s = time.monotonic() - started
    per_image = features_s / len(examples.rows)
    whole = session(onnx.load(model.path / "model.onnx"))
    alone = session(efficientnet_lite0())
    pixels, larger = (np.random.default_rng(0).integers(0, 255, (1, n, n, 3), dtype=np.uint8) for n in (224, 256))
    square = np.random.default_rng(0).random((1, 3, 224, 224), dtype=np.float32) * 2 - 1
    runs = {
        "the exported graph": lambda: whole.run(["probabilities"], {"pixels": pixels}),
        "the exported graph, which scales from 256 px": lambda: whole.run(["probabilities"], {"pixels": larger}),
        "its backbone alone": lambda: alone.run(["features"], {"input": square}),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(TIMED_BLOCKS):  # in turn, because the idle threads of one session slow the first run of the next
        for name, run in runs.items():
            time.sleep(0.1)
            for number in range(RUNS_PER_BLOCK):
                started = time.perf_counter()
                run()
                if number >= RUNS_PER_BLOCK // 4:
                    times[name].append(time.perf_counter() - started)
    medians = {name: float(np.median(seconds)) for name, seconds in times.items()}
    table(
        "speed",
        ["", ""],
        [
            (f"frozen features of {TIMED_IMAGES:,} images", f"{per_image * TIMED_IMAGES:.1f} s"),
            (f"transfer model on {TIMED_IMAGES:,} images from cached features", f"{fit_s:.1f} s"),
            *[(f"one picture, {name}", f"{seconds * 1000:.1f} ms") for name, seconds in medians.items()],
        ],
    )
    return medians["its backbone alone"] / medians["the exported graph"]


def _parity(model: models.Model, examples: Examples) -> float:
    """The largest difference of a probability between the exported graph and the training code."""
    recorded = {row["sha256"]: row for row in model.predictions()}
    largest = 0.0
    for row in examples.rows[:: max(1, len(examples.rows) // COMPARED_IMAGES)][:COMPARED_IMAGES]:
        probabilities = model.probabilities(picture(examples.version, row))
        differences = [abs(probabilities[label] - recorded[row.sha256][f"p_{label}"]) for label in model.labels]
        largest = max(largest, *differences)
    return largest


def _silent(_what: str, _done: int, _total: int) -> None: ...


if __name__ == "__main__":
    main()
