import numpy as np

from dataset.project import Project
from dataset.reader import load
from training import models
from training.attempts.transfer import EPOCHS, Transfer
from training.train import examples_of


def test_transfer(trained: Project) -> None:
    """It learns the training images, gives the same model twice, and records its number of epochs."""
    examples = examples_of(trained.settings, load(trained.home, models.find(trained.home).version))
    first, second = Transfer().fit(examples), Transfer().fit(examples)
    assert first.graph.SerializeToString() == second.graph.SerializeToString()
    assert first.facts == {"epochs": str(EPOCHS)}
    answers = np.array(examples.names)[first.probabilities.argmax(axis=1)]
    learned = examples.mask("train")
    assert (answers[learned] == examples.labels[learned]).mean() > 0.95
