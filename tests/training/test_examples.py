import numpy as np

from dataset.project import Project
from dataset.reader import load, picture
from training import models
from training.examples import Examples
from training.train import examples_of


def examples_in(project: Project) -> Examples:
    return examples_of(project.settings, load(project.home, models.find(project.home).version))


def test_frozen_features(trained: Project) -> None:
    """They are the backbone's vectors of the rows' pictures, and the wide ones contain more."""
    examples = examples_in(trained)
    vectors = [examples.net.vector(picture(examples.version, row)) for row in examples.rows[:5]]
    np.testing.assert_allclose(examples.features[:5], vectors, rtol=1e-4, atol=1e-5)
    assert examples.wide.shape[0] == len(examples.rows)
    assert examples.wide.shape[1] >= examples.features.shape[1]


def test_a_damaged_cache_is_computed_again(trained: Project) -> None:
    """Half a file counts as no file."""
    expected = examples_in(trained).features
    (cached,) = (trained.home / "cache" / "features").iterdir()
    cached.write_bytes(cached.read_bytes()[:1000])
    np.testing.assert_array_equal(examples_in(trained).features, expected)


def test_planes(trained: Project) -> None:
    """Pictures scaled to a square, in colour or in grey, in the order of the rows."""
    examples = examples_in(trained)
    colour, grey = examples.planes(16), examples.planes(16, is_grey=True)
    assert colour.shape == (len(examples.rows), 3, 16, 16)
    assert grey.shape == (len(examples.rows), 1, 16, 16)
    expected = np.tensordot(colour.astype(float), [0.299, 0.587, 0.114], axes=(1, 0))
    np.testing.assert_allclose(grey[:, 0], expected, atol=1)


def test_labels_and_masks(trained: Project) -> None:
    """Names are the labels of training images, in the project's order."""
    examples = examples_in(trained)
    assert examples.names == ["cake", "not_cake"]
    assert examples.mask("train").sum() == sum(row.split == "train" for row in examples.rows)
    assert examples.mask("train", "test").sum() == examples.mask("train").sum() + examples.mask("test").sum()
