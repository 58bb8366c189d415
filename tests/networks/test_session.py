"""ONNX sessions keep to themselves."""

import os
import subprocess
import sys

import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper

from networks.session import session


def test_the_runtime_reports_nothing_to_its_maker() -> None:
    """Since 1.32 it would, through the proxies of the environment; the variable holds for processes it starts, too."""
    code = "import os, networks.session; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed == "1\n"


def test_a_session_sets_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a thread sets one while another decodes a JPEG, whose library reads the environment, a process crashes."""
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY")
    before = dict(os.environ)
    assert isinstance(session(_identity()), onnxruntime.InferenceSession)
    assert dict(os.environ) == before


def _identity() -> ModelProto:
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["pixels"], ["out"])], "same", [pixels], [out])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
