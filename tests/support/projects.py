"""Projects that tests work on: written, drawn, or copied from one that is finished."""

import contextlib
import json
import random
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from dataset.catalog.tables import findings
from dataset.catalog.writes import insert_new
from dataset.labels.vocabulary import EXPLICIT, UNUSABLE
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import BlockSizes
from simulator import drawings
from simulator.internet import Internet
from simulator.world import Shelf

BAKERS, CAKES, BISCUITS = 7, 14, 7  # folders of bakers; cakes and biscuits in each
SHELVES, THINGS = 5, 14  # folders of everyday things; things in each
SMALL_SHARDS = BlockSizes(shard=8)  # so that a small version has several
LAYOUTS = ("folder", "shards")
QUERIES = ("cup", "vase", "shoe", "cars")


def write_config(net: Internet, folder: Path, extra: str = "") -> Path:
    """Write isitcake.toml of a project that collects the small internet. Returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        "[project]",
        'contact = "https://example.org/crawler"',
        "[crawl]",
        f"allow_private_hosts = {json.dumps(net.addresses)}",
        extra,
    ]
    for name, server in net.sites.items():
        lines += ["[[sources]]", f'name = "{name}"', 'kind = "site"', 'label = "cake"', 'licence = "research use"']
        lines.append(f'start_urls = ["{server.url}/gallery"]')
    lines += ["[[sources]]", 'name = "objects"', 'kind = "unsplash"', 'label = "not_cake"', 'permission = "granted"']
    lines += [f"queries = {json.dumps(list(net.world.photos))}", f'base_url = "{net.photo_api.url}"']
    path = folder / "isitcake.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@contextlib.contextmanager
def copied(home: Path, folder: Path, layout: str = "folder") -> Iterator[Project]:
    """A copy of the project in `home`, open, in `folder`. layout: of the versions that it will publish."""
    shutil.copytree(home, folder)
    if layout != "folder":
        with (folder / "isitcake.toml").open("a") as file:
            file.write(f'[publish]\nlayout = "{layout}"\n')
    opened = open_project(folder / "isitcake.toml")
    yield opened
    opened.close()


def draw_bakery(folder: Path) -> Path:
    """Draw seven bakers and five shelves, with isitcake.toml and answers.csv. Returns the path of the answers."""
    lines = ["[project]", 'contact = "https://example.org"']
    answers = ["sha256,label,reviewer"]
    for number in range(BAKERS + SHELVES):
        is_baker = number < BAKERS
        name = f"baker-{number}" if is_baker else f"shelf-{number}"
        photos = folder / "photos" / name
        photos.mkdir(parents=True)
        for picture in _shelf(number).pictures:
            (photos / f"{picture.slug}.jpg").write_bytes(picture.content)
            answers.append(f"{picture.sha256},{picture.label},ann")
        label = "cake" if is_baker else "not_cake"
        lines += ["[[sources]]", f'name = "{name}"', 'kind = "folder"', f'label = "{label}"']
        lines.append(f"path = {json.dumps(f'photos/{name}')}")
    (folder / "isitcake.toml").write_text("\n".join(lines) + "\n")
    path = folder / "answers.csv"
    path.write_text("\n".join(answers) + "\n")
    return path


def _shelf(number: int) -> Shelf:
    """The pictures of one folder; the first folders are bakers'."""
    is_baker = number < BAKERS
    shelf = Shelf(random.Random(f"shelf {number}"))
    for n in range(CAKES if is_baker else 0):
        shelf.put(f"cake-{n}", "cake", drawings.cake)
    for n in range(BISCUITS if is_baker else 0):
        shelf.put(f"biscuit-{n}", "not_cake", drawings.biscuits)
    for n in range(0 if is_baker else THINGS):
        shelf.put(f"thing-{n}", "not_cake", partial(drawings.thing, query=QUERIES[n % len(QUERIES)]))
    return shelf


def holding_back(project: Project, sha256: str) -> Project:
    """The project with a network that takes this picture for explicit."""
    finding = {"sha256": sha256, "detector": EXPLICIT, "version": 1, "score": 0.9, "proposes": UNUSABLE,
               "evidence": "may be explicit (90%)"}  # fmt: skip
    with project.catalog.write() as connection:
        insert_new(connection, findings, [finding])
    safety = project.settings.safety.model_copy(update={"nsfw": "opennsfw"})
    return Project(project.settings.model_copy(update={"safety": safety}), project.catalog, project.blobs)


def asking(project: Project, url: str, name: str, budget: int = 12, **review: Any) -> Project:
    """The project with its questions going to `url`, in Label Studio projects of its own."""
    settings = project.settings
    changes = {
        "review": settings.review.model_copy(update={"label_studio_url": url, "budget": budget, **review}),
        "project": settings.project.model_copy(update={"name": name}),
    }
    return Project(settings.model_copy(update=changes), project.catalog, project.blobs)
