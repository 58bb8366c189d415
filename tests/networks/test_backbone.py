"""networks.backbone and networks.backbone_graphs: features and classes of pictures."""

import random
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image
from zoo_networks import boxes, classifier

from dataset.pictures.decoding import scaled_rgb
from foundation.errors import StorageError
from foundation.settings import CLASSES_NAME, COLOUR_TEXTURE, WEIGHTS_NAME, ZOO_WEIGHTS_NAME
from networks.backbone import IMAGENET_MEAN, IMAGENET_STD, backbone
from simulator import drawings


def photo(seed: int) -> Image.Image:
    return scaled_rgb(drawings.cake(random.Random(seed)))


def test_built_in_features_tell_pictures_apart() -> None:
    """They are finite for any size, and nearer to those of a copy than to those of another picture."""
    net = backbone(COLOUR_TEXTURE)
    one, two = net.vector(photo(1)), net.vector(photo(2))
    copy = net.vector(photo(1).resize((333, 251)))
    assert one.shape == (300,)
    assert np.isfinite(one).all()
    assert np.linalg.norm(one - copy) < np.linalg.norm(one - two) / 2
    assert net.classes(one[None]) == [{}]


def test_features_of_a_zoo_classifier_are_the_input_of_its_last_layer(tmp_path: Path) -> None:
    """The picture is normalised as the network expects."""
    path = tmp_path / ZOO_WEIGHTS_NAME
    path.write_bytes(classifier())
    net = backbone(path)
    pixels = (np.array([200, 100, 50]) / 255 - IMAGENET_MEAN) / IMAGENET_STD
    weights = {i.name: numpy_helper.to_array(i) for i in onnx.load_from_string(classifier()).graph.initializer}
    features = weights["w"][:, :, 0, 0] @ pixels
    image = Image.new("RGB", (300, 200), (200, 100, 50))
    np.testing.assert_allclose(net.vector(image), features, rtol=1e-4, atol=1e-4)


def test_classes_are_the_likeliest_ones_of_the_network(tmp_path: Path) -> None:
    """Three of seven, with the softmax of the network's own last layer."""
    path = tmp_path / ZOO_WEIGHTS_NAME
    path.write_bytes(classifier())
    (tmp_path / CLASSES_NAME).write_text("\n".join("abcdefg"))
    net = backbone(path)
    features = np.array([[1.0, -2.0, 0.5, 3.0]], dtype=np.float32)
    weights = {i.name: numpy_helper.to_array(i) for i in onnx.load_from_string(classifier()).graph.initializer}
    logits = features[0] @ weights["g"].T + weights["b"]
    probabilities = np.exp(logits) / np.exp(logits).sum()
    (classes,) = net.classes(features)
    assert list(classes) == ["abcdefg"[k] for k in np.argsort(-probabilities)[:3]]
    assert list(classes.values()) == pytest.approx(sorted(probabilities)[:-4:-1], abs=6e-4)


def test_the_name_changes_with_the_weights(tmp_path: Path) -> None:
    """So features of other weights are never used."""
    path = tmp_path / ZOO_WEIGHTS_NAME
    path.write_bytes(classifier())
    before = backbone(path).name
    model = onnx.load_from_string(classifier())
    model.doc_string = "changed"
    path.write_bytes(model.SerializeToString())
    assert backbone(path).name != before


@pytest.mark.parametrize("content", [b"not a network", boxes()])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / WEIGHTS_NAME
    path.write_bytes(content)
    with pytest.raises(StorageError, match="is not a usable ONNX file"):
        backbone(path)


def test_configured_weights_are_used(shared: Path) -> None:
    """MobileNetV2 gives 1,280 features; its name contains the digest of the weights."""
    net = backbone(shared / "models" / WEIGHTS_NAME)
    assert net.vector(photo(1)).shape == (1280,)
    assert net.name == "mobilenet_v2_1.0_224@2666b4df0bc8"
