"""Fit models anew whose images were erased, and prove that no erased image is left in a model.

A model is refitted by the code that trained it, on the images that its version still has: the numbers are those of a
training that never saw the erased images. Kept features of the other images make it a matter of seconds to minutes.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field

from dataset.reader import forget_erased, load, require_verified, verify
from foundation.errors import IsItCakeError, TrainingError, UsageError
from foundation.safe_text import counted
from foundation.settings import Settings
from foundation.sharing.machines import MODELS_LOCK, held
from training import models
from training.attempts import ATTEMPTS
from training.attempts.svm import Svm
from training.examples import Examples, Progress, digest_of
from training.models import Model
from training.promotion import move_default
from training.train import examples_of, fit_model


@dataclass(frozen=True)
class RefitReport:
    """refitted: the new models. failed: why a model could not be fitted anew, by its id; it stays as it was."""

    refitted: list[Model]
    failed: dict[str, str] = field(default_factory=dict)

    def line(self) -> str:
        """The outcome in one line."""
        if not self.refitted and not self.failed:
            return "no model was trained on images that were erased since"
        done = f"{counted(len(self.refitted), 'model')} fitted anew without erased images"
        return "; ".join([done, *(f"{name} not: {why}" for name, why in self.failed.items())])


@dataclass(frozen=True)
class Proof:
    """Which images a training saw. images: that the model learned from or was measured on; digest: of their SHA-256s.
    problem: why it is no proof; empty where it is. learned_from: how many it learned from.
    """

    model: str
    images: int
    digest: str
    problem: str = ""
    learned_from: int = 0

    def line(self) -> str:
        """The outcome in one line."""
        if self.problem:
            return f"{self.model}: {self.problem}"
        return (
            f"{self.model}: learned from {counted(self.learned_from, 'image')}; all {self.images} that it learned from "
            f"or was measured on are in its version; digest {self.digest}"
        )


def refit(settings: Settings, names: Sequence[str] = (), progress: Progress | None = None) -> RefitReport:
    """Fit models anew, on the images that their versions still have. names: of models; by default of all tainted ones.

    Each model stays the default model if it is, and is listed until the new one has its place. Raises UnknownModel,
    and TrainingError where none could be fitted.
    """
    home = settings.home
    report = RefitReport([])
    with held(settings, MODELS_LOCK):
        models.restore_replaced(home)
        chosen = [models.find(home, name) for name in names] or [one for one in models.listing(home) if one.is_tainted]
        examples: dict[str, Examples] = {}
        for model in chosen:
            try:
                if model.version not in examples:
                    examples[model.version] = _examples(settings, model.version, progress)
                report.refitted.append(_refit(settings, model, examples[model.version]))
            except IsItCakeError as error:
                report.failed[model.id] = str(error)
    if report.failed and not report.refitted:
        raise TrainingError(report.line())
    return report


def _examples(settings: Settings, version: str, progress: Progress | None) -> Examples:
    require_verified(verify(settings.home, version, progress))
    return examples_of(settings, load(settings.home, version), progress)


def _refit(settings: Settings, model: Model, examples: Examples) -> Model:
    attempt = next((one for one in (make() for make in ATTEMPTS) if one.name == Svm.current_name(model.name)), None)
    if attempt is None:
        raise UsageError(f"no attempt {model.name!r} any more; remove {model.path}, or train another model")
    if model.backbone != examples.net.name:
        raise UsageError(f"it uses the network {model.backbone}, and [models] network is another one now")
    if why := attempt.missing(examples):
        raise TrainingError(f"{attempt.name} cannot be trained: {why}")
    new = fit_model(settings.home, attempt, examples)
    forget_erased(settings, examples.version, examples.rows, [new.path])
    if new.id != model.id:  # an attempt that had another name
        move_default(settings.home, model.id, new.id)
        shutil.rmtree(model.path)
    return new


def prove(settings: Settings, name: str | None) -> Proof:
    """Compare the images that a training saw with those that its version holds now.

    Raises UnknownModel, UnknownVersion.
    """
    model = models.find(settings.home, name)
    rows = load(settings.home, model.version).rows()
    if not model.rows_digest:
        return Proof(model.id, 0, "", "an earlier release trained it and kept no digest; `isitcake models refit` does")
    if model.is_tainted or model.rows_digest != digest_of(rows):
        why = "images that it learned from or was measured on were erased; run `isitcake models refit`"
        return Proof(model.id, model.rows, model.rows_digest, why, model.trained_on)
    return Proof(model.id, model.rows, model.rows_digest, learned_from=model.trained_on)
