"""The history of one image; tests/labeling/test_rounds.py has one with an answer."""

import subprocess
import sys
from pathlib import Path

import pytest

from dataset.project import Project
from dataset.versions import published
from foundation.errors import UnknownImage
from training.train import train
from web.pages.why import explain, steps, why_html

KINDS = ["image", "seen", "cluster", "finding", "queue", "asked", "judgement", "audit", "decision", "version", "model"]


def test_the_history_goes_from_sighting_to_model(bakery: Project) -> None:
    """Each step stands after those that caused it; every model of its versions is named."""
    train(bakery.settings, names=["svm"])
    version = published.newest(bakery.home)
    assert version is not None
    history = explain(bakery, version.rows()[0].sha256[:12])
    assert history.models == [f"svm {version.name}"]
    kinds = [kind for kind, _ in steps(history) if kind]
    assert kinds == sorted(kinds, key=KINDS.index)
    assert {"image", "seen", "judgement", "decision", "version", "model"} <= set(kinds)


def test_the_page_names_no_reviewer_and_no_path(bakery: Project) -> None:
    """What is printed for the owner names both."""
    version = published.newest(bakery.home)
    assert version is not None
    history = explain(bakery, version.rows()[0].sha256)
    printed = " ".join(text for _, text in steps(history))
    page = why_html(bakery, history)
    assert "ann says" in printed
    assert history.path in printed
    assert "reviewer 1 says" in page
    assert "ann says" not in page
    assert history.path not in page


def test_an_unknown_image_has_no_history(published_project: Project) -> None:
    with pytest.raises(UnknownImage):
        explain(published_project, "0" * 64)


@pytest.mark.parametrize("module", ["why", "thumbnails", "diff", "contact_sheet", "probe"])
def test_importing_a_page_loads_no_model_library(module: str) -> None:
    """A command that prints the history of an image starts without ONNX, scikit-learn and scipy.stats."""
    slow = "{'onnx', 'onnxruntime', 'sklearn', 'scipy.stats', 'scrapy', 'prefect', 'label_studio_sdk'}"
    code = f"import sys, web.pages.{module}; print(sorted({slow} & sys.modules.keys()))"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
