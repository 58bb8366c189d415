"""networks.graph and networks.session: graphs compute what numpy and Pillow compute."""

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper
from PIL import Image

from foundation.settings import COLOUR_TEXTURE
from networks.backbone import backbone
from networks.graph import Net, cropped_planes, finished, from_pixels, gemm, planes, resized_planes, widened
from networks.session import session

PICTURE = np.random.default_rng(0).integers(0, 256, (48, 80, 3), dtype=np.uint8)


def run(net: Net, output: str, picture: NDArray[np.uint8] = PICTURE) -> NDArray[np.float32]:
    result: NDArray[np.float32] = session(from_pixels(net, output)).run(None, {"pixels": picture[None]})[0]
    return result


def test_planes_of_a_picture_of_the_right_size_are_its_pixels() -> None:
    net = Net()
    square = PICTURE[:48, :48]
    np.testing.assert_array_equal(run(net, planes(net, 48), square)[0], square.transpose(2, 0, 1))


def test_resized_planes_of_a_smooth_picture_are_those_of_pillow() -> None:
    """Pillow's bilinear filter gives the same within two of 255 levels; it computes with whole numbers."""
    x, y = np.meshgrid(np.linspace(0, 255, 80), np.linspace(0, 255, 48))
    smooth = np.stack([x, y, (x + y) / 2], axis=2).astype(np.uint8)
    net = Net()
    expected = np.asarray(Image.fromarray(smooth).resize((16, 16), Image.Resampling.BILINEAR), dtype=float)
    assert np.abs(run(net, resized_planes(net, 16), smooth)[0].transpose(1, 2, 0) - expected).max() < 2


@pytest.mark.parametrize(("width", "height"), [(60, 40), (40, 60), (48, 48)])
def test_cropped_planes_of_a_picture_are_those_of_pillow(width: int, height: int) -> None:
    """The shorter side is scaled with a bicubic filter, and the centre cut out; Pillow computes with whole numbers."""
    picture = np.asarray(Image.fromarray(PICTURE[:6, :8]).resize((width, height), Image.Resampling.BICUBIC))
    scale = 20 / min(width, height)
    wide, high = round(width * scale), round(height * scale)
    scaled = Image.fromarray(picture).resize((wide, high), Image.Resampling.BICUBIC)
    left, top = (wide - 20) // 2, (high - 20) // 2
    expected = np.asarray(scaled.crop((left, top, left + 20, top + 20)), dtype=float)
    net = Net()
    planes_of_centre = run(net, cropped_planes(net, 20), picture)
    assert planes_of_centre.shape == (1, 3, 20, 20)
    assert np.abs(planes_of_centre[0].transpose(1, 2, 0) - expected).max() < 2


def test_grey_planes_are_whole_numbers() -> None:
    net = Net()
    grey = run(net, planes(net, 16, is_grey=True))
    assert grey.shape == (1, 1, 16, 16)
    np.testing.assert_array_equal(grey, np.round(grey))


def test_a_finished_graph_gives_probabilities_and_the_class() -> None:
    """A linear head on the pixels; labels and facts are in the metadata."""
    net = Net()
    flat = net.put("Flatten", [planes(net, 2)], "flat")
    rng = np.random.default_rng(1)
    weights, bias = rng.normal(size=(3, 12)) / 100, rng.normal(size=3)
    model = finished(None, net, gemm(net, flat, "logits", weights, bias), ["a", "b", "c"], {"made_by": "a test"})
    probabilities, label = session(model).run(["probabilities", "class"], {"pixels": PICTURE[None]})
    net = Net()
    logits = run(net, planes(net, 2)).ravel() @ weights.T + bias
    np.testing.assert_allclose(probabilities[0], np.exp(logits) / np.exp(logits).sum(), rtol=1e-4)
    assert label[0] == logits.argmax()
    assert {p.key: p.value for p in model.metadata_props} == {"labels": '["a", "b", "c"]', "made_by": "a test"}


def test_a_graph_goes_on_from_the_outputs_of_another() -> None:
    built_in = backbone(COLOUR_TEXTURE)
    net = Net()
    doubled = net.put("Mul", ["features", net.floats("two", 2.0)], "doubled")
    (result,) = session(from_pixels(net, doubled, built_in.graph)).run(None, {"pixels": PICTURE[None]})
    np.testing.assert_allclose(result[0], 2 * built_in.vector(Image.fromarray(PICTURE)), rtol=1e-5)


def test_a_backbone_without_maps_has_its_features_as_wide_features() -> None:
    features, wide = session(widened(backbone(COLOUR_TEXTURE).graph)).run(
        ["features", "wide"], {"pixels": PICTURE[None]}
    )
    np.testing.assert_array_equal(features, wide)


@pytest.mark.parametrize("threads", [0, 1])
def test_a_session_takes_a_graph_or_the_content_of_its_file(threads: int) -> None:
    net = Net()
    model = from_pixels(net, planes(net, 4))
    results = [
        session(kind, threads).run(None, {"pixels": PICTURE[None]})[0] for kind in (model, model.SerializeToString())
    ]
    np.testing.assert_array_equal(*results)


def test_constants_are_stored_as_float32() -> None:
    net = Net()
    assert net.floats("half", 0.5) == "half"
    assert numpy_helper.to_array(net.constants[0]).dtype == np.float32
