"""Real servers for tests: a small internet, Label Studio, Prefect. Each is started when first asked for."""

import contextlib
import json
import random
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from dataset.opening import open_project
from dataset.project import Project
from foundation import environment as environment_
from foundation.ports import free_ports
from simulator import drawings
from simulator.internet import IDIOMS, Internet
from simulator.photo_api import ACCESS_KEY
from simulator.servers import LabelStudioAccount, Service, prefect_environment, start_label_studio, start_prefect
from simulator.world import Shelf, World, drawn_world

Open = Callable[..., Project]

BAKERS, CAKES, BISCUITS = 7, 14, 7
SHELVES, THINGS = 5, 14


SLOWEST = (
    "test_readme.py",
    "test_compose.py",
    "test_review.py",
    "test_team.py",
    "test_kill.py",
)  # begun first: workers share the rest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: number for number, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches a test."""
    for name in ("ISITCAKE_CONFIG", "ISITCAKE_MODELS", "ISITCAKE_SECRET", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ISITCAKE_LABEL_STUDIO_API_KEY", LabelStudioAccount().token)
    monkeypatch.setenv("ISITCAKE_UNSPLASH_ACCESS_KEY", ACCESS_KEY)


@pytest.fixture(scope="session")
def world() -> World:
    """Six bakers, one in each platform's idiom, and three queries with two photos each."""
    whole = drawn_world(IDIOMS, cakes=4, per_query=2)
    return World(whole.bakers, {query: whole.photos[query] for query in ("cup", "dog", "cars")})


@pytest.fixture(scope="session")
def truth(world: World) -> dict[str, str]:
    return world.truth()


@pytest.fixture
def internet(world: World) -> Iterator[Internet]:
    net = Internet.start(world)
    yield net
    net.stop()


@pytest.fixture
def config(internet: Internet, tmp_path: Path) -> Path:
    """isitcake.toml of a project that collects the small internet."""
    return write_config(internet, tmp_path / "project")


@pytest.fixture
def project(config: Path) -> Iterator[Project]:
    opened = open_project(config)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def collected_home(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that was collected and curated once, to copy from."""
    from crawlers.collect import collect
    from dataset.curate import curate

    folder = tmp_path_factory.mktemp("collected")
    net = Internet.start(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISITCAKE_UNSPLASH_ACCESS_KEY", ACCESS_KEY)
        opened = open_project(write_config(net, folder))
        collect(opened).raise_for_failures()
        curate(opened)
        opened.close()
    net.stop()
    return folder


@pytest.fixture(scope="session")
def published_home(collected_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same library with one version, to copy from."""
    from dataset.publish import publish

    folder = tmp_path_factory.mktemp("published") / "project"
    with _copy(collected_home, folder) as project:
        publish(project)
    return folder


@pytest.fixture
def collected(collected_home: Path, tmp_path: Path) -> Iterator[Project]:
    """A project of its own whose library is collected and curated; its sources are gone."""
    with _copy(collected_home, tmp_path / "collected") as project:
        yield project


@pytest.fixture
def published_project(published_home: Path, tmp_path: Path) -> Iterator[Project]:
    """A project of its own with one version."""
    with _copy(published_home, tmp_path / "published") as project:
        yield project


@pytest.fixture(scope="session")
def bakery_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version large enough to tell models apart: seven bakers and five shelves, drawn, reviewed and published."""
    from crawlers.collect import collect
    from dataset.curate import curate
    from dataset.publish import publish
    from labeling.answer_files import import_answers

    folder = tmp_path_factory.mktemp("bakery")
    lines = ["[project]", 'contact = "https://example.org"']
    answers = ["sha256,label,reviewer"]
    for number in range(BAKERS + SHELVES):
        is_baker = number < BAKERS
        shelf = Shelf(random.Random(f"shelf {number}"))
        for n in range(CAKES if is_baker else 0):
            shelf.put(f"cake-{n}", "cake", drawings.cake)
        for n in range(BISCUITS if is_baker else 0):
            shelf.put(f"biscuit-{n}", "not_cake", drawings.biscuits)
        for n in range(0 if is_baker else THINGS):
            shelf.put(f"thing-{n}", "not_cake", partial(drawings.thing, query=("cup", "vase", "shoe", "cars")[n % 4]))
        name = f"baker-{number}" if is_baker else f"shelf-{number}"
        place = folder / "photos" / name
        place.mkdir(parents=True)
        for picture in shelf.pictures:
            (place / f"{picture.slug}.jpg").write_bytes(picture.content)
            answers.append(f"{picture.sha256},{picture.label},ann")
        label = "cake" if is_baker else "not_cake"
        lines += ["[[sources]]", f'name = "{name}"', 'kind = "folder"', f'label = "{label}"']
        lines.append(f"path = {json.dumps(f'photos/{name}')}")
    (folder / "isitcake.toml").write_text("\n".join(lines) + "\n")
    (folder / "answers.csv").write_text("\n".join(answers) + "\n")
    project = open_project(folder / "isitcake.toml")
    collect(project).raise_for_failures()
    import_answers(project, folder / "answers.csv")
    curate(project)
    publish(project)
    project.close()
    return folder


@pytest.fixture
def bakery(bakery_home: Path, tmp_path: Path) -> Iterator[Project]:
    """A project of its own with that version."""
    with _copy(bakery_home, tmp_path / "bakery") as project:
        yield project


@contextlib.contextmanager
def _copy(home: Path, folder: Path) -> Iterator[Project]:
    shutil.copytree(home, folder)
    opened = open_project(folder / "isitcake.toml")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A real Label Studio."""
    service = start_label_studio(tmp_path_factory.mktemp("label-studio"), free_ports(1)[0], LabelStudioAccount())
    try:
        service.wait("/health")
        yield service
    finally:
        service.stop()


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A real Prefect server."""
    service = start_prefect(tmp_path_factory.mktemp("prefect"), free_ports(1)[0])
    try:
        service.wait("/api/health")
        yield service
    finally:
        service.stop()


@pytest.fixture
def prefect(prefect_server: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Service:
    """The environment of a process that talks to the Prefect server."""
    for name, value in prefect_environment(tmp_path / "prefect", f"{prefect_server.url}/api").items():
        monkeypatch.setenv(name, value)
    return prefect_server


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real photos and weights; tests that use them are skipped where they are not."""
    folder = environment_.shared_folder()
    if folder is None:
        pytest.skip("no real photos at hand (ISITCAKE_SHARED)")
    return folder


def write_config(net: Internet, folder: Path, extra: str = "") -> Path:
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
