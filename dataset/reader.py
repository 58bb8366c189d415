"""What training reads of a published version: rows, pictures, what changed."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from dataset.pictures.decoding import DERIVED_RECIPE as RECIPE
from dataset.pictures.decoding import Undecodable, scaled_rgb
from dataset.versions.manifest import Row
from dataset.versions.published import TAINTED, Version, diff, load, newest, order
from dataset.versions.splits import SPLITS, UNSEEN
from dataset.versions.verify import require_verified, verify

__all__ = [
    "RECIPE",
    "SPLITS",
    "TAINTED",
    "UNSEEN",
    "Row",
    "Undecodable",
    "Version",
    "decode",
    "decoded",
    "diff",
    "load",
    "newest",
    "order",
    "picture",
    "require_verified",
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
