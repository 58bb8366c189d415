"""A project with many images, as rows of a catalog and one version, and how long its pages take."""

import statistics
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
from sqlalchemy import insert
from starlette.testclient import TestClient
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
from web.app import create_app

REPEATS = 5
FOLDER = "folder:source-1"
DIMENSIONS = 1280  # of the features
ANSWERED = 0.1  # share of the images


def time_pages(folder: Path, count: int) -> tuple[float, float]:
    """Milliseconds of a page (median of all), and of the map with its content. Prints the first time after a change,
    and the next ones.
    """
    project = made_up(folder, count)
    client = TestClient(create_app(project))
    assert client.post("/review/begin", json={"name": "ann"}).status_code == 200
    some = sha256(b"large 7").hexdigest()
    pages = ("/", "/review", "/versions", "/models", "/probes", f"/why/{some}", "/sources/source-1")
    rows, medians = [], []
    for page in pages:
        first, later = _timed(client, page), [_timed(client, page) for _ in range(REPEATS)]
        rows.append((page[:24], first, statistics.median(later)))
        medians.append(statistics.median(later))
    of_map = []
    for page in ("/map", "/map/content.json", f"/map/alike/{some}", f"/map/pictures/{some}"):
        first, later = _timed(client, page), [_timed(client, page) for _ in range(REPEATS)]
        rows.append((page[:24], first, statistics.median(later)))
        of_map.append(statistics.median(later))
    began = time.perf_counter()
    assert client.post("/review/walls", json={"most": 100}).json()["wall"]
    rows.append(("a new wall of 100", 1000 * (time.perf_counter() - began), None))
    table(
        f"pages of a project with {count:,} images, ms",
        ["page", "first", "again"],
        [[c if c is not None else "–" for c in row] for row in rows],
    )
    project.close()
    return statistics.median(medians), of_map[0] + of_map[1]


def _timed(client: TestClient, page: str) -> float:
    began = time.perf_counter()
    answer = client.get(page)
    assert answer.status_code == 200, (page, answer.status_code, answer.text[:200])
    return 1000 * (time.perf_counter() - began)


def made_up(folder: Path, count: int) -> Project:
    """A project with `count` images in its catalog: a tenth answered, the others in the queue."""
    (folder / "photos").mkdir(parents=True)
    lines = ["[project]", 'name = "large"', 'labels = ["cake", "not_cake"]']
    lines += ["[[sources]]", 'name = "source-1"', 'kind = "folder"', 'path = "photos"', 'label = "cake"']
    (folder / "isitcake.toml").write_text("\n".join(lines) + "\n")
    project = open_project(folder / "isitcake.toml")
    names = [sha256(f"large {n}".encode()).hexdigest() for n in range(count)]
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
