"""The last stage: train models on a published version, measure them, and try to promote the `svm` model."""

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import onnx
import pyarrow.parquet as pq

from dataset.reader import UNSEEN, Version, forget_erased, load, newest, require_verified, verify
from foundation.errors import TrainingError, UnknownVersion, UsageError
from foundation.files import replace_file, storage_errors
from foundation.json_files import read_json
from foundation.locks import exclusive
from foundation.settings import Settings
from networks.backbone import backbone
from networks.objects import detector
from training import models, tracking
from training.attempts import ATTEMPTS, Attempt
from training.attempts.svm import Svm
from training.card import card
from training.evaluation import accuracy_by_part, costs_of, metrics_of, predictions_of
from training.examples import Examples, Progress
from training.models import Model
from training.promotion import Promotion, promote

READS = "reads.json"
PROMOTED = Svm.name  # the attempt that `train` tries to promote


@dataclass(frozen=True)
class TrainReport:
    """trained: the version's models; the first is the one that `train` tried to promote. new: names of those that were
    not there before. skipped: why an attempt could not be trained, by name.
    """

    version: str
    trained: list[Model]
    new: list[str]
    skipped: dict[str, str] = field(default_factory=dict)
    promotion: Promotion | None = None
    not_due: str = ""  # why an automatic training was not done

    @property
    def best(self) -> Model:
        return self.trained[0]

    def line(self) -> str:
        """The result, in one line."""
        if self.not_due:
            return f"not trained on {self.version}: {self.not_due}"
        best = self.best
        tests = [
            f"{split} {metrics.balanced_accuracy:.3f}"
            for split in ("test", UNSEEN)
            if (metrics := best.metrics.get(split)) and metrics.balanced_accuracy is not None
        ]
        done = f"{len(self.new)} of {len(self.trained)} models trained" if self.new else "all trained before"
        scores = f", balanced accuracy: {', '.join(tests)}" if tests else ""
        promoted = f"; {self.promotion.line()}" if self.promotion else ""
        return f"{self.version}: {done}; candidate: {best.name}{scores}{promoted}"


def train(
    settings: Settings,
    version_name: str | None = None,
    progress: Progress | None = None,
    names: Sequence[str] = (),
    now: datetime | None = None,
) -> TrainReport:
    """Train every attempt, or those named, on the named version or the newest. A model that is there is kept.

    Each model appears whole or not at all, so an interrupted run continues where it was. Then the `svm` model is the
    candidate for promotion; without it, the best on validation. Raises UnknownVersion, UsageError for an unknown
    attempt, StageError for a version that does not verify, TrainingError where a version has too little to learn from.
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
        forget_erased(settings.home, version, examples.rows, [models.folder(settings.home, n, version) for n in new])
        trained = [
            model for model in models.of_version(settings.home, version.name) if model.backbone == examples.net.name
        ]
        # Validation has known sites only, where every model looks good; `svm` was chosen on sites that were left out.
        trained.sort(key=lambda model: (model.name != PROMOTED, -_on_validation(model)))
        promotion = promote(settings, trained[0].id, now=now, by="training") if trained else None
    if not trained:
        raise TrainingError(f"no attempt can be trained here: {'; '.join(f'{n} {why}' for n, why in skipped.items())}")
    return TrainReport(version.name, trained, new, skipped, promotion)


def examples_of(settings: Settings, version: Version, tell: Progress | None = None) -> Examples:
    """The version's rows with the configured backbone. Raises TrainingError for a label without training images."""
    rows = version.rows()
    counts = Counter(row.label for row in rows if row.split == "train")
    missing = [label for label in version.labels if not counts[label]]
    if missing:
        present = ", ".join(label for label in version.labels if counts[label]) or "no image"
        raise TrainingError(
            f"version {version.name} has only {present} to train on; collect images that are {', '.join(missing)} first"
        )
    cache = settings.home / "cache" / "features"
    net, objects = backbone(settings.weights), detector(settings.detector)
    return Examples(version, rows, net, objects, cache, tell or _silent)


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
    metrics = metrics_of(rows, fitted.probabilities, examples.names)
    reads = _count_read(home, version)
    content: dict[str, Any] = {
        "name": attempt.name, "what": attempt.what, "version": version.name, "version_id": version.id,
        "backbone": examples.net.name, "labels": examples.names, "trained_on": int(examples.mask("train").sum()),
        "facts": dict(fitted.facts), "seconds": round(seconds, 2), "test_read": reads,
        "metrics": {split: asdict(values) for split, values in metrics.items()},
        "slices": accuracy_by_part(examples, fitted), "costs": costs_of(examples, fitted),
    }  # fmt: skip
    onnx.helper.set_model_props(
        fitted.graph,
        {"labels": json.dumps(examples.names), "version": version.name, "version_id": version.id,
         "backbone": examples.net.name},
    )  # fmt: skip
    with _appearing(target) as building:
        onnx.save(fitted.graph, building / "model.onnx")
        pq.write_table(predictions_of(examples, fitted), building / "predictions.parquet", compression="zstd")
        (building / "card.md").write_text(card(content, metrics), encoding="utf-8")
        (building / "metrics.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return models.find(home, f"{attempt.name}/{version.name}")


@contextmanager
def _appearing(target: Path) -> Iterator[Path]:
    """A folder to write into, which appears as `target` when it is complete."""
    building = target.parent / f".building-{target.name}"
    with storage_errors(target):
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        yield building
        building.rename(target)


def _on_validation(model: Model) -> float:
    metrics = model.metrics.get("validation")
    if metrics is None or metrics.balanced_accuracy is None:
        return models.score(model)
    return metrics.balanced_accuracy


def _count_read(home: Path, version: Version) -> int:
    """How often the version's tests were read, this time included: whoever reads them often chooses by them."""
    path = home / "models" / READS
    reads = read_json(path, dict[str, int]())
    reads[version.name] = reads.get(version.name, 0) + 1
    replace_file(path, (json.dumps(reads, indent=1) + "\n").encode())
    return int(reads[version.name])


def _silent(_what: str, _done: int, _total: int) -> None: ...
