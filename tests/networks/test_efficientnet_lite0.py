"""networks.efficientnet_lite0: the default network, from a package of the index."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dataset.pictures.decoding import scaled_rgb
from foundation.errors import StorageError
from networks import efficientnet_lite0 as lite
from networks.backbone import backbone
from networks.session import session
from networks.torch_file import read_tensors
from simulator import drawings


def test_it_needs_no_file_and_knows_imagenet() -> None:
    """Features have 1,280 numbers, the classes are named, and its name holds the weights' hash."""
    net = backbone()
    vector = net.vector(scaled_rgb(drawings.cake(random.Random(1))))
    assert vector.shape == (1280,)
    assert len(net.class_names) == 1000
    assert net.name == "efficientnet_lite0@579344248a93"
    (classes,) = net.classes(vector[None])
    assert 0 < sum(classes.values()) <= 1


def test_another_file_in_the_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is a missing package: one sentence each."""
    package = tmp_path / lite.PACKAGE
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "models" / lite.FILE).write_bytes(b"other")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StorageError, match="another file than the pinned one"):
        lite.efficientnet_lite0()
    monkeypatch.setattr(lite, "PACKAGE", "no_such_package")
    with pytest.raises(StorageError, match="is missing"):
        lite.efficientnet_lite0()


def test_the_graph_equals_the_network_in_torch() -> None:
    """Built a second time with torch's own layers, from the same weights: features differ by less than 1e-4."""
    torch = pytest.importorskip("torch", reason="the `cnn` extra is not installed")
    weights = read_tensors(lite._content())
    pixels = np.random.default_rng(0).uniform(0, 255, (1, lite.SIDE_PX, lite.SIDE_PX, 3)).astype(np.float32)
    given = (pixels / lite.SCALE - lite.SHIFT).transpose(0, 3, 1, 2)
    features = session(lite.build(weights)).run(["features"], {"input": np.ascontiguousarray(given)})[0]
    np.testing.assert_allclose(features, in_torch(torch, weights, given), atol=1e-4)
    assert np.abs(features).max() > 0.1


def test_a_real_photo_is_recognised(shared: Path) -> None:
    """Against ImageNet's names: the likeliest class of a photo of a balloon and of a baseball."""
    net = backbone()
    for name in ("balloon", "baseball"):
        with Image.open(shared / "photos" / "objects" / f"{name}.jpg") as image:
            vector = net.vector(image.convert("RGB"))
        assert name in next(iter(net.classes(vector[None])[0]))


def in_torch(torch: Any, weights: dict[str, Any], given: Any) -> Any:
    """(1, 1280) features by torch's convolution and batch normalisation, block after block as the names say."""
    functional = torch.nn.functional
    state = {name: torch.tensor(value) for name, value in weights.items()}

    def layer(x: Any, name: str, norm: str, stride: int = 1) -> Any:
        kernel = state[f"{name}.weight"]
        total = max((-(-x.shape[-1] // stride) - 1) * stride + kernel.shape[-1] - x.shape[-1], 0)
        x = functional.pad(x, (total // 2, total - total // 2) * 2)  # TensorFlow's SAME
        x = functional.conv2d(x, kernel, stride=stride, groups=x.shape[1] // kernel.shape[1])
        parts = [state[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return functional.batch_norm(x, *parts, eps=lite.EPSILON)

    with torch.no_grad():
        x = functional.relu6(layer(torch.tensor(given), "_conv_stem", "_bn0", 2))
        strides = [first if n == 0 else 1 for repeats, _, first, _, _ in lite.STAGES for n in range(repeats)]
        for number, stride in enumerate(strides):
            y, block = x, f"_blocks.{number}."
            if f"{block}_expand_conv.weight" in state:
                y = functional.relu6(layer(y, f"{block}_expand_conv", f"{block}_bn0"))
            y = functional.relu6(layer(y, f"{block}_depthwise_conv", f"{block}_bn1", stride))
            y = layer(y, f"{block}_project_conv", f"{block}_bn2")
            x = x + y if x.shape == y.shape else y
        return functional.relu6(layer(x, "_conv_head", "_bn1")).mean((2, 3)).numpy()
