import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
from PIL import ImageOps

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
    """What is missing of a file is computed again."""
    expected = examples_in(trained).features[:]
    (kept,) = (trained.home / "cache" / "features").glob("*/features-*.f32")
    kept.write_bytes(kept.read_bytes()[:1000])
    np.testing.assert_array_equal(examples_in(trained).features[:], expected)


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


def test_mirrored(trained: Project) -> None:
    """The mean of a picture's vector and that of its mirror image."""
    examples = examples_in(trained)
    for number in (0, 7):
        image = picture(examples.version, examples.rows[number])
        pair = [examples.net.vector(one) for one in (image, ImageOps.mirror(image))]
        np.testing.assert_allclose(examples.mirrored[[number]][0], np.mean(pair, axis=0), rtol=1e-4, atol=1e-5)


def test_files_of_earlier_releases_are_removed(trained: Project) -> None:
    """They hold the same vectors again."""
    folder = trained.home / "cache" / "features"
    (former := folder / "network-1.npz").write_bytes(b"")
    shutil.rmtree(next(path for path in folder.iterdir() if path.is_dir()))
    assert len(examples_in(trained).features)
    assert not former.exists()


def test_a_sample_has_as_many_of_each_group(trained: Project) -> None:
    """As far as there are so many; and it hardly changes when an image is erased."""
    examples = examples_in(trained)
    learn = examples.to_learn(10**6)
    assert learn.tolist() == np.flatnonzero(examples.mask("train")).tolist()
    groups = Counter(zip(examples.labels[learn].tolist(), examples.claims[learn].tolist(), strict=True))
    most = 2 * len(groups) + 1
    sample = examples.to_learn(most)
    sampled = Counter(zip(examples.labels[sample].tolist(), examples.claims[sample].tolist(), strict=True))
    assert sampled == {group: min(2, count) for group, count in groups.items()}
    gone = sample[0].item()
    fewer = replace(examples, rows=[row for number, row in enumerate(examples.rows) if number != gone])
    names = [{one.rows[number].sha256 for number in one.to_learn(most)} for one in (examples, fewer)]
    assert len(names[0] - names[1]) == 1
