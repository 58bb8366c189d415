"""Projects of two folders with a few drawn pictures, whose isitcake.toml a test changes."""

import json
import random
from functools import partial
from pathlib import Path

from commands import here

from simulator import drawings
from simulator.world import Shelf

PICTURES = 6  # in each folder


class SmallProject:
    """Folders n (things) and c (cakes), and isitcake.toml beside them."""

    def __init__(self, folder: Path, pictures: int = PICTURES) -> None:
        self.folder = folder
        thing = partial(drawings.thing, query="cup")
        for name, label, draw in (("n", "not_cake", thing), ("c", "cake", drawings.cake)):
            shelf = Shelf(random.Random(f"small {name}"))
            (folder / name).mkdir(parents=True)
            for number in range(pictures):
                shelf.put(f"{name}{number}", label, draw)
            for picture in shelf.pictures:
                (folder / name / f"{picture.slug}.jpg").write_bytes(picture.content)

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
