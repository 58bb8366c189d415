"""ONNX sessions keep to themselves."""

import os

import onnxruntime
from onnx import TensorProto, helper

from networks.session import session


def test_the_runtime_reports_nothing_to_its_maker() -> None:
    """Since 1.32 it would, through the proxies of the environment; the variable holds for processes it starts, too."""
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["pixels"], ["out"])], "same", [pixels], [out])
    os.environ.pop("ORT_DISABLE_TELEMETRY", None)
    made = session(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9))
    assert isinstance(made, onnxruntime.InferenceSession)
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
