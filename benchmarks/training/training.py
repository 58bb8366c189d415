"""make bench-training: bakers' images of a site left out, by labels as the sources say, by reviewed ones, and by ours.

Beside it the leaderboard of all attempts, how fast they train, how fast the exported graph answers beside
its backbone alone, and whether it says what the code that was trained says.
"""

import csv
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from table import figures, out, table

from crawlers.collect import collect
from dataset.curate import curate
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from foundation.environment import shared_folder
from labeling.answer_files import import_answers
from networks.session import session
from training import models
from training.attempts.linear import fit_head
from training.attempts.svm import fit_svm
from training.attempts.transfer import Transfer
from training.examples import Examples
from training.leaderboard import COLUMNS, board
from training.metrics import Metrics, measure
from training.train import examples_of, train

PLAIN = 0.01  # C of the plain head
PICTURES = 1000  # that the transfer model is timed on
BLOCKS, RUNS = 10, 20
COMPARED = 200


def main() -> None:
    shared = shared_folder()
    if shared is None:
        out.print("needs real photos and weights: ../shared, or where ISITCAKE_SHARED points")
        return
    with tempfile.TemporaryDirectory() as folder:
        project = _project(Path(folder), shared)
        first = published.newest(project.home)
        _review(project, shared, Path(folder))
        second = published.newest(project.home)
        assert first is not None
        assert second is not None
        unreviewed, reviewed = (examples_of(project.settings, version) for version in (first, second))
        started = time.monotonic()
        assert len(reviewed.features)
        features_s = time.monotonic() - started
        found = _left_out(unreviewed, reviewed)
        report = train(project.settings)
        table(f"models of {second.name}", list(COLUMNS), board(report.trained))
        best = models.find(project.home, f"svm/{second.name}")
        speed = _speed(project, best, reviewed, features_s)
        parity = _parity(best, reviewed)
        out.print(f"graph and training code differ by {parity:.6f} at most, on {COMPARED} photos\n")
        project.close()
    best_low, best_high = found["best"].interval or (0.0, 0.0)
    figures(
        {
            "unreviewed": found["unreviewed"].balanced_accuracy or 0.0,
            "reviewed_plain": found["reviewed_plain"].balanced_accuracy or 0.0,
            "best": found["best"].balanced_accuracy or 0.0,
            "best_low": best_low,
            "best_high": best_high,
            "latency_vs_backbone": speed,
            "parity": parity,
        }
    )


def _project(folder: Path, shared: Path) -> Project:
    """Nine bakers' folders that claim cake, one of objects that claims the other; a version as they say."""
    lines = ["[project]", 'contact = "https://example.org"', "[models]", f'folder = "{shared / "models"}"']
    for site in sorted((shared / "photos" / "bakers").iterdir()):
        lines += ["[[sources]]", f'name = "{site.name}"', 'kind = "folder"', 'label = "cake"', f'path = "{site}"']
    lines += ["[[sources]]", 'name = "objects"', 'kind = "folder"', 'label = "not_cake"']
    lines += [f'path = "{shared / "photos" / "objects"}"']
    config = folder / "isitcake.toml"
    config.write_text("\n".join(lines) + "\n")
    project = open_project(config)
    collect(project).raise_for_failures()
    curate(project)
    publish(project)
    return project


def _review(project: Project, shared: Path, folder: Path) -> None:
    """People answer for every baker's image, by the guideline; and a version of that."""
    known = {path.stem for path in (project.home / "blobs").glob("*/*")}
    with (shared / "photos" / "truth.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["sha256"] in known]
    answers = folder / "answers.csv"
    lines = [f"{row['sha256']},{row['label']},reviewer" for row in rows]
    answers.write_text("sha256,label,reviewer\n" + "\n".join(lines) + "\n")
    import_answers(project, answers)
    curate(project)
    publish(project)


def _left_out(unreviewed: Examples, reviewed: Examples) -> dict[str, Metrics]:
    """Balanced accuracy on every baker's images by models that saw none of that baker's."""
    names = reviewed.names
    bakers = [site for site in np.unique(reviewed.sites).tolist() if site != "objects"]
    answers: dict[str, list[str]] = {"unreviewed": [], "reviewed_plain": [], "best": []}
    truth: list[str] = []
    sites: list[str] = []
    for site in bakers:
        test = reviewed.sites == site
        truth += reviewed.labels[test].tolist()
        sites += [site] * int(test.sum())
        inputs = reviewed.features[test]

        def say(kind: str, logits: NDArray[np.float64]) -> None:
            answers[kind] += np.array(names)[logits.argmax(axis=1)].tolist()

        rest = unreviewed.sites != site
        head = fit_head(unreviewed.features[rest], unreviewed.claims[rest], names, PLAIN)
        say("unreviewed", head.logits(inputs))
        rest = reviewed.sites != site
        head = fit_head(reviewed.features[rest], reviewed.labels[rest], names, PLAIN)
        say("reviewed_plain", head.logits(inputs))
        best = fit_svm(
            reviewed.wide[rest], reviewed.labels[rest], reviewed.sites[rest], reviewed.claims[rest], names
        )  # fmt: skip
        say("best", best.logits(reviewed.wide[test]))
    found = {kind: measure(truth, said, sites=sites) for kind, said in answers.items()}
    rows: list[tuple[Any, ...]] = []
    for kind, metrics in found.items():
        low, high = metrics.interval or (0.0, 0.0)
        recall = ", ".join(f"{label} {value:.3f}" for label, value in metrics.recall.items())
        rows.append((kind.replace("_", ", "), f"{metrics.balanced_accuracy:.3f}", f"{low:.2f} to {high:.2f}", recall))
    table("each of nine bakers left out", ["", "balanced", "95 % over sites", "recall"], rows)
    by_site = []
    for site in bakers:
        there = [i for i, name in enumerate(sites) if name == site]
        wrong = [sum(answers[kind][i] != truth[i] for i in there) for kind in answers]
        others = sum(truth[i] != "cake" for i in there)
        by_site.append((site, len(there), others, *wrong))
    table("wrong answers by site", ["", "images", "not cake", "unreviewed", "plain", "best"], by_site)
    return found


def _speed(project: Project, best: models.Model, examples: Examples, features_s: float) -> float:
    """Seconds of training on 1,000 images; how many times as fast the whole graph is as its backbone alone."""
    places = np.resize(np.arange(len(examples.rows)), PICTURES)
    many = Examples(
        examples.version, [examples.rows[i] for i in places], examples.net, examples.detector, examples.cache, _silent
    )
    assert len(many.features) == PICTURES  # from the cache
    started = time.monotonic()
    Transfer().fit(many)
    fit_s = time.monotonic() - started
    per_image = features_s / len(examples.rows)
    whole = session(onnx.load(best.path / "model.onnx"))
    assert project.settings.weights is not None
    alone = onnxruntime.InferenceSession(str(project.settings.weights), providers=["CPUExecutionProvider"])
    pixels, larger = (np.random.default_rng(0).integers(0, 255, (1, n, n, 3), dtype=np.uint8) for n in (224, 256))
    square = np.random.default_rng(0).random((1, 3, 224, 224), dtype=np.float32) * 2 - 1
    asked = {
        "the exported graph": lambda: whole.run(["probabilities"], {"pixels": pixels}),
        "the exported graph, which scales from 256 px": lambda: whole.run(["probabilities"], {"pixels": larger}),
        "its backbone alone": lambda: alone.run(["features"], {"input": square}),
    }
    times: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(BLOCKS):  # in turn; a block each, since one's waiting threads slow the other's first run
        for name, ask in asked.items():
            time.sleep(0.1)
            for number in range(RUNS):
                started = time.perf_counter()
                ask()
                if number >= RUNS // 4:
                    times[name].append(time.perf_counter() - started)
    middle = {name: float(np.median(found)) for name, found in times.items()}
    table(
        "speed",
        ["", ""],
        [
            (f"frozen features of {PICTURES:,} images", f"{per_image * PICTURES:.1f} s"),
            (f"transfer model on {PICTURES:,} images from cached features", f"{fit_s:.1f} s"),
            *[(f"one picture, {name}", f"{seconds * 1000:.1f} ms") for name, seconds in middle.items()],
        ],
    )
    return middle["its backbone alone"] / middle["the exported graph"]


def _parity(best: models.Model, examples: Examples) -> float:
    """The largest difference of a probability: the graph on a picture's file, and the code that was trained."""
    kept = {row["sha256"]: row for row in best.predictions()}
    from dataset.reader import picture

    worst = 0.0
    for row in examples.rows[:: max(1, len(examples.rows) // COMPARED)][:COMPARED]:
        said = best.probabilities(picture(examples.version, row))
        worst = max(worst, max(abs(said[label] - kept[row.sha256][f"p_{label}"]) for label in best.labels))
    return worst


def _silent(_what: str, _done: int, _total: int) -> None: ...


if __name__ == "__main__":
    main()
