"""Sites of ten makes: every photo is collected, at its original size, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from crawlers.collect import collect
from dataset.catalog.tables import sightings
from dataset.opening import open_project
from simulator.makes import makes
from simulator.makes.make import Make
from simulator.server import Server

NAMES = ("plain", "bootstrap", "lightgallery", "photoswipe", "fancybox", "builder", "next", "vite", "hash", "frames")


@dataclass
class CrawledMakes:
    """makes: by name, as the others. stored: SHA-256 of the images."""

    makes: dict[str, Make]
    stored: dict[str, set[str]]
    servers: dict[str, Server]


@pytest.fixture(scope="module")
def crawled_makes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CrawledMakes]:
    by_name = {make.name: make for make in makes()}
    assert set(by_name) == set(NAMES)
    servers = {name: Server(make) for name, make in by_name.items()}
    hosts = ", ".join(f'"{server.address}"' for server in servers.values())
    lines = ["[project]", 'contact = "https://example.org/c"', "[crawl]", f"allow_private_hosts = [{hosts}]"]
    for name, server in servers.items():
        lines += ["[[sources]]", f'name = "{name}"', 'kind = "site"', 'label = "cake"']
        lines += [f'start_urls = ["{server.url}/"]']
    folder = tmp_path_factory.mktemp("makes")
    (folder / "isitcake.toml").write_text("\n".join(lines))
    project = open_project(folder / "isitcake.toml")
    assert not collect(project).failed
    stored: dict[str, set[str]] = {}
    with project.catalog.read() as connection:
        for row in connection.execute(select(sightings.c.source, sightings.c.sha256)):
            stored.setdefault(row.source, set()).add(row.sha256)
    project.close()
    yield CrawledMakes(by_name, stored, servers)
    for server in servers.values():
        server.stop()


@pytest.mark.slow
@pytest.mark.long  # the first one crawls all; `.ci/run` has the kinds of sites
@pytest.mark.parametrize("name", NAMES)
def test_every_photo_of_a_make_is_found_and_nothing_else(name: str, crawled_makes: CrawledMakes) -> None:
    """Judged by the server: the stored bytes are those of the photos, and each was sent once."""
    assert crawled_makes.stored.get(name, set()) == crawled_makes.makes[name].wanted
    sent = [hit.path for hit in crawled_makes.servers[name].log if hit.status == 200 and hit.is_image]
    assert len(sent) == len(set(sent))
