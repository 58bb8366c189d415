"""Pretrained weights: a pinned list, fetched once, checked always."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import requests

from foundation.errors import StorageError, TrainingError, UsageError
from foundation.files import replace_file
from foundation.settings import DETECTOR_NAME, WEIGHTS_NAME, ZOO_DETECTOR_NAME, ZOO_WEIGHTS_NAME, Settings

TIMEOUT_S = 30
BLOCK = 1 << 18


@dataclass(frozen=True)
class Weights:
    """preprocessing: what the network expects of a picture. instead_of: a file that makes fetching it needless."""

    file: str
    address: str
    sha256: str
    licence: str
    preprocessing: str
    instead_of: str


WEIGHTS = (
    Weights(
        ZOO_WEIGHTS_NAME,
        "https://huggingface.co/onnxmodelzoo/mobilenetv2-12/resolve/main/mobilenetv2-12.onnx",
        "c0c3f76d93fa3fd6580652a45618618a220fced18babf65774ed169de0432ad5",
        "Apache-2.0",
        "RGB, NCHW, 224 px, less ImageNet's mean, by its spread",
        WEIGHTS_NAME,
    ),
    Weights(
        ZOO_DETECTOR_NAME,
        "https://github.com/onnx/models/raw/main/validated/vision/object_detection_segmentation/ssd-mobilenetv1/model/"
        "ssd_mobilenet_v1_12.onnx",
        "b8fba5e404077d4048d27fcd1667e85e27e192eb9bf51e696c46a3acd7d21058",
        "MIT",
        "RGB, NHWC, any size, 0 to 255",
        DETECTOR_NAME,
    ),
)


@dataclass(frozen=True)
class Fetched:
    """state: fetched, there, or which file stands in for it."""

    file: str
    state: str
    licence: str


def fetch(settings: Settings, tell: Callable[[str, int, int], None] | None = None) -> list[Fetched]:
    """Bring what is missing into the folder of weights. Raises TrainingError where it cannot be had, StorageError for
    a file that is not what the list says.
    """
    if settings.weights is None:
        raise UsageError("no folder for weights; set [models] folder, or ISITCAKE_MODELS")
    folder = settings.weights.parent
    found = []
    for entry in WEIGHTS:
        path = folder / entry.file
        if (folder / entry.instead_of).is_file():
            found.append(Fetched(entry.file, f"not needed, {entry.instead_of} is there", entry.licence))
        elif path.is_file():
            if hashlib.sha256(path.read_bytes()).hexdigest() != entry.sha256:
                raise StorageError(f"{path} is not what its list says; remove it and fetch it again")
            found.append(Fetched(entry.file, "there", entry.licence))
        else:
            replace_file(path, _download(entry, tell))
            found.append(Fetched(entry.file, "fetched", entry.licence))
    return found


def _download(entry: Weights, tell: Callable[[str, int, int], None] | None) -> bytes:
    content = bytearray()
    try:
        with requests.get(entry.address, timeout=TIMEOUT_S, stream=True) as answer:
            answer.raise_for_status()
            whole = int(answer.headers.get("Content-Length", 0))
            for block in answer.iter_content(BLOCK):
                content += block
                if tell:
                    tell(entry.file, len(content), max(whole, len(content)))
    except requests.RequestException as error:
        raise TrainingError(
            f"{entry.file} cannot be fetched from {entry.address} ({type(error).__name__}); put it into the folder of "
            "weights by hand, or name a folder that has it (ISITCAKE_MODELS)"
        ) from error
    if (there := hashlib.sha256(content).hexdigest()) != entry.sha256:
        raise StorageError(f"{entry.address} gave something else than was pinned (SHA-256 {there[:16]}…); nothing kept")
    return bytes(content)
