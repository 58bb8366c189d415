"""Everything that training reads: rows, pictures and changes of a published version, and what labels mean.

What needs Pillow or Arrow is imported when it is first asked for: a list of models needs neither.
"""

import contextlib
import hashlib
import importlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset.splits.assignment import SPLITS, UNSEEN
from dataset.versions.published import REPLACED, TAINTED, Version, diff, load, newest, order
from foundation.settings import Settings

if TYPE_CHECKING:
    from PIL import Image
    from sqlalchemy import Connection

    from dataset.pictures.decoding import DERIVED_RECIPE as RECIPE
    from dataset.pictures.decoding import Undecodable
    from dataset.suspicion.meanings import texts_of_answers, zero_shot_names
    from dataset.versions.manifest import Row
    from dataset.versions.tainted import forget_erased
    from dataset.versions.today import Today
    from dataset.versions.verify import require_verified, verify

ON_FIRST_USE = {  # name here → its module and its name there
    "RECIPE": ("dataset.pictures.decoding", "DERIVED_RECIPE"),
    "Row": ("dataset.versions.manifest", "Row"),
    "Undecodable": ("dataset.pictures.decoding", "Undecodable"),
    "Today": ("dataset.versions.today", "Today"),
    "forget_erased": ("dataset.versions.tainted", "forget_erased"),
    "require_verified": ("dataset.versions.verify", "require_verified"),
    "texts_of_answers": ("dataset.suspicion.meanings", "texts_of_answers"),
    "verify": ("dataset.versions.verify", "verify"),
    "zero_shot_names": ("dataset.suspicion.meanings", "zero_shot_names"),
}

__all__ = [
    "RECIPE",
    "REPLACED",
    "SPLITS",
    "TAINTED",
    "UNSEEN",
    "Row",
    "Today",
    "Undecodable",
    "Version",
    "decode",
    "decoded",
    "diff",
    "forget_erased",
    "load",
    "new_label_names",
    "newest",
    "order",
    "picture",
    "require_verified",
    "shuffled",
    "texts_of_answers",
    "todays_labels",
    "verify",
    "zero_shot_names",
]


def __getattr__(name: str) -> Any:
    """Import what this module hands on when somebody asks for it (PEP 562)."""
    if name not in ON_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, there = ON_FIRST_USE[name]
    return getattr(importlib.import_module(module), there)


def todays_labels(settings: Settings) -> "Today | None":
    """The newest version with the labels that the catalog decides now; None while nothing is published.

    Raises CatalogError, DamagedVersion.
    """
    from dataset.versions.today import today

    with _reading(settings) as connection:
        return today(connection, settings.home)


def new_label_names(settings: Settings) -> dict[str, str]:
    """The name that a label has now, by an earlier name of it, which versions and models may have.

    Raises CatalogError.
    """
    from dataset.names.renamed import LABEL, renamed

    with _reading(settings) as connection:
        return renamed(connection, LABEL)


@contextlib.contextmanager
def _reading(settings: Settings) -> "Iterator[Connection]":
    """The catalog, which may be in a folder that nobody can write."""
    from dataset.catalog.engine import Catalog

    catalog = Catalog(settings.catalog.url, settings.home, read_only=not os.access(settings.home, os.W_OK))
    try:
        with catalog.read() as connection:
            yield connection
    finally:
        catalog.close()


def picture(version: Version, row: "Row") -> "Image.Image":
    """The picture of a row, RGB, decoded at about 256 px. Models are trained on it."""
    return decoded(version.pictures.content(row))


def decode(path: Path) -> "Image.Image":
    """Any picture file, decoded like `picture`. Raises Undecodable."""
    return decoded(path.read_bytes())


def decoded(content: bytes) -> "Image.Image":
    """The bytes of any picture, decoded like `picture`. Raises Undecodable."""
    from dataset.pictures.decoding import scaled_rgb

    return scaled_rgb(content)


def shuffled(rows: Sequence["Row"], seed: int, shard: int = 0, shards: int = 1) -> list["Row"]:
    """The rows of one of `shards` workers, in an order that depends on `seed` and the rows' SHA-256 only.

    Every row is in exactly one shard. Raises ValueError for a shard outside 0..shards-1.
    """
    if not 0 <= shard < shards:
        raise ValueError(f"shard {shard} of {shards} does not exist")
    order = sorted(rows, key=lambda row: hashlib.sha256(f"{seed} {row.sha256}".encode()).digest())
    return order[shard::shards]
