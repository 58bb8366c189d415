"""Frozen features of a picture, from an ONNX graph that takes pixels.

The network is EfficientNet-Lite0 from the package index, unless [models] network names an ONNX classifier, a pair of
towers, or the built-in graph of pooled colours and edges. Each takes uint8 (1, height, width, 3) and gives float32
(1, n).
"""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foundation.errors import StorageError
from foundation.settings import CLASSES_NAME, COLOUR_TEXTURE, EFFICIENTNET_LITE0
from networks import pairs
from networks.pairs import Pair, Texts
from networks.session import session

if TYPE_CHECKING:
    import onnx

IMAGENET = Path(__file__).with_name("imagenet_1000.txt")  # class names, lemmas of WordNet
CLASSIFIED_AT_ONCE = 4096  # images
CLASSES_KEPT = 3  # likeliest classes of an image
IMAGENET_MEAN, IMAGENET_STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])  # of R, G, B in 0 to 1


@dataclass(frozen=True)
class Backbone:
    """A graph from pixels to features.

    name: identifies graph and weights; features with another name are never used together. classifier: a graph from
    features to the probabilities of class_names; None if the weights have no such head. texts: what a pair of towers
    compares pictures with, by answer; the answers are its class_names. lacks: why a pair has no classes, and the fix.
    """

    name: str
    graph: "onnx.ModelProto"
    classifier: "onnx.ModelProto | None" = None
    class_names: tuple[str, ...] = ()
    texts: Mapping[str, Texts] = field(default_factory=dict)
    lacks: str = ""

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
        return session(self.graph, threads=1)  # several pictures run at the same time


def backbone(network: str | Path = EFFICIENTNET_LITE0, texts: Mapping[str, Texts] | None = None) -> Backbone:
    """The backbone of this name, or with the weights of this ONNX file. See Settings.network.

    texts: by answer, for a pair of towers; without them it has no classes. Raises StorageError for a damaged or missing
    file.
    """
    from networks import backbone_graphs  # imports onnx, which is slow

    if network in (COLOUR_TEXTURE, EFFICIENTNET_LITE0):
        return _installed(str(network))
    path = Path(network)
    if pair := pairs.pair_of(path):
        return _of_pair(path, pair, texts or {})
    try:
        content = path.read_bytes()
        graph, classifier = backbone_graphs.split(content, path.stem, IMAGENET_MEAN, IMAGENET_STD)
    except Exception as error:
        raise StorageError(f"{path} is not a usable ONNX file ({error}); replace it") from error
    name = f"{path.stem}@{hashlib.sha256(content).hexdigest()[:12]}"
    return Backbone(name, graph, classifier, _class_names(path, classifier))


def _of_pair(path: Path, pair: Pair, texts: Mapping[str, Texts]) -> Backbone:
    """A backbone whose features are the vectors of a tower of pictures. path: of the tower's file."""
    from networks import backbone_graphs

    try:
        content = path.read_bytes()
        graph = backbone_graphs.picture_tower(content, pair)
    except Exception as error:
        raise StorageError(f"{path} is not a usable tower of pictures ({error}); replace it") from error
    name = f"{pair.name}@{hashlib.sha256(content).hexdigest()[:12]}"
    lacks = pairs.lacks(pair, path.parent, texts)
    if lacks or not texts:
        return Backbone(name, graph, lacks=lacks)
    vectors = pairs.text_vectors(pair, path.parent, texts)
    return Backbone(name, graph, backbone_graphs.text_classifier(vectors, pair.scale), tuple(texts), texts)


@functools.cache
def _installed(network: str) -> Backbone:
    """A backbone that needs no file of the user's. A process builds it once."""
    from networks import backbone_graphs
    from networks.built_in import BUILT_IN, built_in_graph
    from networks.efficientnet_lite0 import NAME, SCALE, SHIFT, efficientnet_lite0

    if network == COLOUR_TEXTURE:
        return Backbone(BUILT_IN, backbone_graphs.with_pixels(built_in_graph(), BUILT_IN))
    model = efficientnet_lite0()
    graph = backbone_graphs.with_pixels(model, NAME, SCALE, SHIFT)
    return Backbone(NAME, graph, backbone_graphs.classifier(model), _imagenet())


def _class_names(path: Path, classifier: "onnx.ModelProto | None") -> tuple[str, ...]:
    """Names from the file beside the weights; without it ImageNet's, if the classifier has as many classes."""
    if classifier is None:
        return ()
    beside = path.with_name(CLASSES_NAME)
    if beside.is_file():
        return tuple(beside.read_text(encoding="utf-8").splitlines())
    count = session(classifier).get_outputs()[0].shape[-1]
    return next((names for names in (_imagenet(), ("background", *_imagenet())) if len(names) == count), ())


def _imagenet() -> tuple[str, ...]:
    return tuple(IMAGENET.read_text(encoding="utf-8").splitlines())
