"""The last stage: a published version into models, measured where it is hard; the best one meets the champion."""

import json
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dataset.atomic import exclusive, replace_file, storage_errors
from dataset.reader import (
    SPLITS,
    UNSEEN,
    Row,
    Version,
    backbone,
    detector,
    load,
    newest,
    picture,
    require_verified,
    session,
    verify,
)
from isitcake.errors import TrainingError, UnknownVersion, UsageError
from isitcake.settings import Settings
from training import models, tracking
from training.attempts import ATTEMPTS, Attempt, Fitted
from training.examples import Examples, Progress
from training.metrics import Metrics, measure
from training.models import Model
from training.promotion import Promotion, promote

COMPARED = 200  # pictures by which the exported graph is compared with the code that was trained
TIMED = 20  # runs
SLICE_FROM = 5  # images
CLAIM_FROM = 5  # images of a label under a claim, from which its accuracy is compared
READS = "reads.json"


@dataclass(frozen=True)
class TrainReport:
    """trained: the version's models, the best on validation first. new: names of those that were not there before.
    skipped: why an attempt could not be tried, by name.
    """

    version: str
    trained: list[Model]
    new: list[str]
    skipped: dict[str, str] = field(default_factory=dict)
    promotion: Promotion | None = None

    @property
    def best(self) -> Model:
        return self.trained[0]

    def line(self) -> str:
        """What happened, in one line."""
        best = self.best
        told = [
            f"{split} {found.balanced_accuracy:.3f}"
            for split in ("test", UNSEEN)
            if (found := best.metrics.get(split)) and found.balanced_accuracy is not None
        ]
        done = f"{len(self.new)} of {len(self.trained)} models trained" if self.new else "all trained before"
        scores = f", balanced accuracy: {', '.join(told)}" if told else ""
        promoted = f"; {self.promotion.line()}" if self.promotion else ""
        return f"{self.version}: {done}; best on validation: {best.name}{scores}{promoted}"


def train(
    settings: Settings,
    version_name: str | None = None,
    progress: Progress | None = None,
    names: Sequence[str] = (),
    now: datetime | None = None,
) -> TrainReport:
    """Every attempt, or those named, on the named version or the newest; what was trained before is not again.

    Each model appears whole or not at all, so an interrupted run goes on where it was. The best on validation is put
    before the champion. Raises UnknownVersion, UsageError for an unknown attempt, StageError for a version that does
    not verify, and TrainingError where a version has too little to learn from.
    """
    chosen = _chosen(names)
    version = load(settings.home, version_name) if version_name else newest(settings.home)
    if version is None:
        raise UnknownVersion("nothing is published yet; run `isitcake publish`")
    tell = progress or _silent
    with exclusive(settings.home / "locks" / "train.lock"):  # one at a time
        require_verified(verify(settings.home, version.name, lambda done, whole: tell("verifying", done, whole)))
        examples = examples_of(settings, version, tell)
        new, skipped = [], {}
        tracker = tracking.tracker(settings)
        for attempt in chosen:
            if why := attempt.missing(examples):
                if names:
                    raise TrainingError(f"{attempt.name} cannot be trained: {why}")
                skipped[attempt.name] = why
                continue
            if _is_there(settings.home, attempt, examples):
                continue
            model = _train(settings.home, attempt, examples)
            tracker.log(model)
            new.append(attempt.name)
        found = [
            model for model in models.of_version(settings.home, version.name) if model.backbone == examples.net.name
        ]
        found.sort(key=lambda model: -_on_validation(model))
        promotion = promote(settings, found[0].id, now=now, by="training") if found else None
    if not found:
        raise TrainingError(f"no attempt can be tried here: {'; '.join(f'{n} {why}' for n, why in skipped.items())}")
    return TrainReport(version.name, found, new, skipped, promotion)


def examples_of(settings: Settings, version: Version, tell: Progress | None = None) -> Examples:
    """The version's rows with the backbone that is configured. Raises TrainingError for a label nobody can learn."""
    rows = version.rows()
    counts = Counter(row.label for row in rows if row.split == "train")
    missing = [label for label in version.labels if not counts[label]]
    if missing:
        there = ", ".join(label for label in version.labels if counts[label]) or "no image"
        raise TrainingError(
            f"version {version.name} has only {there} to train on; collect images that are {', '.join(missing)} first"
        )
    cache = settings.home / "cache" / "features"
    net, objects = backbone(settings.weights), detector(settings.detector)
    return Examples(version, rows, net, objects, cache, tell or _silent)


def evaluate(model: Model, version: Version, progress: Progress | None = None) -> dict[str, Metrics]:
    """Metrics of a model on the splits of any version, by their labels there."""
    rows = version.rows()
    found = np.zeros((len(rows), len(model.labels)))
    for number, row in enumerate(rows):
        said = model.probabilities(picture(version, row))
        found[number] = [said[label] for label in model.labels]
        (progress or _silent)("evaluating", number + 1, len(rows))
    return _metrics(rows, found, model.labels)


def _chosen(names: Sequence[str]) -> list[Attempt]:
    known = {attempt.name: attempt for attempt in (make() for make in ATTEMPTS)}
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"no attempt {unknown[0]!r}; there are {', '.join(known)}")
    return [attempt for name, attempt in known.items() if not names or name in names]


def _is_there(home: Path, attempt: Attempt, examples: Examples) -> bool:
    target = models.folder(home, attempt.name, examples.version)
    if not (target / "metrics.json").is_file():
        return False
    if models.find(home, f"{attempt.name}/{examples.version.name}").backbone == examples.net.name:
        return True
    shutil.rmtree(target)
    return False


def _train(home: Path, attempt: Attempt, examples: Examples) -> Model:
    version, rows = examples.version, examples.rows
    target = models.folder(home, attempt.name, version)
    started = time.monotonic()
    fitted = attempt.fit(examples)
    seconds = time.monotonic() - started
    metrics = _metrics(rows, fitted.probabilities, examples.names)
    reads = _count_read(home, version)
    content: dict[str, Any] = {
        "name": attempt.name, "what": attempt.what, "version": version.name, "version_id": version.id,
        "backbone": examples.net.name, "labels": examples.names, "trained_on": int(examples.mask("train").sum()),
        "facts": dict(fitted.facts), "seconds": round(seconds, 2), "test_read": reads,
        "metrics": {split: asdict(found) for split, found in metrics.items()},
        "slices": _slices(examples, fitted), "costs": _costs(examples, fitted),
    }  # fmt: skip
    onnx.helper.set_model_props(
        fitted.graph,
        {"labels": json.dumps(examples.names), "version": version.name, "version_id": version.id,
         "backbone": examples.net.name},
    )  # fmt: skip
    with _appearing(target) as building:
        onnx.save(fitted.graph, building / "model.onnx")
        pq.write_table(_predictions(examples, fitted), building / "predictions.parquet", compression="zstd")
        (building / "card.md").write_text(_card(content, metrics), encoding="utf-8")
        (building / "metrics.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return models.find(home, f"{attempt.name}/{version.name}")


@contextmanager
def _appearing(target: Path) -> Iterator[Path]:
    """A folder that is written beside and then renamed."""
    building = target.parent / f".building-{target.name}"
    with storage_errors(target):
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        yield building
        building.rename(target)


def _on_validation(model: Model) -> float:
    found = model.metrics.get("validation")
    if found is None or found.balanced_accuracy is None:
        return models.score(model)
    return found.balanced_accuracy


def _metrics(rows: Sequence[Row], probabilities: NDArray[np.float64], names: Sequence[str]) -> dict[str, Metrics]:
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


def _slices(examples: Examples, fitted: Fitted) -> dict[str, dict[str, Any]]:
    """Accuracy on parts of both tests: by label, claim, site, and by what the backbone takes the picture for."""
    answers = np.array(examples.names)[fitted.probabilities.argmax(axis=1)]
    groups = slices_of(examples)
    return {
        name: {"images": len(there), "accuracy": round(float((answers[there] == examples.labels[there]).mean()), 4)}
        for name, there in groups.items()
    }


def slices_of(examples: Examples) -> dict[str, list[int]]:
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


def _costs(examples: Examples, fitted: Fitted) -> dict[str, float]:
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


def _predictions(examples: Examples, fitted: Fitted) -> pa.Table:
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


def _count_read(home: Path, version: Version) -> int:
    """How often the version's tests were looked at, this time included: who looks often chooses by them."""
    path = home / "models" / READS
    try:
        reads = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        reads = {}
    reads[version.name] = reads.get(version.name, 0) + 1
    replace_file(path, (json.dumps(reads, indent=1) + "\n").encode())
    return int(reads[version.name])


def _card(content: Mapping[str, Any], metrics: Mapping[str, Metrics]) -> str:
    costs = content["costs"]
    lines = [
        f"# {content['name']}, trained on {content['version']}",
        "",
        f"{content['what'].capitalize()}; backbone {content['backbone']}. {content['trained_on']} training images of "
        f"version id `{content['version_id']}`, {content['seconds']} s, on "
        f"{datetime.now(UTC).date().isoformat()}.",
        "Takes `pixels`, uint8 (1, height, width, 3), RGB; gives `probabilities` and `class`, labels in this order: "
        + ", ".join(content["labels"])
        + ".",
        "",
        "| split | images | accuracy | balanced accuracy | 95 % interval | AUC | calibration error |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for split, found in metrics.items():
        interval = "–" if found.interval is None else f"{found.interval[0]:.3f} to {found.interval[1]:.3f}"
        cells = [found.accuracy, found.balanced_accuracy, interval, found.auc, found.calibration_error]
        lines.append(f"| {split} | {found.images} | {' | '.join(_cell(cell) for cell in cells)} |")
    lines += [
        "",
        "Intervals are over whole sites where there are enough of them. `test` has images of sites that were trained "
        f"on, `{UNSEEN}` has sites that were not. Both were read {content['test_read']} times, this time included: the "
        "more often they are looked at to choose, the less they say.",
        "",
        "| part of both tests | images | accuracy |",
        "| --- | --- | --- |",
        *[f"| {name} | {part['images']} | {part['accuracy']:.3f} |" for name, part in content["slices"].items()],
        "",
        f"One picture takes {costs['latency_ms']} ms here; the file has {costs['size_mb']} MB. The exported graph and "
        f"the code that was trained differ by at most {costs['parity']:g}. What a source claims moves the accuracy on "
        f"one label by up to {costs['shortcut']:.3f}.",
    ]
    facts = [f"- {key.replace('_', ' ')}: {value}" for key, value in content["facts"].items()]
    return "\n".join([*lines, "", *facts]).rstrip() + "\n"


def _cell(value: Any) -> str:
    return "–" if value is None else value if isinstance(value, str) else f"{value:.3f}"


def _silent(_what: str, _done: int, _total: int) -> None: ...
