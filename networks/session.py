"""ONNX sessions."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx

ERRORS_ONLY = 3  # onnxruntime's severity of log messages


def session(model: "onnx.ModelProto | bytes", threads: int = 0) -> Any:
    """An onnxruntime session on the CPU. model: the graph, or the content of its file. threads: of one run; 0: one per
    core.
    """
    import onnxruntime  # slow to import

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = ERRORS_ONLY
    content = model if isinstance(model, bytes) else model.SerializeToString()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
