"""A project with many images, as rows of a catalog and one version, and how long its pages take."""

import itertools
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
import requests
from large_library import fill_library
from sqlalchemy import insert
from table import table

from dataset.catalog.tables import (
    clusters,
    decisions,
    features,
    images,
    judgements,
    outcomes,
    positions,
    queue,
    runs,
    sightings,
    splits,
)  # fmt: skip
from dataset.layout.keep import recipe_of
from dataset.opening import open_project
from dataset.project import Project
from networks.backbone import backbone
from simulator.web_service import start_serving, until

REPEATS = 3
CHANGES = 5
PATIENCE_S = 60
MAP = ("/map", "/map/content.json")
SLOW = ("/report", "/models/2026.11.0")
visitors = itertools.count()
OLD = 'class="old"'  # of a page that was made before the last change
FOLDER = "folder:source-1"
DIMENSIONS = 1280  # of the features
ANSWERED = 0.1  # share of the images


@dataclass(frozen=True)
class PageTimes:
    """Milliseconds. page: median of all pages, asked for again. worst: first request after an answer. map: the map with
    its content, asked for again.
    """

    page: float
    worst: float
    map: float


def time_pages(folder: Path, count: int) -> PageTimes:
    """Milliseconds of a page, from a real service: the median, the worst first request after an answer, and the map.

    After each change all pages are asked for at once, one after the other, while the service makes the report anew.
    """
    project = made_up(folder, count)
    names = [_name(number) for number in range(count)]
    fill_library(project, names)
    pages = [
        "/", "/review", "/search", "/search?words=cup", "/report", "/versions", "/versions/2026.11.0",
        "/diffs/2026.10.0/2026.11.0", "/models", "/models/2026.11.0", "/probes", f"/why/{names[7]}",
        "/sources/source-1", *MAP,
    ]  # fmt: skip
    first: dict[str, list[float]] = {page: [] for page in pages}
    again: dict[str, list[float]] = {page: [] for page in pages}
    # Each request comes from another visitor, so that no limit is reached.
    serving = start_serving(folder, 'trusted_proxies = ["127.0.0.1"]\npublic_pages = true')
    try:
        session = requests.Session()
        assert session.post(f"{serving.url}/review/begin", json={"name": "ann"}, timeout=PATIENCE_S).ok
        for change in range(CHANGES):
            until(
                lambda: not any(OLD in _text(session, serving.url + page) for page in ("/report", "/models/2026.11.0"))
            )
            for page in pages if not change else ():
                _text(session, serving.url + page)  # nobody has asked for it yet
            _answer(project, names[count // 2 + change])
            for times in (first, *(again for _ in range(REPEATS))):
                for page in pages:
                    times[page].append(_timed(session, serving.url + page))
        began = time.perf_counter()
        assert session.post(f"{serving.url}/review/walls", json={"most": 100}, timeout=PATIENCE_S).json()["wall"]
        wall_ms = 1000 * (time.perf_counter() - began)
    finally:
        serving.process.terminate()
        serving.process.wait(PATIENCE_S)
        project.close()
    rows = [(p[:28], statistics.median(first[p]), max(first[p]), statistics.median(again[p])) for p in pages]
    head = ["page", "first after an answer", "worst of these", "again"]
    table(f"pages of a project with {count:,} images, ms; a new wall of 100: {wall_ms:.0f} ms", head, rows)
    median = statistics.median([ms for page, times in again.items() if page not in MAP for ms in times])
    worst = max(row[2] for row in rows if row[0] not in MAP)
    return PageTimes(median, worst, sum(statistics.median(again[page]) for page in MAP))


def _timed(session: requests.Session, address: str) -> float:
    began = time.perf_counter()
    _text(session, address)
    return 1000 * (time.perf_counter() - began)


def _text(session: requests.Session, address: str) -> str:
    number = next(visitors)
    headers = {"Accept": "text/html", "X-Forwarded-For": f"198.18.{number // 250 % 250}.{number % 250 + 1}"}
    answer = session.get(address, headers=headers, timeout=PATIENCE_S)
    assert answer.status_code == 200, (address, answer.status_code, answer.text[:200])
    return answer.text


def _answer(project: Project, sha256: str) -> None:
    """Somebody answers about a picture, and its label changes."""
    now = datetime.now(UTC)
    answer = {"sha256": sha256, "reviewer": "bob", "answer": "not_cake", "answered_at": now, "origin": "import"}
    decision = {"sha256": sha256, "label": "not_cake", "origin": "human", "reason": "1 of 1", "decided_at": now}
    with project.catalog.write() as connection:
        connection.execute(insert(judgements), [{**answer, "external_id": f"bob {sha256}", "recorded_at": now}])
        connection.execute(insert(decisions), [decision])


def _name(number: int) -> str:
    return sha256(f"large {number}".encode()).hexdigest()


def made_up(folder: Path, count: int) -> Project:
    """A project with `count` images in its catalog: a tenth answered, the others in the queue."""
    (folder / "photos").mkdir(parents=True)
    lines = ["[project]", 'name = "large"', 'labels = ["cake", "not_cake"]']
    lines += ["[[sources]]", 'name = "source-1"', 'kind = "folder"', 'path = "photos"', 'label = "cake"']
    (folder / "isitcake.toml").write_text("\n".join(lines) + "\n")
    project = open_project(folder / "isitcake.toml")
    names = [_name(number) for number in range(count)]
    now = datetime(2026, 11, 24, tzinfo=UTC)
    rng = np.random.default_rng(5)
    net = backbone(project.settings.network).name
    answered, waiting = names[: int(ANSWERED * count)], names[int(ANSWERED * count) :]
    rows = {
        runs: [{"source": "source-1", "status": "done", "started_at": now, "finished_at": now, "candidates": count}],
        outcomes: [
            {"run_id": 1, "source": "source-1", "image_url": f"{FOLDER}/{n}.jpg", "page_url": "",
             "outcome": "stored", "reason": "", "sha256": n, "at": now} for n in names],
        images: [
            {"sha256": n, "format": "JPEG", "width": 800, "height": 600, "size_bytes": 9000, "has_alpha": 0,
             "first_seen": now} for n in names],
        clusters: [{"sha256": n, "cluster": n, "representative": n} for n in names],
        sightings: [
            {"sha256": n, "source": "source-1", "site": "photos", "source_label": "cake",
             "image_url": f"{FOLDER}/{n}.jpg", "page_url": "", "seen_at": now} for n in names],
        features: [
            {"sha256": n, "backbone": net, "vector": rng.normal(size=DIMENSIONS).astype(np.float16).tobytes()}
            for n in names],
        positions: [
            {"sha256": n, "recipe": recipe_of(net), "x": float(x), "y": float(y), "laid_out": 1}
            for n, (x, y) in zip(names, rng.uniform(-1, 1, (count, 2)), strict=True)],
        splits: [{"sha256": n, "split": "train", "assigned_at": now} for n in names],
        decisions: [
            {"sha256": n, "label": "cake", "origin": "source", "reason": "every source says so", "decided_at": now}
            for n in names],
        judgements: [
            {"sha256": n, "reviewer": f"reviewer-{i % 3}", "answer": "cake", "answered_at": now, "origin": "import",
             "external_id": n, "recorded_at": now, "why": ""} for i, n in enumerate(answered)],
        queue: [
            {"sha256": n, "priority": 1 - i / count, "suggested_label": "cake", "error_probability": 0.2,
             "reasons": ["out_of_fold: odd"], "calibrated_by": "answers"} for i, n in enumerate(waiting)],
    }  # fmt: skip
    with project.catalog.write() as connection:
        for one, content in rows.items():
            connection.execute(insert(one), content)
    return project
