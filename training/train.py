"""The last stage: train models on a published version, measure them, and try to promote one of them."""

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

from dataset.reader import (
    REPLACED,
    UNSEEN,
    Version,
    forget_erased,
    load,
    newest,
    require_verified,
    texts_of_answers,
    verify,
    zero_shot_names,
)
from foundation.errors import TrainingError, UnknownVersion, UsageError
from foundation.files import replace_file, storage_errors
from foundation.json_files import read_json
from foundation.memory import Cost, Meter
from foundation.safe_text import known_names
from foundation.settings import Settings
from foundation.sharing.machines import MODELS_LOCK, held
from networks.backbone import backbone
from networks.objects import detector
from training import models, tracking
from training.attempts import ATTEMPTS, Attempt
from training.attempts.balanced import Balanced
from training.attempts.svm import Svm
from training.card import card
from training.evaluation import accuracy_by_part, costs_of, metrics_of, predictions_of
from training.examples import Examples, Progress, digest_of
from training.models import Model
from training.promotion import Promotion, promote

SIMPLEST_FIRST = (Balanced, Svm)  # of the attempts that ask sites which were left out
TEST_READS_FILE = "reads.json"  # in library/models: how often the tests of each version were read


@dataclass(frozen=True)
class TrainReport:
    """trained: all models of the version; the first is the one that was proposed for promotion. new: names of those
    that this run trained. skipped: attempts that cannot be trained here, with the reason. not_due: why a retraining
    was not worth it; empty for a training. cost: of this run; None where it trained nothing.
    """

    version: str
    trained: list[Model]
    new: list[str]
    skipped: dict[str, str] = field(default_factory=dict)
    promotion: Promotion | None = None
    not_due: str = ""
    cost: Cost | None = None

    @property
    def best(self) -> Model:
        """The model that was proposed for promotion."""
        return self.trained[0]

    def line(self) -> str:
        """The outcome in one line."""
        if self.not_due:
            return f"not trained on {self.version}: {self.not_due}"
        scores = [
            f"{split} {metrics.headline:.3f}, worst {metrics.worst_group} {metrics.groups[metrics.worst_group]:.3f}"
            for split in ("test", UNSEEN)
            if (metrics := self.best.metrics.get(split)) and metrics.headline is not None
        ]
        count = f"{len(self.new)} of {len(self.trained)} models trained" if self.new else "no new model"
        measured = f" (mean recall over groups: {'; '.join(scores)})" if scores else ""
        outcome = f"; {self.promotion.line()}" if self.promotion else ""
        return f"{self.version}: {count}; proposed for promotion: {self.best.name}{measured}{outcome}"


def train(
    settings: Settings,
    version_name: str | None = None,
    progress: Progress | None = None,
    names: Sequence[str] = (),
    now: datetime | None = None,
) -> TrainReport:
    """Train all attempts, or those in `names`, on a version or the newest; then try to promote one of them.

    Existing models are not trained again. A model appears complete or not at all, so an interrupted run continues where
    it stopped. The simplest model that is good on sites which were left out of the training is proposed (`_ordered`);
    where no such attempt was trained, the one that is best on validation. Raises UnknownVersion, UsageError for an
    unknown attempt, StageError for a version that does not verify, and TrainingError for one with too little to learn.
    """
    attempts = _chosen(names)
    version = load(settings.home, version_name) if version_name else newest(settings.home)
    if version is None:
        raise UnknownVersion("nothing is published yet; run `isitcake publish`")
    report_progress, meter = progress or _silent, Meter()
    with held(settings, MODELS_LOCK):  # one training at a time
        models.restore_replaced(settings.home)
        require_verified(verify(settings.home, version.name, report_progress))
        examples = examples_of(settings, version, report_progress)
        new, skipped = _train_missing(settings, attempts, examples, is_optional=not names)
        forget_erased(settings, version, examples.rows, [models.folder(settings.home, n, version) for n in new])
        trained = [m for m in models.of_version(settings.home, version.name) if m.backbone == examples.net.name]
        trained = _ordered(trained)
        promotion = promote(settings, trained[0].id, now=now, by="training") if trained else None
    if not trained:
        reasons = "; ".join(f"{name} {why}" for name, why in skipped.items())
        raise TrainingError(f"no attempt can be trained here: {reasons}")
    cost = meter.cost(version.images) if new else None
    return TrainReport(version.name, trained, new, skipped, promotion, cost=cost)


def untrained(settings: Settings, version: Version) -> dict[str, str]:
    """Attempts that have no model of the version: by name, what each needs, with the command.

    Raises TrainingError for a version with too little to learn, StorageError for weights that cannot be read.
    """
    trained = {model.name for model in models.of_version(settings.home, version.name)}
    examples = examples_of(settings, version)
    lacking = [attempt for attempt in _chosen(()) if attempt.name not in trained]
    return {
        attempt.name: attempt.missing(examples) or "is not trained yet; run `isitcake train`" for attempt in lacking
    }


def examples_of(settings: Settings, version: Version, progress: Progress | None = None) -> Examples:
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
    net, objects = backbone(settings.network, texts_of_answers(settings)), detector(settings.detector)
    return Examples(version, rows, net, objects, cache, progress or _silent, zero_shot_names(settings))


def _chosen(names: Sequence[str]) -> list[Attempt]:
    names = [Svm.current_name(name) for name in names]
    known = {attempt.name: attempt for attempt in (make() for make in ATTEMPTS)}
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"no attempt {unknown[0]!r}; {known_names(unknown[0], known)}")
    return [attempt for name, attempt in known.items() if not names or name in names]


def _train_missing(
    settings: Settings, attempts: Sequence[Attempt], examples: Examples, *, is_optional: bool
) -> tuple[list[str], dict[str, str]]:
    """Train the attempts that have no model yet. Returns their names, and the skipped attempts with the reason.

    Raises TrainingError for an attempt that cannot be trained, unless `is_optional`.
    """
    new, skipped = [], {}
    tracker = tracking.tracker(settings)
    for attempt in attempts:
        if why := attempt.missing(examples):
            if not is_optional:
                raise TrainingError(f"{attempt.name} cannot be trained: {why}")
            skipped[attempt.name] = why
        elif not _has_model(settings.home, attempt, examples):
            tracker.log(fit_model(settings.home, attempt, examples))
            new.append(attempt.name)
    return new, skipped


def _has_model(home: Path, attempt: Attempt, examples: Examples) -> bool:
    """Whether the attempt's model exists; a model with another backbone is deleted."""
    target = models.folder(home, attempt.name, examples.version)
    if not (target / "metrics.json").is_file():
        return False
    if models.find(home, f"{attempt.name}/{examples.version.name}").backbone == examples.net.name:
        return True
    shutil.rmtree(target)
    return False


def fit_model(home: Path, attempt: Attempt, examples: Examples) -> Model:
    """Fit an attempt and store the model, complete or not at all; it takes the place of an earlier one."""
    version = examples.version
    started = time.monotonic()
    examples.progress(f"fits of {attempt.name}", 0, 1)
    fitted = attempt.fit(examples)
    seconds = time.monotonic() - started
    metrics = metrics_of(examples.rows, fitted.probabilities, examples.names)
    test_reads, n_trained = _count_test_read(home, version), int(examples.mask("train").sum())
    content: dict[str, Any] = {
        "name": attempt.name, "what": attempt.what, "version": version.name, "version_id": version.id,
        "backbone": examples.net.name, "labels": examples.names,
        "trained_on": n_trained if fitted.learned_from is None else fitted.learned_from,
        "rows": len(examples.rows), "rows_digest": digest_of(examples.rows),
        "facts": dict(fitted.facts), "left_out": asdict(fitted.left_out) if fitted.left_out else {},
        "seconds": round(seconds, 2), "test_read": test_reads,
        "metrics": {split: asdict(measured) for split, measured in metrics.items()},
        "slices": accuracy_by_part(examples, fitted), "costs": costs_of(examples, fitted),
    }  # fmt: skip
    onnx.helper.set_model_props(
        fitted.graph,
        {"labels": json.dumps(examples.names), "version": version.name, "version_id": version.id,
         "backbone": examples.net.name},
    )  # fmt: skip
    with _building(models.folder(home, attempt.name, version)) as building:
        onnx.save(fitted.graph, building / "model.onnx")
        pq.write_table(predictions_of(examples, fitted), building / "predictions.parquet", compression="zstd")
        (building / "card.md").write_text(card(content, metrics), encoding="utf-8")
        (building / "metrics.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return models.find(home, f"{attempt.name}/{version.name}")


@contextmanager
def _building(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target`. It takes the place of `target` at the end."""
    building = target.parent / f".building-{target.name}"
    with storage_errors(target):
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        yield building
        replaced = target.parent / f"{REPLACED}{target.name}"  # a kill from here on leaves one of the two listed
        if target.exists():
            shutil.rmtree(replaced, ignore_errors=True)
            target.rename(replaced)
        building.rename(target)
        shutil.rmtree(replaced, ignore_errors=True)


def _ordered(trained: Sequence[Model]) -> list[Model]:
    """The model to propose first. Validation has known sites only, where all models look good; so sites that were left
    out of the training decide, and the simplest of those that are not worse than the best by a standard error.
    """
    asked = [model for model in trained if model.left_out]
    best = max((model.left_out for model in asked), key=lambda left_out: left_out["headline"], default={})
    limit = best.get("headline", 0.0) - best.get("error", 0.0)
    order = [attempt().name for attempt in SIMPLEST_FIRST]

    def rank(model: Model) -> tuple[bool, int, float]:
        is_good = bool(model.left_out) and model.left_out["headline"] >= limit
        name = Svm.current_name(model.name)
        return not is_good, order.index(name) if name in order else len(order), -_on_validation(model)

    return sorted(trained, key=rank)


def _on_validation(model: Model) -> float:
    metrics = model.metrics.get("validation")
    if metrics is None or metrics.balanced_accuracy is None:
        return models.score(model)
    return metrics.balanced_accuracy


def _count_test_read(home: Path, version: Version) -> int:
    """Count a reading of the version's tests. Returns how often they were read, including this time."""
    path = home / "models" / TEST_READS_FILE
    reads: dict[str, int] = read_json(path, {})
    reads[version.name] = reads.get(version.name, 0) + 1
    replace_file(path, (json.dumps(reads, indent=1) + "\n").encode())
    return reads[version.name]


def _silent(_what: str, _done: int, _total: int) -> None: ...
