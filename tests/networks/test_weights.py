"""Pretrained weights: fetched once, checked always, and used in the forms that the ONNX model zoo has."""

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from dataset.project import Project
from foundation.errors import ConfigError, StorageError, TrainingError, UsageError
from foundation.settings import ZOO_DETECTOR_NAME, ZOO_WEIGHTS_NAME, Settings
from foundation.settings_file import load
from networks import weights
from networks.backbone import IMAGENET_MEAN, IMAGENET_STD, backbone
from networks.objects import detector
from networks.weights import Weights, fetch
from training.train import train


def classifier() -> bytes:
    """As MobileNetV2-12 is made: NCHW, normalised; pooled channels, a Gemm, logits only."""
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
    """As SSD-MobileNet is made: uint8 NHWC of any size; boxes with scores and COCO's numbers. The box of a cake scores
    by how bright the picture is, that of a person always the same.
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


class _Files(BaseHTTPRequestHandler):
    files: dict[str, bytes] = {}  # noqa: RUF012

    def do_GET(self) -> None:
        content = self.files.get(self.path)
        self.send_response(200 if content is not None else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """The list's files, on a server of our own."""
    files = {f"/{ZOO_WEIGHTS_NAME}": classifier(), f"/{ZOO_DETECTOR_NAME}": boxes()}
    monkeypatch.setattr(_Files, "files", files)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Files)
    thread = Thread(target=server.serve_forever)
    thread.start()
    pinned = tuple(
        Weights(name[1:], f"http://127.0.0.1:{server.server_port}{name}", hashlib.sha256(content).hexdigest(),
                "Apache-2.0", "", "what-stands-in.onnx")
        for name, content in files.items()
    )  # fmt: skip
    monkeypatch.setattr(weights, "WEIGHTS", pinned)
    yield files
    server.shutdown()
    thread.join()
    server.server_close()


def with_folder(project: Project, folder: Path) -> Settings:
    section = project.settings.models.model_copy(update={"folder": str(folder)})
    return project.settings.model_copy(update={"models": section})


def test_fetched_once_and_checked(collected: Project, listed: dict[str, bytes], tmp_path: Path) -> None:
    """What is there is kept, what was changed is refused, what stands in is enough, and no folder is an error."""
    settings = with_folder(collected, tmp_path / "weights")
    assert {found.state for found in fetch(settings)} == {"fetched"}
    assert (tmp_path / "weights" / ZOO_WEIGHTS_NAME).read_bytes() == listed[f"/{ZOO_WEIGHTS_NAME}"]
    listed.clear()
    assert {found.state for found in fetch(settings)} == {"there"}
    (tmp_path / "weights" / ZOO_DETECTOR_NAME).write_bytes(b"changed")
    with pytest.raises(StorageError, match="is not what its list says"):
        fetch(settings)
    (tmp_path / "weights" / "what-stands-in.onnx").write_bytes(b"")
    assert all(found.state.startswith("not needed") for found in fetch(settings))
    with pytest.raises(UsageError, match="ISITCAKE_MODELS"):
        fetch(collected.settings)


def test_what_cannot_be_fetched(collected: Project, listed: dict[str, bytes], tmp_path: Path) -> None:
    """Offline, and something else than was pinned: one sentence each, nothing kept."""
    settings = with_folder(collected, tmp_path / "weights")
    listed[f"/{ZOO_WEIGHTS_NAME}"] = b"something else"
    with pytest.raises(StorageError, match="gave something else than was pinned"):
        fetch(settings)
    listed.clear()
    with pytest.raises(
        TrainingError, match=r"cannot be fetched from http://127.* \(HTTPError\); put it into the folder"
    ):
        fetch(settings)
    assert list((tmp_path / "weights").glob("*.onnx")) == []
    path = tmp_path / "isitcake.toml"
    path.write_text(f'[models]\nfolder = "{tmp_path}"\n')
    with pytest.raises(ConfigError, match="isitcake models fetch"):
        load(path, {})
    assert load(path, {}, needs_weights=False).weights is not None


def test_a_classifier_of_the_zoo(tmp_path: Path) -> None:
    """Its features are what goes into its last layer, of a picture normalised as it expects."""
    path = tmp_path / ZOO_WEIGHTS_NAME
    path.write_bytes(classifier())
    net = backbone(path)
    image = Image.new("RGB", (224, 224), (200, 100, 50))
    pixels = (np.array([200, 100, 50]) / 255 - IMAGENET_MEAN) / IMAGENET_STD
    layer = {i.name: numpy_helper.to_array(i) for i in onnx.load_from_string(classifier()).graph.initializer}
    expected = layer["w"][:, :, 0, 0] @ pixels
    np.testing.assert_allclose(net.vector(image), expected, rtol=1e-4, atol=1e-4)
    assert net.classifier is not None


def test_boxes_in_the_place_of_cells(bakery: Project, tmp_path: Path) -> None:
    """A detector of TensorFlow's form is asked in triage and in the zero-shot attempt; its graph says what it said."""
    for name, content in ((ZOO_WEIGHTS_NAME, classifier()), (ZOO_DETECTOR_NAME, boxes())):
        (tmp_path / name).write_bytes(content)
    found = detector(tmp_path / ZOO_DETECTOR_NAME)
    assert found is not None
    assert found.scores(Image.new("RGB", (60, 40), (204, 204, 204))) == {"cake": 0.8, "person": 0.3}
    settings = with_folder(bakery, tmp_path)
    assert settings.detector == tmp_path / ZOO_DETECTOR_NAME
    report = train(settings, names=["coco-zero-shot", "linear"])
    assert set(report.new) == {"coco-zero-shot", "linear"}
    assert all(model.costs["parity"] < 1e-3 for model in report.trained)
