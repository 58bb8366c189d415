"""After an erasure, models are fitted anew: the numbers are those of a training that never saw the erased images."""

import shutil

import numpy as np
import pytest

from dataset.erasure.erase import erase
from dataset.erasure.selection import Selection
from dataset.project import Project
from dataset.reader import REPLACED, Version
from foundation.errors import TrainingError
from networks.kept_vectors import KeptVectors
from training import models
from training.refit import prove, refit
from training.train import train

MODEL = "svm"


def probabilities(project: Project) -> tuple[list[str], np.ndarray]:
    rows = sorted(models.find(project.home, MODEL).predictions(), key=lambda row: row["sha256"])
    return [row["sha256"] for row in rows], np.array([[row["p_cake"], row["p_not_cake"]] for row in rows])


def erase_some(project: Project, version: Version, count: int) -> list[str]:
    names = [row.sha256 for row in version.rows() if row.split == "train"][:count]
    for name in names:
        erase(project, Selection.of({"sha256": name}), "asked to")
    return names


@pytest.mark.parametrize("count", [1, 5])
def test_a_refitted_model_is_the_one_that_never_saw_the_erased_images(
    trained: Project, version: Version, count: int
) -> None:
    default = models.default_model_id(trained.home)
    assert prove(trained.settings, MODEL).problem == ""
    names = erase_some(trained, version, count)
    assert models.find(trained.home, MODEL).is_tainted
    assert "were erased" in prove(trained.settings, MODEL).problem
    report = refit(trained.settings)
    assert MODEL in {model.name for model in report.refitted}
    assert not report.failed
    assert not any(model.is_tainted for model in models.listing(trained.home))
    assert models.default_model_id(trained.home) == default
    assert prove(trained.settings, MODEL).problem == ""
    seen, refitted = probabilities(trained)
    assert not set(seen) & set(names)
    shutil.rmtree(trained.home / "models" / MODEL)
    shutil.rmtree(trained.home / "cache" / "features")
    train(trained.settings, version.name, names=[MODEL])
    again, from_scratch = probabilities(trained)
    assert again == seen
    assert np.abs(from_scratch - refitted).max() < 1e-6
    assert refit(trained.settings).line() == "no model was trained on images that were erased since"


def test_the_proof_counts_what_the_model_learned_from(trained: Project, version: Version) -> None:
    """Validation and tests are in the digest, and no model learns from them: the number is that of `models list`."""
    proof, model = prove(trained.settings, MODEL), models.find(trained.home, MODEL)
    learned = sum(row.split == "train" for row in version.rows())
    assert (proof.learned_from, proof.images) == (learned, len(version.rows()))
    assert model.trained_on == learned < proof.images
    assert f"learned from {learned} images; all {proof.images} that it learned from or was measured on" in proof.line()


def test_only_the_erased_images_lose_their_kept_features(trained: Project, version: Version) -> None:
    folder = next((trained.home / "cache" / "features").glob("*/names")).parent
    kept, names = KeptVectors(folder, ["features", "wide"]), [row.sha256 for row in version.rows()]
    assert kept.places(names).min() == 0
    (name,) = erase_some(trained, version, 1)
    places = dict(zip(names, kept.places(names).tolist(), strict=True))
    assert places.pop(name) == -1
    assert min(places.values()) >= 0
    assert bytes.fromhex(name) not in (folder / "names").read_bytes()


def test_a_model_that_cannot_be_fitted_anew_stays_and_is_named(trained: Project, version: Version) -> None:
    """Its whole label was erased."""
    for row in version.rows():
        if row.label == "cake" and row.split == "train":
            erase(trained, Selection.of({"sha256": row.sha256}), "asked to")
    with pytest.raises(TrainingError, match="to train on"):
        refit(trained.settings)
    assert models.find(trained.home, MODEL).is_tainted


def test_a_model_that_a_kill_left_moved_away_is_tainted_and_fitted_anew(trained: Project, version: Version) -> None:
    """It was killed between the two names; the erasure finds it, and the refit gives it its name back."""
    model = models.find(trained.home, MODEL)
    model.path.rename(model.path.with_name(f"{REPLACED}{model.version}"))
    names = erase_some(trained, version, 1)
    assert models.find(trained.home, MODEL).is_tainted
    report = refit(trained.settings)
    assert not report.failed
    again = models.find(trained.home, MODEL)
    assert again.path == model.path
    assert not again.is_tainted
    assert not {str(row["sha256"]) for row in again.predictions()} & set(names)
    assert not list((trained.home / "models").glob(f"*/{REPLACED}*"))
