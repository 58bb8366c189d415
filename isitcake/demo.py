"""The demo: run the whole loop on this machine, against a small internet with known truth."""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
from rich.text import Text
from sqlalchemy import func, select

from dataset.catalog.tables import clusters, outcomes, sightings
from dataset.labels import label_ledger
from dataset.opening import open_project
from dataset.project import Project
from dataset.versions import published, today
from foundation.environment import put_in_environment, shared_folder
from foundation.errors import ConfigError, StageError
from foundation.network.ports import free_ports, is_taken
from foundation.settings import CONFIG_NAME, WEIGHTS_NAME
from foundation.settings_file import load
from isitcake.output import Grid, err, note, out, print_grid
from labeling import push, queue
from simulator.internet import IDIOMS, Internet
from simulator.photo_api import ACCESS_KEY
from simulator.reviewers import Reviewers
from simulator.servers import LabelStudioAccount, prefect_auth, prefect_environment, start_label_studio, start_prefect
from simulator.world import World, drawn_world, photo_world
from training import models
from training.comparison import Standing, standings

BUDGETS = {"drawn": 100, "photos": 200}
PER_QUERY = {"drawn": 4, "photos": 30}
WATCH_EVERY_S = 1.0


@dataclass(frozen=True)
class Ports:
    """Ports of all servers. They are kept between runs, because the catalog knows images by their addresses."""

    sites: int
    prefect: int
    label_studio: int
    web: int


def run_demo(folder: Path, photos: Path | None, once: bool) -> None:
    """Run the loop and print its results. Raises ConfigError if the folder of photos has no truth."""
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
        with _step("Starting Prefect and Label Studio"), ThreadPoolExecutor(2) as pool:
            prefect = start_prefect(home / "prefect", ports.prefect)
            stack.callback(prefect.stop)
            studio = start_label_studio(home / "label-studio", ports.label_studio, account)
            stack.callback(studio.stop)
            for waiting in (pool.submit(prefect.wait, "/api/health"), pool.submit(studio.wait, "/health")):
                waiting.result()
        from isitcake.serving import start_web

        settings = load(config)
        web = start_web(settings, "127.0.0.1", ports.web)
        stack.callback(lambda: setattr(web, "should_exit", True))
        project = open_project(settings)
        stack.callback(project.close)
        _loop(project, config, studio.url, account, world)
        _print_summary(project, world, time.monotonic() - started, kind)
        _addresses(project, ports, account, once)
        if not once:
            _until_interrupted()


def _loop(project: Project, config: Path, studio_url: str, account: LabelStudioAccount, world: World) -> None:
    """Publish and train on the labels that sources claim; let reviewers answer; publish and train again."""
    from flows import loop
    from flows.deployments import run

    with _step("Collecting from bakers and the photo API, curating, sending questions", lambda: _collected(project)):
        run(loop.collect, config)
    if published.newest(project.home) is None:
        with _step("Publishing and training on the labels that sources claim, for comparison"):
            version = run(loop.publish, config)
            run(loop.train, config, version)
    answered = [0, 0]

    def count(done: int, total: int) -> None:
        answered[:] = [done, total]

    with _step("Reviewers answer in Label Studio", lambda: f"{answered[0]} of {answered[1]} answers"):
        people = Reviewers(studio_url, account.token, world.truth())
        for url in push.push(project, another_round=False).project_urls:
            before = answered[0]
            people.answer_all(int(url.rpartition("/")[2]), lambda done, total, b=before: count(b + done, b + total))  # type: ignore[misc]
        people.close()
        run(loop.review_pull, config)
    with _step("Publishing and training on the reviewed labels"):
        version = run(loop.publish, config)
        run(loop.train, config, version)


COMPARED = "balanced"  # the model that is trained before and after review


def _print_summary(project: Project, world: World, seconds: float, kind: str) -> None:
    """Print the results of the loop, compared with the truth: labels, then models, then what review changed."""
    listed = published.listing(project.home)
    first, last = listed[0], listed[-1]
    truth = world.truth()
    out().print()
    print_grid(Grid(["", "count"], _label_rows(project)))
    out().print()
    with _step("Testing the models from before and after review on the same pictures"):
        before, after = _standings(project, first, last)
    print_grid(Grid(["on the same pictures, with reviewed labels", "before", "after"], _model_rows(before, after)))
    labels = [f"{_agreement(version, truth):.1%} of {version.images}" for version in (first, last)]
    out().print(Text(f"\n{_verdict(before, after, labels, models.default_model_id(project.home))}"))
    out().print(Text(f"\nThe loop took {seconds:.0f} s on {'real photos' if kind == 'photos' else 'drawn pictures'}."))


def _standings(project: Project, first: published.Version, last: published.Version) -> tuple[Standing, Standing]:
    """The compared model of both versions, on the common tests."""
    with project.catalog.read() as connection:
        now = today.today(connection, project.home)
    if now is None:
        raise StageError("nothing is published; the demo cannot compare models")
    pair = [models.find(project.home, f"{COMPARED}/{version.name}") for version in (first, last)]
    found = {one.model.version: one for one in standings(project.home, now, pair)}
    return found[first.name], found[last.name]


def _model_rows(before: Standing, after: Standing) -> list[tuple[str, str, str]]:
    """The headline, the recall of each group, and balanced accuracy on both tests."""
    sides = (before.measured, after.measured)
    title = f"mean recall over groups, {after.measured.images} pictures of {after.measured_on}"
    rows = [(title, [_number(m.headline) for m in sides])]
    rows.append(("  95 % interval", ["{:.3f} to {:.3f}".format(*(m.headline_interval or (0, 1))) for m in sides]))
    rows += [(f"  {name}", [_number(m.groups.get(name)) for m in sides]) for name in after.measured.groups]
    for split in ("test", "test_unseen_sites"):
        pair = [one.metrics[split].balanced_accuracy for one in (before, after)]
        rows.append((f"balanced accuracy, {split}", [_number(value) for value in pair]))
    return [(name, old, new) for name, (old, new) in rows]


def _verdict(before: Standing, after: Standing, labels: list[str], default_id: str) -> str:
    """What review changed, in three lines. labels: how many labels were right before and after."""
    old, new = before.headline or 0.0, after.headline or 0.0
    if default_id == after.model.id:
        default = f"{default_id} is the default model; it was trained on the reviewed labels"
    else:
        default = f"{default_id or 'No model'} is the default model, not the one trained on the reviewed labels"
    effect = "better" if new > old else "not better"
    return (
        f"What review changed\n  labels right: {labels[0]} before, {labels[1]} after\n"
        f"  model: {old:.3f} before, {new:.3f} after ({effect}), mean recall over groups of {after.measured_on}\n"
        f"  {default}."
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _label_rows(project: Project) -> list[tuple[str, str]]:
    """Rows about images and labels."""
    with project.catalog.read() as connection:
        images = connection.execute(select(func.count(sightings.c.sha256.distinct()))).scalar_one()
        different = connection.execute(select(func.count(clusters.c.cluster.distinct()))).scalar_one()
        claims = {
            row.sha256: row.source_label
            for row in connection.execute(select(sightings.c.sha256, sightings.c.source_label))
        }
        latest = label_ledger.latest(connection)
        excluded = len(label_ledger.excluded(connection))
    reviewed = {sha256: d for sha256, d in latest.items() if d.origin in ("human", "consensus")}
    wrong = sum(claims.get(sha256) != decision.label for sha256, decision in reviewed.items())
    return [
        ("images collected", str(images)),
        ("of these, duplicates of another", str(images - different)),
        ("answers of reviewers", str(queue.status(project).judgements)),
        ("labels they found wrong", str(wrong)),
        ("excluded automatically as probably unusable", str(excluded)),
    ]


def _agreement(version: published.Version, truth: dict[str, str]) -> float:
    """Share of a version's labels that are true, among images whose truth is certain."""
    known = [(row.label, truth[row.sha256]) for row in version.rows() if truth.get(row.sha256, "unsure") != "unsure"]
    return sum(label == true for label, true in known) / max(1, len(known))


def _addresses(project: Project, ports: Ports, account: LabelStudioAccount, once: bool) -> None:
    newest = published.names(project.home)[-1]
    out().print()
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
    weights = shared / "models" if shared and kind == "photos" else None
    content: dict[str, Any] = {
        "project": {"name": "is-it-cake", "subject": "cake", "contact": "https://example.org/crawler"},
        "crawl": {"allow_private_hosts": list(internet.addresses)},
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
    if weights and (weights / WEIGHTS_NAME).is_file():
        content["models"] = {"folder": str(weights)}
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


@contextmanager
def _step(what: str, watch: Callable[[], str] | None = None) -> Iterator[None]:
    """Print the name of a step, then its duration. watch: returns its progress in a few words."""
    began = time.monotonic()
    ended = threading.Event()
    if err().is_terminal:
        with err().status(what) as status:

            def follow() -> None:
                while not ended.wait(WATCH_EVERY_S):
                    status.update(f"{what}: {watch()}" if watch else what)

            thread = threading.Thread(target=follow, daemon=True)
            thread.start()
            try:
                yield
            finally:
                ended.set()
                thread.join()
    else:
        note(f"{what} …")
        yield
    detail = f" ({watch()})" if watch else ""
    note(f"✓ {what}{detail}, {time.monotonic() - began:.0f} s")


def _until_interrupted() -> None:
    note("\nThe servers keep running. Press Ctrl-C to stop them.")
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        stopped.wait()
    except KeyboardInterrupt:
        note("stopping the servers")
