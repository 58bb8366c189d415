"""Real photos with known truth (ISITCAKE_SHARED); skipped without them."""

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from projects import write_config
from sqlalchemy import select

from crawlers.collect import collect
from dataset.catalog.tables import clusters, images
from dataset.curate import curate
from dataset.opening import open_project
from dataset.project import Project
from simulator.internet import IDIOMS, Internet
from simulator.photo_api import ACCESS_KEY
from simulator.world import photo_world


@pytest.fixture(scope="module")
def crawled(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """All bakers' sites and objects, collected and curated once."""
    net = Internet.start(photo_world(shared / "photos", IDIOMS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISITCAKE_UNSPLASH_ACCESS_KEY", ACCESS_KEY)
        opened = open_project(write_config(net, tmp_path_factory.mktemp("photos")))
        collect(opened).raise_for_failures()
        curate(opened)
    net.stop()
    yield opened
    opened.close()


def test_every_usable_file_is_in_the_catalog(crawled: Project, shared: Path) -> None:
    """Every file of the bakers that decodes and whose shorter side is at least 200 px, by its SHA-256."""
    wanted = {}
    for path in sorted((shared / "photos" / "bakers").rglob("*")):
        try:
            with Image.open(path) as image:
                image.load()
                if min(image.size) >= 200:
                    wanted[hashlib.sha256(path.read_bytes()).hexdigest()] = path.name
        except (OSError, SyntaxError):
            continue
    with crawled.catalog.read() as connection:
        stored = set(connection.execute(select(images.c.sha256)).scalars())
    assert wanted
    assert sorted(name for sha256, name in wanted.items() if sha256 not in stored) == []


def test_every_known_duplicate_shares_a_cluster(crawled: Project, shared: Path) -> None:
    photos = shared / "photos" / "bakers"
    with crawled.catalog.read() as connection:
        cluster_of = dict(connection.execute(select(clusters.c.sha256, clusters.c.cluster)).all())
    with (shared / "photos" / "near_duplicates.csv").open(newline="") as file:
        pairs = [
            [hashlib.sha256((photos / row[f"site_{x}"] / row[f"file_{x}"]).read_bytes()).hexdigest() for x in "ab"]
            for row in csv.DictReader(file)
        ]
    known = [(a, b) for a, b in pairs if a in cluster_of and b in cluster_of]
    assert known
    assert [pair for pair in known if cluster_of[pair[0]] != cluster_of[pair[1]]] == []
