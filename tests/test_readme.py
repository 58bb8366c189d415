"""The commands of the README run as they are written there."""

import random
import shutil
import sys
from functools import partial
from pathlib import Path

import pytest
from commands import run_block, shell_blocks

from dataset.versions import published
from simulator import drawings
from simulator.world import Shelf

ROOT = Path(__file__).parents[1]
PICTURES = 20  # in each folder of "Your own version"
BLOCKS = shell_blocks("README.md")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's files, with the environments of this checkout."""
    folder = tmp_path_factory.mktemp("checkout") / "is-it-cake"
    skip = shutil.ignore_patterns(".*cache", ".git", ".venv*", "demo", "library", "isitcake.toml", "__pycache__")
    shutil.copytree(ROOT, folder, ignore=skip)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / ".venv-label-studio").symlink_to(ROOT / ".venv-label-studio")
    return folder


def test_the_blocks_are_those_tested_here() -> None:
    assert [block.split()[:2] for block in BLOCKS] == [
        ["make", "demo"],
        ["make", "test"],
        [".", ".venv/bin/activate"],
        ["isitcake", "collect"],
        ["isitcake", "curate"],
        ["isitcake", "train"],
    ]


def test_make_demo(checkout: Path) -> None:
    """The loop ends by itself, and says what it did. That a second run of each stage changes nothing, its tests say."""
    printed = run_block(BLOCKS[0], checkout, ONCE="1")
    for title in ("images collected", "labels they found wrong", "What review changed", "test_unseen_sites", "report"):
        assert title in printed
    home = checkout / "demo" / "drawn" / "library"
    before, after = published.listing(home)
    assert before.id != after.id
    assert (home / "reports" / f"{after.name}.html").stat().st_size > 10_000


@pytest.mark.long
def test_your_own_version(checkout: Path) -> None:
    """Two folders of pictures, and the commands as they stand there.

    tests/test_new_user.py answers walls in between.
    """
    for folder, query in (("mugs", "cup"), ("bowls", "vase")):
        shelf = Shelf(random.Random(f"readme {folder}"))
        for number in range(PICTURES):
            shelf.put(f"{folder}-{number}", folder, partial(drawings.thing, query=query))
        (checkout / folder).mkdir()
        for picture in shelf.pictures:
            (checkout / folder / f"{picture.slug}.jpg").write_bytes(picture.content)
    run_block(BLOCKS[2], checkout)
    for block in BLOCKS[3:]:
        printed = run_block(f". .venv/bin/activate\n{block}", checkout)
    (version,) = published.listing(checkout / "library")
    assert version.images
    assert f"mugs/mugs-{PICTURES - 1}.jpg" in printed
