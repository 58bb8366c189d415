"""ONNX sessions."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx

# Since 1.32 it reports to its maker, through proxies of the environment. The variable is set here, and not later: where
# one thread sets a variable while another decodes a JPEG, whose library reads the environment, the process crashes.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
ERRORS_ONLY = 3  # onnxruntime's severity of log messages


def session(model: "onnx.ModelProto | bytes", threads: int = 0) -> Any:
    """An onnxruntime session on the CPU. model: the graph, or the content of its file. threads: of one run; 0: one per
    core.
    """
    import onnxruntime  # slow to import

    onnxruntime.disable_telemetry_events()

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = ERRORS_ONLY
    content = model if isinstance(model, bytes) else model.SerializeToString()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
