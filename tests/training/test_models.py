import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dataset.project import Project
from dataset.reader import REPLACED, TAINTED, load, picture
from foundation.errors import StorageError, UnknownModel
from training import models

SLOW_MODULES = ("onnx", "onnxruntime", "sklearn", "scipy", "PIL", "pyarrow", "dataset.reader")


def test_importing_models_loads_nothing_slow() -> None:
    """`models list` and `status` import this module."""
    code = f"import sys, training.models; print([name for name in {SLOW_MODULES} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_listing_loads_no_networks(trained: Project) -> None:
    """Listing models reads metrics.json only."""
    code = (
        "import sys; from pathlib import Path; from training.models import default_model_id, listing;"
        f"home = Path({str(trained.home)!r}); print([m.name for m in listing(home) if not m.is_tainted],"
        " default_model_id(home), [n for n in ('onnx', 'onnxruntime', 'sklearn', 'scipy.stats') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    default = models.default_model_id(trained.home)
    assert done.stdout.strip() == f"['linear', 'svm'] {default} []"


def test_find(trained: Project) -> None:
    """By name, by name and version, and without a name the default model."""
    linear = models.find(trained.home, "linear")
    assert models.find(trained.home, linear.id).path == linear.path
    assert models.find(trained.home).name == "svm"
    with pytest.raises(UnknownModel, match="no model 'better'; there are linear, svm"):
        models.find(trained.home, "better")
    with pytest.raises(UnknownModel, match="no model 'liner'; did you mean 'linear'"):
        models.find(trained.home, "liner")


def test_find_without_a_default_model(trained: Project) -> None:
    """The model that is best on unseen sites is used; the default model's file may be missing or damaged."""
    path = trained.home / "models" / models.DEFAULT_MODEL_FILE
    best = models.of_version(trained.home, models.find(trained.home).version)[0]
    for content in ("half a fi", "[]", "{}", '{"model": "gone/2026.1.0"}'):
        path.write_text(content)
        assert models.default_model(trained.home) is None
        assert models.find(trained.home).id == best.id
    path.unlink()
    assert models.default_model_id(trained.home) == ""
    assert models.find(trained.home).id == best.id


def test_find_without_models(tmp_path: Path) -> None:
    """The message says how to train one."""
    for name in (None, "svm"):
        with pytest.raises(UnknownModel, match="isitcake train"):
            models.find(tmp_path, name)


def test_models_of_a_former_name(trained: Project) -> None:
    """models/best/, made before the attempt was called `svm`, is listed, is the default model, and answers."""
    svm = models.find(trained.home, "svm")
    former = trained.home / "models" / "best"
    svm.path.parent.rename(former)
    path = former / svm.version / "metrics.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "name": "best"}))
    default = trained.home / "models" / models.DEFAULT_MODEL_FILE
    default.write_text(default.read_text().replace("svm/", "best/"))
    assert [model.name for model in models.listing(trained.home)] == ["best", "linear"]
    model = models.find(trained.home)
    assert model.id == f"best/{svm.version}"
    version = load(trained.home, svm.version)
    assert model.label(picture(version, version.rows()[0])) in version.labels
    assert len(model.predictions()) == version.images


def test_files_that_are_missing_or_damaged(trained: Project) -> None:
    """Predictions that were not kept are empty; a damaged graph is one sentence; a tainted model says so."""
    model = models.find(trained.home, "linear")
    version = load(trained.home, model.version)
    (model.path / "predictions.parquet").unlink()
    assert model.predictions() == []
    (model.path / "model.onnx").write_bytes(b"half a file")
    with pytest.raises(StorageError, match=r"model.onnx cannot be loaded .*; train it again"):
        model.probabilities(picture(version, version.rows()[0]))
    assert not model.is_tainted
    (model.path / TAINTED).write_text("{}")
    assert model.is_tainted


def test_a_kill_while_a_model_takes_anothers_place_loses_neither(trained: Project) -> None:
    """The earlier one is listed until the new one is in its place, and unfinished ones never are."""
    before = [model.id for model in models.listing(trained.home)]
    model = models.find(trained.home)
    replaced = model.path.with_name(f"{REPLACED}{model.version}")
    shutil.copytree(model.path, model.path.with_name(f".building-{model.version}"))
    model.path.rename(replaced)
    assert [one.id for one in models.listing(trained.home)] == before
    assert models.find(trained.home).path == replaced
    shutil.copytree(replaced, model.path)
    assert [one.path for one in models.listing(trained.home) if one.id == model.id] == [model.path]
