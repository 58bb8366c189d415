"""A few drawn pictures: projects of two folders, whose isitcake.toml a test changes, and data sets of labels."""

import functools
import io
import json
import random
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from commands import here
from PIL import Image

from simulator import drawings
from simulator.world import Shelf

PICTURES = 4  # in each folder
DRAWN: dict[str, tuple[str, Callable[[random.Random], bytes]]] = {  # label and drawing by folder
    "n": ("not_cake", partial(drawings.thing, query="cup")),
    "c": ("cake", drawings.cake),
}


@functools.cache
def _drawn(name: str, pictures: int) -> dict[str, bytes]:
    """The files of one folder. Every test gets the same ones: drawing takes longer than collecting."""
    label, draw = DRAWN[name]
    shelf = Shelf(random.Random(f"small {name}"))
    for number in range(pictures):
        shelf.put(f"{name}{number}", label, draw)
    return {f"{picture.slug}.jpg": picture.content for picture in shelf.pictures}


class SmallProject:
    """Folders n (things) and c (cakes), and isitcake.toml beside them."""

    def __init__(self, folder: Path, pictures: int = PICTURES) -> None:
        self.folder = folder
        for name in DRAWN:
            if not (folder / name).exists():  # else a copy of another project
                (folder / name).mkdir(parents=True)
                for file, content in _drawn(name, pictures).items():
                    (folder / name / file).write_bytes(content)

    def copy(self, folder: Path) -> "SmallProject":
        """The same project with its library, in another folder."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return SmallProject(folder)

    def configure(self, *sources: str, labels: tuple[str, ...] = ("cake", "not_cake"), more: str = "") -> None:
        """Write isitcake.toml. sources: name, folder, label and licence of each, with blanks between them."""
        lines = ["[project]", f"labels = {json.dumps(labels)}", more]
        for source in sources:
            name, path, label, licence = source.split()
            lines += ["[[sources]]", f'name = "{name}"', 'kind = "folder"', f'path = "{path}"']
            lines += [f'label = "{label}"', f'licence = "{licence}"']
        (self.folder / "isitcake.toml").write_text("\n".join(lines) + "\n")

    def run(self, *commands: str) -> list[str]:
        """What the commands printed; each of them must succeed."""
        printed = []
        for command in commands:
            ended = here(self.folder, *command.split())
            assert ended.returncode == 0, f"{command}: {ended.stderr or ended.stdout}"
            printed.append(ended.stdout)
        return printed


KINDS: dict[str, Callable[[random.Random], bytes]] = {
    "cake": drawings.cake,
    "cup": functools.partial(drawings.thing, query="cup"),
}


@functools.cache
def drawn(label: str, number: int) -> bytes:
    """A JPEG of the label; every number is another picture."""
    return KINDS[label](random.Random(f"{label} {number}"))


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
    for label in KINDS:
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
