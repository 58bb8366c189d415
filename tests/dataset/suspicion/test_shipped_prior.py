"""The shipped priors: small files, one for each backbone, and a function that fits a new one."""

import io
import random
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dataset.duplicates.fingerprints import fingerprint
from dataset.pictures.decoding import examine, scaled_rgb
from dataset.suspicion import packs, shipped_prior
from dataset.suspicion.meanings import Meanings
from foundation.settings import COLOUR_TEXTURE
from networks.backbone import backbone
from simulator import drawings

CAKE = packs.pack("cake") or packs.Pack("", ())
NOTHING_SEEN = shipped_prior.object_measures(CAKE, None)
MEASURES = len(shipped_prior.FILE_MEASURES) + len(NOTHING_SEEN)


def test_each_backbone_has_a_prior_and_any_other_gets_the_one_of_measures() -> None:
    for name, size in (("mobilenet_v2_1.0_224@2666b4df0bc8", 1280), ("colour-texture-1", 300)):
        shipped = shipped_prior.load(CAKE, name)
        assert shipped is not None
        assert shipped.labels == ("cake", "not_cake", "unusable")
        assert shipped.weights.shape == (3, size + MEASURES)
    other = shipped_prior.load(CAKE, "another-net")
    assert other is not None
    assert other.weights.shape == (3, MEASURES)
    unknown = np.full((1, MEASURES), np.nan, dtype=np.float32)  # not measured
    assert np.isfinite(other.probabilities(np.zeros((1, 7), dtype=np.float32), unknown)).all()


def test_every_shipped_prior_is_a_small_file() -> None:
    files = sorted(CAKE.priors.glob("*.npz"))
    networks = ["colour-texture-1", "efficientnet_lite0", "measures", "mobilenet_v2_1.0_224"]
    assert [path.stem for path in files] == networks
    assert max(path.stat().st_size for path in files) < 20_000


@pytest.mark.parametrize(
    ("labels", "is_known"), [(("cake", "not_cake"), True), (("cake", "not_cake", "pie"), True), (("dog", "cat"), False)]
)
def test_a_pack_knows_only_projects_that_have_its_labels(labels: tuple[str, ...], is_known: bool) -> None:
    """Elsewhere its prior is not used, not even for `unusable`."""
    assert CAKE.knows(labels) is is_known
    assert Meanings(labels, CAKE).has_prior is is_known
    assert not Meanings(labels).has_prior


def test_a_logo_is_more_probably_unusable_than_a_photo_of_noise() -> None:
    """With the built-in backbone, on pictures that the test makes."""
    shipped = shipped_prior.load(CAKE, "colour-texture-1")
    assert shipped is not None
    net = backbone(COLOUR_TEXTURE)
    noise = Image.effect_noise((400, 300), 80).convert("RGB")
    out = io.BytesIO()
    noise.save(out, "JPEG")
    chances = []
    for content in (drawings.logo(random.Random(1)), out.getvalue()):
        header, made = examine(content), fingerprint(content)
        measures: Any = made.row("")["measures"]
        row = shipped_prior.measure_row(header.width, header.height, len(content), made.detail, measures, NOTHING_SEEN)
        vector = net.vector(scaled_rgb(content))
        chances.append(shipped.probabilities(vector[None], np.array([row], dtype=np.float32))[0, 2])
    assert chances[0] > 0.8 > chances[1]


def test_a_fitted_prior_gives_the_answers_it_was_fitted_to() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(90, 8)).astype(np.float32)
    answers = np.repeat(["cake", "not_cake", "unusable"], 30)
    for k in range(3):
        vectors[30 * k : 30 * k + 30, k] += 5
    measures = rng.normal(size=(90, 9)).astype(np.float32)
    made = shipped_prior.fit(vectors, measures, answers, 1.0)
    probabilities = made.probabilities(vectors, measures)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert (np.array(made.labels)[probabilities.argmax(axis=1)] == answers).mean() > 0.95


@pytest.mark.parametrize("size", [(1, 1), (5000, 3)])
def test_measures_of_any_size_are_finite(size: tuple[int, int]) -> None:
    measures = {"alpha": 0.0, "top_colours": 1.0, "white": 1.0, "edges": 0.0}
    seen = shipped_prior.object_measures(CAKE, {"cake": 0.4})
    assert np.isfinite(shipped_prior.measure_row(*size, 1, 0.0, measures, seen)).all()
