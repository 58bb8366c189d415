"""The commands of the tutorial run as they are written there, until a game was played."""

import contextlib
import csv
import hashlib
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from commands import ENTRY, ROOT, run_block, shell_blocks, shell_environment

from dataset.versions import published
from foundation.network.ports import is_taken
from simulator import drawings
from simulator.world import Shelf
from training import models
from web.game.deck import ROUND_PICTURES

BLOCKS = shell_blocks("docs/tutorial.md")
FOLDERS = (("mugs", "mug", "cup"), ("vases", "vase", "vase"), ("bottles", "bottle", "bottle"))  # label, drawing
RIGHT, WRONG = 40, 3  # pictures of each folder: of its own label, and of the next folder's
CSV = re.findall(r"^```csv\n(.+?)^```", (ROOT / "docs" / "tutorial.md").read_text(), re.MULTILINE | re.DOTALL)[0]
PAGES = ("/play", "/show", "/join", "/playground", "/play/table", "/")
PORT = 8090  # of `isitcake serve`
START_S = 120.0
# `talk-cnn` is the name of an attempt, and stays.
OTHER_SUBJECT = re.compile(
    r".{0,20}(?<!is-it-)\b(?:not_)?(?:cake|candle|baker|bakery|talk(?!-cnn))s?\b.{0,20}", re.IGNORECASE
)
EMBEDDED = re.compile(r"data:[^\"')]+|<style>.*?</style>", re.DOTALL)  # pictures and styles

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.skipif(is_taken(PORT), reason=f"port {PORT}, which the tutorial uses, is taken by another program"),
]


def draw(folder: Path) -> dict[str, str]:
    """Three folders of drawings with a few in the wrong one. Returns the true label by SHA-256."""
    truth = {}
    for number, (name, label, drawing) in enumerate(FOLDERS):
        _, other, other_drawing = FOLDERS[(number + 1) % len(FOLDERS)]
        shelf = Shelf(random.Random(f"tutorial {name}"))
        for n in range(RIGHT + WRONG):
            is_right = n < RIGHT
            query = drawing if is_right else other_drawing
            shelf.put(f"{n + 1:02}", label if is_right else other, partial(drawings.thing, query=query))
        (folder / name).mkdir(parents=True)
        for picture in shelf.pictures:
            (folder / name / f"{picture.slug}.jpg").write_bytes(picture.content)
            truth[picture.sha256] = picture.label
    return truth


def write_command(folder: Path) -> str:
    """A command `isitcake` of this checkout. Returns a PATH that begins with its folder."""
    folder.mkdir()
    command = folder / "isitcake"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -P -c "{ENTRY}" "$@"\n')
    command.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def digits_of(printed: str) -> list[str]:
    """First digits of the SHA-256 in each row of `review next`."""
    return re.findall(r"^ *\d\.\d{3} +([0-9a-f]{12}) ", printed, re.MULTILINE)


def write_answers(path: Path, answers: dict[str, str]) -> None:
    """As the page shows it: by the first digits."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(CSV.split("\n", 1)[0].split(","))
        writer.writerows([digits, label, "ann"] for digits, label in answers.items())


@contextlib.contextmanager
def served(block: str, folder: Path, path: str) -> Iterator[str]:
    """Run the block of `isitcake serve` until the test is done with it. Gives the address of the game."""
    log = folder.parent / "serve.log"
    with log.open("w") as file:
        shell = subprocess.Popen(
            ["bash", "-euc", f"exec {block}"],
            cwd=folder, env=shell_environment(folder, PATH=path), stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + START_S
        while not (found := re.search(r"^the game: (\S+)/play$", log.read_text(), re.MULTILINE)):
            assert shell.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield found[1]
    finally:
        shell.terminate()
        shell.wait(timeout=START_S)


def play(address: str, truth: dict[str, str]) -> dict[str, Any]:
    """Play one round: each answer reveals the truth. Returns the result of the round."""
    begun = requests.post(f"{address}/play/rounds", json={"nickname": "ann"}, timeout=60).json()
    for slot, picture in enumerate(begun["pictures"]):
        shown = requests.get(address + picture, timeout=60)
        assert shown.headers["content-type"] == "image/jpeg"
        answer = {"answer": begun["labels"][slot % len(begun["labels"])]}
        revealed = requests.post(f"{address}/play/rounds/{begun['round']}/{slot}", json=answer, timeout=60).json()
        assert revealed["truth"] in set(truth.values())
        assert revealed["is_right"] == (revealed["truth"] == revealed["answer"])
    result: dict[str, Any] = requests.get(f"{address}/play/rounds/{begun['round']}", timeout=60).json()
    return result


def test_the_tutorial_from_init_to_a_played_game(tmp_path: Path) -> None:
    """Each block in turn, in one folder with nothing but pictures. A person answers after the list of questions.

    Nothing that is printed, written for people or served speaks of cakes or of the talk.
    """
    pottery = tmp_path / "pottery"
    truth, path = draw(pottery), write_command(tmp_path / "bin")
    claims = {
        hashlib.sha256(f.read_bytes()).hexdigest(): label
        for name, label, _ in FOLDERS
        for f in (pottery / name).iterdir()
    }
    read: list[str] = []

    def run(block: str) -> str:
        read.append(run_block(block, pottery, PATH=path))
        return read[-1]

    start, collect, curate, answer, publish, train, serve = BLOCKS
    assert "MISSING" not in run(start)
    assert f"{len(truth)} stored" in run(collect)
    asked = {digits: next(s for s in truth if s.startswith(digits)) for digits in digits_of(run(curate))}
    assert sum(truth[s] != claims[s] for s in asked.values()) == WRONG * len(FOLDERS)  # the page says: all of them
    write_answers(pottery / "answers.csv", {digits: truth[sha256] for digits, sha256 in asked.items()})
    assert f"{len(asked)} new answers" in run(answer)
    assert "every hash right" in run(publish)
    (version,) = published.listing(pottery / "library")
    assert {row.sha256: row.label for row in version.rows()}.items() <= truth.items()
    assert re.search(r"mugs/03\.jpg +mug ", run(train))
    trained = {model.name for model in models.listing(pottery / "library")}
    assert models.default_model(pottery / "library") is not None
    with served(serve, pottery, path) as address:
        result = play(address, truth)
        read += [requests.get(address + page, timeout=60).text for page in PAGES]
    assert (result["answered"], set(result["models"])) == (ROUND_PICTURES, trained)
    written = [*pottery.glob("library/**/*.md"), *pottery.glob("library/reports/*.html"), pottery / "isitcake.toml"]
    read += [file.read_text(encoding="utf-8") for file in written]
    assert [found for text in read for found in OTHER_SUBJECT.findall(EMBEDDED.sub("", text))] == []
