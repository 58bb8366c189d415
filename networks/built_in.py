"""A built-in graph of features that needs no weights: pooled colours and edges."""

from typing import Any

import numpy as np
import onnx
from onnx import helper

from networks.graph import GREY_WEIGHTS, IR_VERSION, OPSET, Net, float_tensor

BUILT_IN = "colour-texture-1"
SIDE_PX = 224  # of the square that a backbone takes
CELL_PX = 56  # 4 by 4 cells
SHARPNESS = 6.0  # of the soft colour histogram
CELL_FEATURES = ("mean", "spread", "fine_cells", "coarse_cells", "histogram")


def built_in_graph() -> onnx.ModelProto:
    """Per cell of a grid: mean colours, their spread, edges at two scales and a soft colour histogram.

    `input`: float32 (n, 3, SIDE_PX, SIDE_PX), -1 to 1. `features`: (n, d).
    """
    net = Net()
    _put_constants(net)

    def pool(source: str, output: str, size: int) -> None:
        net.put("AveragePool", [source], output, kernel_shape=[size, size], strides=[size, size])

    pool("input", "mean", CELL_PX)
    net.put("Mul", ["input", "input"], "squares")
    pool("squares", "mean_squares", CELL_PX)
    net.put("Mul", ["mean", "mean"], "squared_mean")
    net.put("Sub", ["mean_squares", "squared_mean"], "variance")
    net.put("Relu", ["variance"], "variance_positive")
    net.put("Add", ["variance_positive", "small"], "variance_safe")
    net.put("Sqrt", ["variance_safe"], "spread")
    net.put("Conv", ["input", "grey"], "luminance")
    net.put("Conv", ["luminance", "kernels"], "fine", pads=[1, 1, 1, 1])
    net.put("Abs", ["fine"], "fine_edges")
    pool("fine_edges", "fine_cells", CELL_PX)
    pool("luminance", "luminance_4", 4)
    net.put("Conv", ["luminance_4", "kernels"], "coarse", pads=[1, 1, 1, 1])
    net.put("Abs", ["coarse"], "coarse_edges")
    pool("coarse_edges", "coarse_cells", CELL_PX // 4)
    pool("input", "colours", 4)
    net.put("Conv", ["colours", "nearness", "offset"], "near")
    net.put("Softmax", ["near"], "memberships", axis=1)
    pool("memberships", "histogram", CELL_PX // 2)
    flat = [net.put("Flatten", [part], f"{part}_flat") for part in CELL_FEATURES]
    net.put("Concat", flat, "features", axis=1)
    graph = helper.make_graph(
        net.nodes,
        BUILT_IN,
        [float_tensor("input", ["n", 3, SIDE_PX, SIDE_PX])],
        [float_tensor("features", ["n", None])],
        net.constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def _put_constants(net: Net) -> None:
    """Weights of luminance, two Sobel kernels and a Laplacian, and 27 colours at the centres of the histogram."""
    kernels: Any = np.zeros((3, 1, 3, 3), dtype=np.float32)
    kernels[0, 0] = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    kernels[1, 0] = kernels[0, 0].T
    kernels[2, 0] = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    levels = np.array([-0.75, 0.0, 0.75], dtype=np.float32)
    centres = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3)  # (27, 3)
    net.floats("grey", np.array(GREY_WEIGHTS, dtype=np.float32).reshape(1, 3, 1, 1))
    net.floats("kernels", kernels / 4)
    # -s·|x - c|² without the term that is the same for all centres: 2s·c·x - s·|c|²
    net.floats("nearness", (2 * SHARPNESS * centres).reshape(27, 3, 1, 1))
    net.floats("offset", -SHARPNESS * (centres**2).sum(axis=1))
    net.floats("small", 1e-6)
