import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from dataset.project import Project
from dataset.reader import load, picture
from networks.session import session
from training import models
from training.attempts.cnn import GreyCnn, RepairedCnn, TalkCnn
from training.train import examples_of

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")


@needs_torch
@pytest.mark.parametrize("attempt", [TalkCnn, RepairedCnn, GreyCnn])
def test_the_graph_without_torch(trained: Project, attempt: type[TalkCnn]) -> None:
    """The exported graph has the probabilities of the torch network, on pictures of the version."""
    examples = examples_of(trained.settings, load(trained.home, models.find(trained.home).version))
    few = replace(examples, rows=examples.rows[::4])
    fitted = attempt().fit(few)
    assert fitted.facts["epochs"] == str(attempt.epochs)
    run = session(fitted.graph).run
    for number, row in enumerate(few.rows[:10]):
        (probabilities,) = run(["probabilities"], {"pixels": np.asarray(picture(few.version, row))[None]})
        np.testing.assert_allclose(probabilities[0], fitted.probabilities[number], atol=1e-3)


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is installed")
def test_torch_that_is_not_installed(trained: Project) -> None:
    """The reason says how to install it."""
    examples = examples_of(trained.settings, load(trained.home, models.find(trained.home).version))
    assert "make cnn" in TalkCnn().missing(examples)
