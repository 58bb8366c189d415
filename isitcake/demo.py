"""The demo: run the whole loop on this machine, against a small internet with known truth."""

import json
import sys
import threading
import time
from contextlib import ExitStack, nullcontext, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
from sqlalchemy import func, select

from dataset.catalog.tables import outcomes
from dataset.opening import open_project
from dataset.project import Project
from dataset.versions import published
from foundation.environment import put_in_environment, shared_folder
from foundation.errors import ConfigError, StageError
from foundation.network.ports import free_ports, is_taken
from foundation.settings import CONFIG_NAME, DETECTOR_NAME
from foundation.settings_file import load
from isitcake.demo_summary import print_summary
from isitcake.output import note, print_grid, say, show, step
from isitcake.tables import Grid
from labeling import push
from simulator.internet import IDIOMS, Internet
from simulator.photo_api import ACCESS_KEY
from simulator.reviewers import Reviewers
from simulator.servers import LabelStudioAccount, prefect_auth, prefect_environment, start_label_studio, start_prefect
from simulator.world import World, drawn_world, photo_world

BUDGETS = {"drawn": 100, "photos": 200}
PER_QUERY = {"drawn": 4, "photos": 30}


@dataclass(frozen=True)
class Ports:
    """Ports of all servers. They are kept between runs, because the catalog knows images by their addresses."""

    sites: int
    prefect: int
    label_studio: int
    web: int


def run_demo(folder: Path, photos: Path | None, once: bool, as_json: bool = False) -> None:
    """Run the loop and print its results, as tables or as JSON. Raises ConfigError if the folder of photos has no
    truth.
    """
    kind = "photos" if photos else "drawn"
    home = folder / kind
    home.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    try:
        world = photo_world(photos, IDIOMS) if photos else drawn_world(IDIOMS, per_query=PER_QUERY["drawn"])
    except (FileNotFoundError, KeyError) as error:
        raise ConfigError(
            f"{photos} is not a folder of photos with a truth file ({error}); it needs truth.csv, bakers/, objects.csv "
            "and objects/"
        ) from error
    ports = _ports(home, len(world.bakers) + 1)
    account = LabelStudioAccount()
    with ExitStack() as stack:
        internet = _internet(world, ports.sites)
        stack.callback(internet.stop)
        put_in_environment(
            ISITCAKE_LABEL_STUDIO_API_KEY=account.token,
            ISITCAKE_UNSPLASH_ACCESS_KEY=ACCESS_KEY,
            **prefect_environment(
                home / "prefect", f"http://127.0.0.1:{ports.prefect}/api", prefect_auth(home / "prefect")
            ),
        )
        config = _configure(home, kind, internet, ports)
        with step("Starting Prefect and Label Studio"):
            prefect = start_prefect(home / "prefect", ports.prefect)
            stack.callback(prefect.stop)
            studio = start_label_studio(home / "label-studio", ports.label_studio, account)
            stack.callback(studio.stop)
            prefect.wait("/api/health")
            studio.wait("/health")
        from isitcake.serving import start_web

        settings = load(config)
        web = start_web(settings, "127.0.0.1", ports.web)
        stack.callback(lambda: setattr(web, "should_exit", True))
        project = open_project(settings)
        stack.callback(project.close)
        _loop(project, config, studio.url, account, world)
        with redirect_stdout(sys.stderr) if as_json else nullcontext():  # stdout is for the script
            results = print_summary(project, world, time.monotonic() - started, kind)
            results["open"] = _addresses(project, ports, account, once)
        if as_json:
            show(results, True)
        if not once:
            _until_interrupted()


def _loop(project: Project, config: Path, studio_url: str, account: LabelStudioAccount, world: World) -> None:
    """Publish and train on the labels that sources claim; let reviewers answer; publish and train again."""
    from flows import loop
    from flows.deployments import run

    with step("Collecting from bakers and the photo API, curating, sending questions", lambda: _collected(project)):
        run(loop.collect, config)
    if published.newest(project.home) is None:
        with step("Publishing and training on the labels that sources claim, for comparison"):
            version = run(loop.publish, config)
            run(loop.train, config, version)
    answered = [0, 0]

    def count(done: int, total: int) -> None:
        answered[:] = [done, total]

    with step("Reviewers answer in Label Studio", lambda: f"{answered[0]} of {answered[1]} answers"):
        people = Reviewers(studio_url, account.token, world.truth())
        for url in push.push(project, another_round=False).project_urls:
            before = answered[0]
            people.answer_all(int(url.rpartition("/")[2]), lambda done, total, b=before: count(b + done, b + total))  # type: ignore[misc]
        people.close()
        run(loop.review_pull, config)
    with step("Publishing and training on the reviewed labels"):
        version = run(loop.publish, config)
        run(loop.train, config, version)


def _addresses(project: Project, ports: Ports, account: LabelStudioAccount, once: bool) -> dict[str, str]:
    """Print where the results are. Returns the same, by name."""
    newest = published.names(project.home)[-1]
    say()
    rows = [
        ("dataset", str(project.home / "versions" / newest)),
        ("report", str(project.home / "reports" / f"{newest}.html")),
    ]
    if (board := project.home / "reports" / f"leaderboard-{newest}.html").is_file():
        rows.append(("models side by side", str(board)))
    if not once:
        rows = [("PLAY: is it cake?", f"http://127.0.0.1:{ports.web}/play"), *rows]
        rows += [
            ("a game for a room", f"http://127.0.0.1:{ports.web}/show"),
            ("report, live", f"http://127.0.0.1:{ports.web}/"),
            ("Label Studio", f"http://127.0.0.1:{ports.label_studio}/  ({account.email}, {account.password})"),
            ("Prefect", f"http://127.0.0.1:{ports.prefect}/  ({prefect_auth(project.home.parent / 'prefect')})"),
        ]
    print_grid(Grid(["open", "at"], rows))
    return dict(rows)


def _collected(project: Project) -> str:
    with project.catalog.read() as connection:
        newest = select(func.max(outcomes.c.run_id)).group_by(outcomes.c.source)
        done = connection.execute(
            select(func.count()).select_from(outcomes).where(outcomes.c.run_id.in_(newest))
        ).scalar_one()
    return f"{done} candidates"


def _configure(home: Path, kind: str, internet: Internet, ports: Ports) -> Path:
    """Write isitcake.toml for the small internet. Returns its path."""
    shared = shared_folder()
    weights = home / "weights"  # for `isitcake models fetch`
    if shared and kind == "photos" and (shared / "models" / DETECTOR_NAME).is_file():
        weights = shared / "models"
    content: dict[str, Any] = {
        "project": {"name": "is-it-cake", "subject": "cake", "contact": "https://example.org/crawler"},
        "crawl": {"allow_private_hosts": list(internet.addresses)},
        "models": {"folder": str(weights)},
        "review": {
            "budget": BUDGETS[kind],
            "label_studio_url": f"http://127.0.0.1:{ports.label_studio}",
            "pictures_url": f"http://127.0.0.1:{ports.web}",
        },
        "sources": [
            {
                "name": name,
                "kind": "site",
                "label": "cake",
                "start_urls": [f"{server.url}/gallery"],
                "licence": "all rights reserved; research use",
            }
            for name, server in internet.sites.items()
        ],
    }
    content["sources"].append(
        {
            "name": "everyday-objects",
            "kind": "unsplash",
            "label": "not_cake",
            "queries": list(internet.world.photos),
            "per_query": PER_QUERY[kind],
            "permission": "the simulator needs none",
            "base_url": internet.photo_api.url,
            "licence": "Unsplash License",
        }
    )
    path = home / CONFIG_NAME
    path.write_text(tomli_w.dumps(content), encoding="utf-8")
    return path


def _ports(home: Path, sites: int) -> Ports:
    """The ports of the first run, or free ones. Sites have consecutive ports."""
    path = home / "ports.json"
    if path.is_file():
        return Ports(**json.loads(path.read_text()))
    prefect, studio, web = free_ports(3)
    for first in range(20100, 32000, 50):
        if not any(is_taken(port) for port in range(first, first + sites)):
            break
    ports = Ports(first, prefect, studio, web)
    path.write_text(json.dumps(ports.__dict__))
    return ports


def _internet(world: World, first_port: int) -> Internet:
    try:
        return Internet.start(world, first_port)
    except OSError as error:
        raise StageError(
            f"a port from {first_port} on is taken ({error.strerror}); stop the program there, or remove the folder "
            "of the demo to start again"
        ) from error


def _until_interrupted() -> None:
    note("\nThe servers keep running. Press Ctrl-C to stop them.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        note("stopping the servers")
