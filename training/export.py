"""Backbone and head in one ONNX graph: pixels in, class out."""

import json
from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper


def with_head(
    backbone: onnx.ModelProto,
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    weights: NDArray[np.float64],
    bias: NDArray[np.float64],
    labels: Sequence[str],
    facts: dict[str, str],
) -> onnx.ModelProto:
    """The backbone with a linear head.

    mean, scale: (d,) of the standardisation. weights: (k, d); bias: (k,); labels: k.
    Takes `pixels` uint8 (1, height, width, 3); gives `probabilities` float32 (1, k) and `class` int64 (1,).
    """
    folded = weights / scale
    offset = bias - folded @ mean
    nodes = [
        helper.make_node("Gemm", ["features", "head_weights", "head_bias"], ["head_logits"], transB=1),
        helper.make_node("Softmax", ["head_logits"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["head_logits"], ["class"], axis=1, keepdims=0),
    ]
    head = [
        numpy_helper.from_array(folded.astype(np.float32), "head_weights"),
        numpy_helper.from_array(offset.astype(np.float32), "head_bias"),
    ]
    outputs = [
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, len(labels)]),
        helper.make_tensor_value_info("class", TensorProto.INT64, [1]),
    ]
    graph = helper.make_graph(
        [*backbone.graph.node, *nodes],
        "classifier",
        list(backbone.graph.input),
        outputs,
        [*backbone.graph.initializer, *head],
    )
    model = helper.make_model(graph, opset_imports=list(backbone.opset_import), ir_version=backbone.ir_version)
    helper.set_model_props(model, {"labels": json.dumps(list(labels)), **facts})
    return model
