"""ONNX sessions, and the versions that our graphs are written in."""

from typing import Any

import onnx
import onnx.compose
import onnx.utils
import onnx.version_converter
import onnxruntime

SIDE_PX = 224
OPSET = 18
IR_VERSION = 9


def session(graph: onnx.ModelProto, threads: int = 0) -> Any:
    """An onnxruntime session that says nothing but errors. threads: of one picture; 0: as many as there are cores."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
