"""Data sets of a few drawn pictures, in folders of labels and splits, that an audit reads."""

import functools
import io
import random
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from simulator import drawings

DRAWN: dict[str, Callable[[random.Random], bytes]] = {
    "cake": drawings.cake,
    "cup": functools.partial(drawings.thing, query="cup"),
}


@functools.cache
def drawn(label: str, number: int) -> bytes:
    """A JPEG of the label; every number is another picture."""
    return DRAWN[label](random.Random(f"{label} {number}"))


def smaller(content: bytes) -> bytes:
    """The same picture at half its size."""
    with Image.open(io.BytesIO(content)) as image:
        made = io.BytesIO()
        image.convert("RGB").resize((image.width // 2, image.height // 2)).save(made, "JPEG", quality=90)
    return made.getvalue()


def put(root: Path, path: str, content: bytes) -> Path:
    """Write a file of the data set."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


def make_splits(root: Path) -> Path:
    """Six pictures of each label in train, two in test; a copy in train, a leak, a broken file and a text."""
    for label in DRAWN:
        for number in range(8):
            put(root, f"{'train' if number < 6 else 'test'}/{label}/{label}-{number}.jpg", drawn(label, number))
    put(root, "train/cake/small.jpg", smaller(drawn("cake", 0)))
    put(root, "train/cake/leak.jpg", drawn("cake", 7))
    put(root, "train/cup/broken.jpg", drawn("cup", 0)[:400])
    put(root, "train/cup/readme.txt", b"about these cups")
    return root


def tree(root: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
