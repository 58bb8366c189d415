"""Push versions to a Hub of our own, and ask it what it keeps."""

import io
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import pyarrow.parquet as pq
from rows import Images, digest
from sqlalchemy import update

from dataset.catalog.tables import sightings
from dataset.exports.hub_copy import Wish
from dataset.exports.push import Pushed, push
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from dataset.versions.published import Version
from simulator.hub.repositories import Repository
from simulator.hub.server import HubServer

TARGET = "hf://ann/cakes"
PRIVATE = Wish(private=True)
CLOSED = "all rights reserved"


def send(project: Project, version: Version, wish: Wish = PRIVATE) -> Pushed:
    return push(project.home, version, TARGET, wish, lambda *_: None)


def repository(hub: HubServer) -> Repository:
    return hub.hub.repositories["dataset", "ann/cakes"]


def kept(hub: HubServer, labels: list[str], revision: str) -> Images:
    """What the Parquet files of a revision hold."""
    found: Images = Counter()
    for path in repository(hub).at(revision).files:
        if path.startswith("data/"):
            table = pq.read_table(io.BytesIO(repository(hub).content(revision, path)[1]))
            for row in table.to_pylist():
                split = Path(path).name.partition("-")[0]
                found[split, labels[row["label"]], digest(row["image"]["bytes"])] += 1
    return found


def changed(project: Project, closed: Collection[str] = ()) -> Version:
    """The next version: every licence is CC BY, but those of these images."""
    with project.catalog.write() as connection:
        connection.execute(update(sightings).values(licence="CC BY 4.0"))
        connection.execute(update(sightings).where(sightings.c.sha256.in_(closed)).values(licence=CLOSED))
    publish(project)
    newest = published.newest(project.home)
    assert newest is not None
    return newest


def held(hub: HubServer, picture: bytes) -> bool:
    """Whether anything that the Hub keeps has the bytes of a picture."""
    return any(picture in content for content in repository(hub).large.values())
