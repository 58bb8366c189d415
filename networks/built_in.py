"""A built-in graph of features: pooled colours and edges, without weights."""

from typing import Any

import numpy as np
import onnx
import onnx.compose
import onnx.utils
import onnx.version_converter
from onnx import TensorProto, helper, numpy_helper

from networks.session import IR_VERSION, OPSET, SIDE_PX

BUILT_IN = "colour-texture-1"


def built_in_graph() -> onnx.ModelProto:
    """Pooled colours, their spread, edges at two scales and a soft colour histogram, per cell of a grid."""
    kernels = np.zeros((3, 1, 3, 3), dtype=np.float32)
    kernels[0, 0] = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    kernels[1, 0] = kernels[0, 0].T
    kernels[2, 0] = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    levels = np.array([-0.75, 0.0, 0.75], dtype=np.float32)
    centres = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3)  # (27, 3)
    sharpness = 6.0
    constants = {
        "grey": np.array([0.299, 0.587, 0.114], dtype=np.float32).reshape(1, 3, 1, 1),
        "kernels": kernels / 4,
        # -s·|x - c|² without the term all centres share: 2s·c·x - s·|c|²
        "nearness": (2 * sharpness * centres).astype(np.float32).reshape(27, 3, 1, 1),
        "offset": (-sharpness * (centres**2).sum(axis=1)).astype(np.float32),
        "small": np.array(1e-6, dtype=np.float32),
    }

    def node(kind: str, takes: list[str], gives: str, **attributes: Any) -> Any:
        return helper.make_node(kind, takes, [gives], **attributes)

    def pool(takes: str, gives: str, size: int) -> Any:
        return node("AveragePool", [takes], gives, kernel_shape=[size, size], strides=[size, size])

    nodes = [
        pool("input", "mean", 56),
        node("Mul", ["input", "input"], "squares"),
        pool("squares", "mean_squares", 56),
        node("Mul", ["mean", "mean"], "squared_mean"),
        node("Sub", ["mean_squares", "squared_mean"], "variance"),
        node("Relu", ["variance"], "variance_positive"),
        node("Add", ["variance_positive", "small"], "variance_safe"),
        node("Sqrt", ["variance_safe"], "spread"),
        node("Conv", ["input", "grey"], "luminance"),
        node("Conv", ["luminance", "kernels"], "fine", pads=[1, 1, 1, 1]),
        node("Abs", ["fine"], "fine_edges"),
        pool("fine_edges", "fine_cells", 56),
        pool("luminance", "luminance_4", 4),
        node("Conv", ["luminance_4", "kernels"], "coarse", pads=[1, 1, 1, 1]),
        node("Abs", ["coarse"], "coarse_edges"),
        pool("coarse_edges", "coarse_cells", 14),
        pool("input", "colours", 4),
        node("Conv", ["colours", "nearness", "offset"], "near"),
        node("Softmax", ["near"], "memberships", axis=1),
        pool("memberships", "histogram", 28),
    ]
    parts = ["mean", "spread", "fine_cells", "coarse_cells", "histogram"]
    nodes += [node("Flatten", [part], f"{part}_flat") for part in parts]
    nodes.append(node("Concat", [f"{part}_flat" for part in parts], "features", axis=1))
    graph = helper.make_graph(
        nodes,
        BUILT_IN,
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, SIDE_PX, SIDE_PX])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", None])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
