"""make bench-refit: models after an erasure, fitted anew, compared with models that never saw the erased images.

For 1, 10 and 100 erased images: the largest difference of any probability, and the time beside a full training.
"""

import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from photo_project import photo_project, review_all
from table import figures, out, table

from dataset.erasure.erase import erase
from dataset.erasure.selection import Selection
from dataset.project import Project
from dataset.reader import Version, load, newest
from foundation.environment import shared_folder
from training import models
from training.refit import prove, refit
from training.train import train

COUNTS = (1, 10, 100)


def main() -> None:
    shared = shared_folder()
    if shared is None:
        out.print("this benchmark needs real photos in ../shared, or in the folder that ISITCAKE_SHARED names")
        return
    with tempfile.TemporaryDirectory() as folder:
        project = photo_project(Path(folder), shared)
        review_all(project, shared, Path(folder))
        version = newest(project.home)
        assert version is not None
        train(project.settings, version.name)
        found: dict[str, float] = {}
        rows = []
        for count in COUNTS:
            erase_s = _erase(project, version, count)
            started = time.monotonic()
            report = refit(project.settings)
            refit_s = time.monotonic() - started
            assert not report.failed
            refitted = _probabilities(project, version.name)
            proofs = [prove(project.settings, model.id) for model in report.refitted]
            assert not any(proof.problem for proof in proofs)
            shutil.rmtree(project.home / "models")
            shutil.rmtree(project.home / "cache" / "features")
            started = time.monotonic()
            train(project.settings, version.name)
            training_s = time.monotonic() - started
            difference = _difference(refitted, _probabilities(project, version.name))
            rows.append([count, erase_s, refit_s, training_s, len(report.refitted), f"{difference:.1e}"])
            found |= {f"difference_{count}": difference, f"training_vs_refit_{count}": training_s / refit_s}
        head = ["erased", "erase, s", "refit, s", "full training, s", "models", "largest difference"]
        table("models fitted anew after an erasure, and models trained from scratch", head, rows)
        figures(found)
        project.close()


def _erase(project: Project, version: Version, count: int) -> float:
    """Erase images that models were trained on. Returns seconds."""
    names = [row.sha256 for row in load(project.home, version.name).rows() if row.split == "train"][:count]
    started = time.monotonic()
    for name in names:
        erase(project, Selection.of({"sha256": name}), "asked to")
    return time.monotonic() - started


def _probabilities(project: Project, version: str) -> dict[str, NDArray[np.float64]]:
    """What each model of the version says of its images, by the model's name; images sorted by SHA-256."""
    found = {}
    for model in models.listing(project.home):
        if model.version == version:
            rows = sorted(model.predictions(), key=lambda row: str(row["sha256"]))
            columns = [name for name in rows[0] if name.startswith("p_")]
            found[model.name] = np.array([[row[column] for column in columns] for row in rows])
    return found


def _difference(ours: dict[str, NDArray[np.float64]], theirs: dict[str, NDArray[np.float64]]) -> float:
    assert ours
    assert set(ours) <= set(theirs)
    return max(float(np.abs(ours[name] - theirs[name]).max()) for name in ours)


if __name__ == "__main__":
    main()
