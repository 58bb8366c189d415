"""Frozen features of a picture, from an ONNX graph that takes pixels.

The graph is MobileNetV2 if weights are configured, and otherwise a built-in graph of pooled colours and edges. Both
take uint8 (1, height, width, 3) and give float32 (1, n).
"""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foundation.errors import StorageError
from foundation.settings import CLASSES_NAME
from networks.session import session

if TYPE_CHECKING:
    import onnx

CLASSIFIED_AT_ONCE = 4096  # images
CLASSES_KEPT = 3  # likeliest classes of an image
IMAGENET_MEAN, IMAGENET_STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])  # of R, G, B in 0 to 1


@dataclass(frozen=True)
class Backbone:
    """A graph from pixels to features.

    name: identifies graph and weights; features with another name are never used together. classifier: a graph from
    features to the probabilities of class_names; None if the weights have no such head.
    """

    name: str
    graph: "onnx.ModelProto"
    classifier: "onnx.ModelProto | None" = None
    class_names: tuple[str, ...] = ()

    def vector(self, image: Image.Image) -> NDArray[np.float32]:
        """(n,) features of an upright RGB picture of any size."""
        pixels = np.asarray(image, dtype=np.uint8)[None]
        features: NDArray[np.float32] = self._session.run(["features"], {"pixels": pixels})[0][0]
        return features

    def classes(self, vectors: NDArray[np.float32]) -> list[dict[str, float]]:
        """The likeliest of class_names with their probabilities, for each of (n, d) features.

        The dictionaries are empty if there are no classes.
        """
        if self.classifier is None or not self.class_names:
            return [{} for _ in vectors]
        likeliest = []
        run = session(self.classifier).run
        for start in range(0, len(vectors), CLASSIFIED_AT_ONCE):
            for row in run(["probabilities"], {"features": vectors[start : start + CLASSIFIED_AT_ONCE]})[0]:
                order = np.argsort(-row, kind="stable")[:CLASSES_KEPT]
                likeliest.append({self.class_names[k]: round(float(row[k]), 3) for k in order})
        return likeliest

    @functools.cached_property
    def _session(self) -> Any:
        return session(self.graph)


def backbone(weights: Path | None) -> Backbone:
    """The backbone with these weights; None: the built-in one. Raises StorageError for a damaged file."""
    from networks import backbone_graphs  # imports onnx, which is slow
    from networks.built_in import BUILT_IN, built_in_graph

    if weights is None:
        return Backbone(BUILT_IN, backbone_graphs.with_pixels(built_in_graph(), BUILT_IN))
    try:
        content = weights.read_bytes()
        graph, classifier = backbone_graphs.split(content, weights.stem, IMAGENET_MEAN, IMAGENET_STD)
    except Exception as error:
        raise StorageError(f"{weights} is not a usable ONNX file ({error}); replace it") from error
    names = weights.with_name(CLASSES_NAME)
    classes = tuple(names.read_text(encoding="utf-8").splitlines()) if classifier and names.is_file() else ()
    return Backbone(f"{weights.stem}@{hashlib.sha256(content).hexdigest()[:12]}", graph, classifier, classes)
