"""Real servers for tests: a small internet, Label Studio, Prefect. Each is started when first asked for."""

import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import absl.logging
import pytest
from filelock import FileLock
from projects import SMALL_SHARDS, copied, draw_bakery, write_config
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from dataset.opening import open_project
from dataset.project import Project
from dataset.versions import published
from dataset.versions.published import Version
from foundation import environment as environment_
from foundation.network.ports import free_ports
from simulator.internet import IDIOMS, Internet
from simulator.photo_api import ACCESS_KEY
from simulator.servers import LabelStudioAccount, Service, prefect_environment, start_label_studio, start_prefect
from simulator.world import World, drawn_world

if TYPE_CHECKING:
    from simulator.hub.server import HubServer

# Tests that do not say otherwise read features of colour and texture: they take a tenth of the time. tests/networks,
# tests/test_readme.py, and whatever takes this variable away, use the network that users have.
os.environ["ISITCAKE_MODELS_NETWORK"] = "colour_texture"

# mlcroissant brings this handler. Whenever a server sets up logging, it closes the stream that was sys.stderr when it
# was made: pytest's own, after which every test of the process fails.
absl.logging.get_absl_handler().python_handler.setStream(sys.__stderr__)

# Started first, because they take longest: other workers run the rest in the meantime.
LONGEST_FILES = (
    "test_readme.py", "test_tutorial.py", "test_browser.py", "test_flows.py", "test_review.py", "test_compose.py",
    "test_kill.py", "test_finding.py", "test_collect.py", "test_kinds.py", "test_failures.py", "test_closed_browser.py",
    "test_makes.py", "test_wheel.py", "test_refit.py",
)  # fmt: skip
# Files that need one server share the worker that starts it.
SERVER_OF_FILE = {
    "test_review.py": "Label Studio", "test_team.py": "Label Studio", "test_data_label_studio.py": "Label Studio",
    "test_flows.py": "Prefect", "test_closed_door.py": "Prefect",
}  # fmt: skip

TRAINED_AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
Once = Callable[[str, Callable[[Path], None]], Path]

# Fixtures that start a server, a browser or a crawl, build a wheel, or draw and publish hundreds of pictures.
SLOW_FIXTURES = {
    "bakery_home", "browser", "checkout", "collected_home", "installed", "internet", "label_studio", "machines",
    "own_prefect", "postgresql", "prefect_server", "published_project", "s3", "served", "shared", "slow_site", "stack",
    "trained_home",
}  # fmt: skip
SLOW_PARAMETERS = {"bucket", "postgresql"}  # of fixtures that then ask for a slow one
# A test with a folder of its own crawls into it, or starts the command there, in these files and in all that import
# `crawled`.
SLOW_FILES = {
    "test_claims_change.py", "test_collect.py", "test_erased_variants.py", "test_flows.py", "test_kill.py",
    "test_ledger.py", "test_migrate.py", "test_new_user.py", "test_probe.py", "test_reports.py", "test_sole_run.py",
    "test_team.py",
}  # fmt: skip
SLOW_FOLDER = "faults"  # its tests collect and publish, as a user does


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow tests, and put the files that take longest first."""
    for item in items:
        if is_slow(item):
            item.add_marker("slow")
    rank = {name: number for number, name in enumerate(LONGEST_FILES)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


class SharedServers(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """The tests of a file go to one worker, and so do those of files that need one server."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return SERVER_OF_FILE.get(Path(file).name, file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SharedServers:
    return SharedServers(config, log)


def is_slow(item: pytest.Item) -> bool:
    """Whether a test needs a browser, a server, a crawl or a wheel."""
    fixtures = set(getattr(item, "fixturenames", ()))
    callspec = getattr(item, "callspec", None)
    values = [value for value in callspec.params.values() if isinstance(value, str)] if callspec else []
    crawls = item.path.name in SLOW_FILES or hasattr(getattr(item, "module", None), "crawled")
    if item.path.parent.name == SLOW_FOLDER or (crawls and "tmp_path" in fixtures):
        return True
    return bool(fixtures & SLOW_FIXTURES) or bool(SLOW_PARAMETERS & set(values))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches a test."""
    for name in ("ISITCAKE_CONFIG", "ISITCAKE_MODELS", "ISITCAKE_SECRET", "PREFECT_API_URL", "COLUMNS"):
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
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator["HubServer"]:
    """A Hugging Face Hub of our own, with the token of somebody who may write. Large files go by Git LFS."""
    from simulator.hub.api import WRITER
    from simulator.hub.server import HubServer

    server = HubServer()
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_TOKEN", WRITER)
    yield server
    server.stop()


@pytest.fixture
def project(config: Path) -> Iterator[Project]:
    opened = open_project(config)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Once:
    """Makes a folder of this name once for all workers: the first one that asks makes it, the others wait."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def made(name: str, make: Callable[[Path], None]) -> Path:
        folder = shared / f"{name}-once"
        with FileLock(shared / f"{name}.lock"):
            if not folder.exists():
                making = tmp_path_factory.mktemp(name) / "project"
                make(making)
                making.rename(folder)
        return folder

    return made


@pytest.fixture(scope="session")
def collected_home(world: World, once: Once) -> Path:
    """A library that was collected and curated once, to copy from."""
    from crawlers.collect import collect
    from dataset.curate import curate

    def make(folder: Path) -> None:
        net = Internet.start(world)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ISITCAKE_UNSPLASH_ACCESS_KEY", ACCESS_KEY)
            opened = open_project(write_config(net, folder))
            collect(opened).raise_for_failures()
            curate(opened)
            opened.close()
        net.stop()

    return once("collected", make)


@pytest.fixture(scope="session")
def published_home(collected_home: Path, once: Once) -> Path:
    """The same library with one version, to copy from."""
    from dataset.publish import publish

    def make(folder: Path) -> None:
        with copied(collected_home, folder) as project:
            publish(project)

    return once("published", make)


@pytest.fixture(scope="session")
def sharded_home(collected_home: Path, once: Once) -> Path:
    """The same library with one version in shards, to copy from."""
    from dataset.publish import publish

    def make(folder: Path) -> None:
        with copied(collected_home, folder, "shards") as project:
            publish(project, blocks=SMALL_SHARDS)

    return once("sharded", make)


@pytest.fixture
def layout() -> str:
    """How versions keep their pictures. A test for every layout has this name among its parameters."""
    return "folder"


@pytest.fixture
def collected(collected_home: Path, tmp_path: Path, layout: str) -> Iterator[Project]:
    """A project of its own whose library is collected and curated; its sources are gone."""
    with copied(collected_home, tmp_path / "collected", layout) as project:
        yield project


@pytest.fixture
def published_project(request: pytest.FixtureRequest, tmp_path: Path, layout: str) -> Iterator[Project]:
    """A project of its own with one version."""
    home = request.getfixturevalue("sharded_home" if layout == "shards" else "published_home")
    with copied(home, tmp_path / "published") as project:
        yield project


@pytest.fixture
def version(published_project: Project) -> Version:
    """The version of `published_project`."""
    newest = published.newest(published_project.home)
    assert newest is not None
    return newest


@pytest.fixture(scope="session")
def bakery_home(once: Once) -> Path:
    """A version large enough to tell models apart: seven bakers and five shelves, drawn, reviewed and published."""
    from crawlers.collect import collect
    from dataset.curate import curate
    from dataset.publish import publish
    from labeling.answer_files import import_answers

    def make(folder: Path) -> None:
        answers = draw_bakery(folder)
        project = open_project(folder / "isitcake.toml")
        collect(project).raise_for_failures()
        import_answers(project, answers)
        curate(project)
        publish(project)
        project.close()

    return once("bakery", make)


@pytest.fixture(scope="session")
def trained_home(bakery_home: Path, once: Once) -> Path:
    """The bakery's project with the models `linear` and `svm`; `svm` is the default model."""
    from training.train import train

    def make(folder: Path) -> None:
        with copied(bakery_home, folder) as project:
            train(project.settings, names=["linear", "svm"], now=TRAINED_AT)

    return once("trained", make)


@pytest.fixture
def bakery(bakery_home: Path, tmp_path: Path) -> Iterator[Project]:
    """A project of its own with that version."""
    with copied(bakery_home, tmp_path / "bakery") as project:
        yield project


@pytest.fixture
def trained(trained_home: Path, tmp_path: Path) -> Iterator[Project]:
    """A project of its own with those models."""
    with copied(trained_home, tmp_path / "trained") as project:
        yield project


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
    for name, value in prefect_environment(
        tmp_path / "prefect", f"{prefect_server.url}/api", prefect_server.auth
    ).items():
        monkeypatch.setenv(name, value)
    return prefect_server


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real photos and weights; tests that use them are skipped where they are not."""
    folder = environment_.shared_folder()
    if folder is None:
        pytest.skip("no real photos at hand (ISITCAKE_SHARED)")
    return folder
