"""Small ONNX networks in the forms of the ONNX model zoo, and a pair of towers like SigLIP2's and CLIP's.

The tower of pictures gives the mean colour, the tower of texts the mean of the colours that words name. So a red
picture fits "a photo of a red." best.
"""

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from foundation.settings import CLIP, PICTURE_TOWER, TEXT_TOWER, TOKENIZER

COLOURS = {"red": (1, -1, -1), "green": (-1, 1, -1), "blue": (-1, -1, 1)}
PADDING = ("<pad>", "<|endoftext|>", "<unk>")  # tokens without a colour
OPSET = 14  # of the real exports; the program raises it


def classifier() -> bytes:
    """In the form of MobileNetV2-12: NCHW, normalised input, pooled channels, a Gemm, logits only."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["input", "w"], ["map"]),
        helper.make_node("GlobalAveragePool", ["map"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "g", "b"], ["output"], transB=1),
    ]
    graph = helper.make_graph(
        nodes, "zoo",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, 224, 224])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", 7])],
        [numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name)
         for name, shape in (("w", (4, 3, 1, 1)), ("g", (7, 4)), ("b", (7,)))],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    return bytes(model.SerializeToString())


def boxes() -> bytes:
    """In the form of SSD-MobileNet: uint8 NHWC of any size; boxes with scores and COCO's class numbers.

    The score of the cake's box is the brightness of the picture; the score of the person's box is always 0.3.
    """
    nodes = [
        helper.make_node("Cast", ["image_tensor:0"], ["light"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["light"], ["mean"], keepdims=0),
        helper.make_node("Div", ["mean", "whole"], ["share"]),
        helper.make_node("Reshape", ["share", "one_one"], ["bright"]),
        helper.make_node("Concat", ["bright", "person"], ["detection_scores:0"], axis=1),
        helper.make_node("Identity", ["kinds"], ["detection_classes:0"]),
    ]
    constants = {
        "whole": np.array(255.0, np.float32), "one_one": np.array([1, 1], np.int64),
        "person": np.array([[0.3]], np.float32), "kinds": np.array([[61.0, 1.0]], np.float32),
    }  # fmt: skip
    graph = helper.make_graph(
        nodes, "ssd",
        [helper.make_tensor_value_info("image_tensor:0", TensorProto.UINT8, [1, "h", "w", 3])],
        [helper.make_tensor_value_info(f"detection_{p}:0", TensorProto.FLOAT, [1, 2]) for p in ("classes", "scores")],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    return bytes(model.SerializeToString())


def cells() -> bytes:
    """In the form of FastestDet: BGR, 8 px square, 0 to 1. Objectness is blue, the score of every class is red."""
    channels = np.zeros((85, 3, 1, 1), dtype=np.float32)
    channels[0, 0] = 1  # objectness ← blue
    channels[5:, 2] = 1  # classes ← red
    graph = helper.make_graph(
        [helper.make_node("Conv", ["input", "w"], ["output"])],
        "fastest",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 85, 8, 8])],
        [numpy_helper.from_array(channels, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    return bytes(model.SerializeToString())


def picture_tower() -> bytes:
    """`pixel_values` (n, 3, 224, 224), -1 to 1 → `last_hidden_state`, and `pooler_output` (n, 4): the mean colour."""
    nodes = [
        helper.make_node("Conv", ["pixel_values", "patch"], ["map"], strides=[16, 16]),
        helper.make_node("Flatten", ["map"], ["last_hidden_state"], axis=2),
        helper.make_node("ReduceMean", ["map"], ["pooled"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["pooled", "wider"], ["vector"]),
        helper.make_node("Add", ["vector", "always"], ["pooler_output"]),
    ]
    patch = np.zeros((3, 3, 16, 16), np.float32)
    for channel in range(3):
        patch[channel, channel] = 1 / 256
    constants = {
        "patch": patch, "wider": np.eye(3, 4, dtype=np.float32), "always": np.array([0, 0, 0, 0.1], np.float32)
    }  # fmt: skip
    inputs = [("pixel_values", TensorProto.FLOAT, ["batch_size", 3, 224, 224])]
    return _model(nodes, inputs, ["last_hidden_state", "pooler_output"], constants)


def text_tower(output: str = "pooler_output") -> bytes:
    """`input_ids` and `attention_mask` (n, m) → `last_hidden_state`, and `output` (n, 4): the colour that is named."""
    nodes = [
        helper.make_node("Gather", ["words", "input_ids"], ["last_hidden_state"]),
        helper.make_node("Cast", ["attention_mask"], ["is_read"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["is_read", "last"], ["weights"]),
        helper.make_node("Mul", ["last_hidden_state", "weights"], ["read"]),
        helper.make_node("ReduceMean", ["read"], [output], axes=[1], keepdims=0),
    ]
    words = [[0, 0, 0, 0.001]] * len(PADDING) + [[*colour, 0.1] for colour in COLOURS.values()]
    constants = {"words": np.array(words, np.float32), "last": np.array([-1], np.int64)}
    inputs = [(name, TensorProto.INT64, ["n", "m"]) for name in ("input_ids", "attention_mask")]
    return _model(nodes, inputs, ["last_hidden_state", output], constants)


def tokenizer() -> str:
    """tokenizer.json of a tokenizer that knows the colours."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    known = {word: number for number, word in enumerate((*PADDING, *COLOURS))}
    made = Tokenizer(models.WordLevel(known, unk_token="<unk>"))
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return str(made.to_str())


def put_pair(folder: Path, name: str, *, with_texts: bool = True) -> None:
    """Write the files of the pair called `name`; without its texts: the tower of pictures only."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PICTURE_TOWER.format(name)).write_bytes(picture_tower())
    if with_texts:
        (folder / TEXT_TOWER.format(name)).write_bytes(text_tower("text_embeds" if name == CLIP else "pooler_output"))
        (folder / TOKENIZER.format(name)).write_text(tokenizer(), encoding="utf-8")


def _model(nodes: list, inputs: list, outputs: list[str], constants: dict) -> bytes:  # type: ignore[type-arg]
    graph = helper.make_graph(
        nodes,
        "tower",
        [helper.make_tensor_value_info(*entry) for entry in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=7)
    return bytes(model.SerializeToString())


def redness() -> bytes:
    """In the form of open_nsfw: BGR minus its means, NHWC → harmless and explicit. The redder, the more explicit."""
    weights = np.array([[0, -0.05], [0, -0.05], [0, 0.05]], dtype=np.float32)  # blue, green, red
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["output"], axis=1),
    ]
    graph = helper.make_graph(
        nodes, "red",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 224, 224, 3])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(weights, "w")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    return bytes(model.SerializeToString())
