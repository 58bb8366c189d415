"""Download pretrained weights from a pinned list, and check them."""

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import StorageError, TrainingError, UsageError
from foundation.files import replace_file
from foundation.network.addresses import Refused
from foundation.network.outgoing import Failures, Limits, Outgoing
from foundation.safe_text import known_names
from foundation.settings import (
    CLIP,
    DETECTOR_NAME,
    MOBILENET_V2,
    PAIRS,
    PICTURE_TOWER,
    SIGLIP2,
    TEXT_TOWER,
    TOKENIZER,
    WEIGHTS_NAME,
    ZOO_DETECTOR_NAME,
    ZOO_WEIGHTS_NAME,
    Settings,
)

LIMITS = Limits(max_bytes=500_000_000, max_s=3600, timeout_s=30)  # the largest on the list has 284 MB

SIGLIP2_AT = "https://huggingface.co/onnx-community/siglip2-base-patch16-224-ONNX/resolve/ba1f3b0843f24bc5417d38e19c37b287d719b2f4/"
CLIP_AT = "https://huggingface.co/Xenova/clip-vit-base-patch32/resolve/d15189d7028b43f1d3e65039190477f6af591c2a/"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Weights:
    """One file of the list.

    preprocessing: of the network's input. instead_of: a file that replaces this one; "" if none does. network: by whose
    name it is fetched.
    """

    file: str
    address: str
    sha256: str
    licence: str
    preprocessing: str
    instead_of: str
    network: str = ""


WEIGHTS = (
    Weights(
        ZOO_WEIGHTS_NAME,
        "https://huggingface.co/onnxmodelzoo/mobilenetv2-12/resolve/main/mobilenetv2-12.onnx",
        "c0c3f76d93fa3fd6580652a45618618a220fced18babf65774ed169de0432ad5",
        "Apache-2.0",
        "RGB, NCHW, 224 px, minus ImageNet's mean, divided by its standard deviation",
        WEIGHTS_NAME,
        MOBILENET_V2,
    ),
    Weights(
        ZOO_DETECTOR_NAME,
        "https://github.com/onnx/models/raw/main/validated/vision/object_detection_segmentation/ssd-mobilenetv1/model/"
        "ssd_mobilenet_v1_12.onnx",
        "b8fba5e404077d4048d27fcd1667e85e27e192eb9bf51e696c46a3acd7d21058",
        "MIT",
        "RGB, NHWC, any size, 0 to 255",
        DETECTOR_NAME,
        "ssd_mobilenet_v1",
    ),
    Weights(
        PICTURE_TOWER.format(SIGLIP2),
        f"{SIGLIP2_AT}onnx/vision_model_int8.onnx",
        "0dd31785a2713f1113ef2272472165c69d580473dae38d7b47568ac587795e70",
        "Apache-2.0",
        "RGB, NCHW, 224 px, -1 to 1",
        "",
        SIGLIP2,
    ),
    Weights(
        TEXT_TOWER.format(SIGLIP2),
        f"{SIGLIP2_AT}onnx/text_model_int8.onnx",
        "3a0603d3a00c05a80a6ded4743c16aaac7b1e62cdcc7e362e7ce418659b96400",
        "Apache-2.0",
        "64 tokens of the file below",
        "",
        SIGLIP2,
    ),
    Weights(
        TOKENIZER.format(SIGLIP2),
        f"{SIGLIP2_AT}tokenizer.json",
        "cb9140fae3ac5122c972d37adf83e1248471a38147ad76f8215c8872c6fd8322",
        "Apache-2.0",
        "text in lower case",
        "",
        SIGLIP2,
    ),
    Weights(
        PICTURE_TOWER.format(CLIP),
        f"{CLIP_AT}onnx/vision_model_uint8.onnx",
        "b95448754a6ae56964ec80c570c80bb9863787ee85f51b664abed8c0e5f22a7a",
        "MIT",
        "RGB, NCHW, 224 px, minus CLIP's mean, divided by its standard deviation",
        "",
        CLIP,
    ),
)


@dataclass(frozen=True)
class Fetched:
    """state: "fetched", "there", or "not needed" with the file that replaces it."""

    file: str
    state: str
    licence: str


def fetch(settings: Settings, progress: Progress | None = None, network: str | None = None) -> list[Fetched]:
    """Download the files of one network that are missing in [models] folder, and check those that are there.

    network: its name; None: every file of the list that belongs to no pair of towers. progress: called with the file's
    name, the bytes read and the bytes in all. Raises UsageError without a folder and for an unknown name, TrainingError
    for a failed download, StorageError for a file with other bytes than the list says.
    """
    known = list(dict.fromkeys(entry.network for entry in WEIGHTS))
    if network is not None and network not in known:
        raise UsageError(f"no network {network!r} to fetch; {known_names(network, known)}")
    chosen = [e for e in WEIGHTS if (e.network == network if network else e.network not in PAIRS)]
    folder = settings.weights_folder
    if folder is None:
        raise UsageError("no folder for weights; set [models] folder, or ISITCAKE_MODELS")
    outgoing = Outgoing(settings.user_agent, frozenset(settings.crawl.allow_private_hosts))
    with contextlib.closing(outgoing):
        return [Fetched(entry.file, _fetch(entry, folder, outgoing, progress), entry.licence) for entry in chosen]


def _fetch(entry: Weights, folder: Path, outgoing: Outgoing, progress: Progress | None) -> str:
    path = folder / entry.file
    if (folder / entry.instead_of).is_file():
        return f"not needed, {entry.instead_of} is there"
    if path.is_file():
        if hashlib.sha256(path.read_bytes()).hexdigest() != entry.sha256:
            raise StorageError(
                f"{path} has another SHA-256 than the pinned file; remove it and run "
                f"`isitcake models fetch{f' {entry.network}' if entry.network else ''}` again"
            )
        return "there"
    replace_file(path, _download(entry, outgoing, progress))
    return "fetched"


def _download(entry: Weights, outgoing: Outgoing, progress: Progress | None) -> bytes:
    def report(count: int, total: int) -> None:
        if progress:
            progress(entry.file, count, max(total, count))

    try:
        answer = outgoing.get(entry.address, LIMITS, progress=report)
        why = "" if answer.status == 200 else f"answered {answer.status}"
    except Refused as error:
        why = f"{error}; a private host must be listed in [crawl] allow_private_hosts"
    except Failures as error:
        why = type(error).__name__
    if why:
        raise TrainingError(
            f"{entry.file} cannot be fetched from {entry.address} ({why}); copy it into the folder of weights, or set "
            "ISITCAKE_MODELS to a folder that has it"
        )
    content = answer.body
    if (sha256 := hashlib.sha256(content).hexdigest()) != entry.sha256:
        raise StorageError(
            f"{entry.address} returned another file than the pinned one (SHA-256 {sha256[:16]}…); nothing was kept; "
            "check the network and try again"
        )
    return content
