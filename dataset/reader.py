"""What training reads of a published version: rows, pictures, and the frozen features of pictures."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from dataset.decoding import DERIVED_RECIPE as RECIPE
from dataset.decoding import scaled_rgb
from dataset.features import Backbone, backbone, session
from dataset.manifest import Row
from dataset.recognition import CLASS, COCO, NUMBERED, OBJECTNESS, ObjectDetector, detector
from dataset.splits import SPLITS, UNSEEN
from dataset.versions import Version, load, newest, require_verified, verify

__all__ = [
    "CLASS",
    "COCO",
    "NUMBERED",
    "OBJECTNESS",
    "RECIPE",
    "SPLITS",
    "UNSEEN",
    "Backbone",
    "ObjectDetector",
    "Row",
    "Version",
    "backbone",
    "decode",
    "decoded",
    "detector",
    "load",
    "newest",
    "picture",
    "require_verified",
    "session",
    "shuffled",
    "verify",
]


def picture(version: Version, row: Row) -> Image.Image:
    """The row's picture, RGB, decoded at about 256 px: what models are trained on and asked about."""
    return scaled_rgb((version.path / row.file).read_bytes())


def decode(path: Path) -> Image.Image:
    """Any picture file, as `picture` gives those of a version. Raises Undecodable."""
    return decoded(path.read_bytes())


def decoded(content: bytes) -> Image.Image:
    """Any picture's bytes, as `picture` gives those of a version. Raises Undecodable."""
    return scaled_rgb(content)


def shuffled(rows: Sequence[Row], seed: int, shard: int = 0, shards: int = 1) -> list[Row]:
    """Rows in an order that only `seed` decides, and of them the part of one of `shards` workers.

    Every row is in exactly one shard; the order does not depend on that of `rows`. Raises ValueError for a shard
    that there is not.
    """
    if not 0 <= shard < shards:
        raise ValueError(f"shard {shard} of {shards}")
    order = sorted(rows, key=lambda row: hashlib.sha256(f"{seed} {row.sha256}".encode()).digest())
    return order[shard::shards]
