"""The library of a made-up project with many images: findings, duplicates, two versions, three models."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import insert, update

from dataset.catalog.tables import clusters, findings, pairs, sightings
from dataset.project import Project
from dataset.versions import identity, manifest
from dataset.versions.changes import changes
from dataset.versions.facts import Shortcut
from dataset.versions.manifest import Row
from dataset.versions.published import LEAVES, Version
from training.metrics import measure

LABELS = ("cake", "not_cake")
SITES, ODD = 40, 0.2  # sites; share of images that are not cakes
DETECTORS = ("text", "blurred", "out_of_fold", "novelty")
DUPLICATES = 0.05  # share of the images
NOW = datetime(2026, 11, 24, tzinfo=UTC)
WORDS = (
    "red", "blue", "wedding", "birthday", "chocolate", "lemon", "tier", "bride", "ganache", "vase", "cup", "candle",
    "shoe", "logo", "banner", "flower",
)  # fmt: skip


def fill_library(project: Project, names: list[str]) -> None:
    """Add to a project whose catalog has the images `names` what its pages show."""
    rng = np.random.default_rng(7)
    _fill_catalog(project, names, rng)
    old, new = names[: len(names) * 9 // 10], names[len(names) // 20 :]
    first = _publish(project.home, "2026.10.0", None, [_row(i, name, relabelled=False) for i, name in enumerate(old)])
    rows = [_row(i, name, relabelled=True) for i, name in enumerate(new)]
    _publish(project.home, "2026.11.0", first, rows)
    for number, name in enumerate(("balanced", "svm", "linear")):
        _train(project.home, name, "2026.11.0", rows, 0.8 + 0.05 * number)
    (project.home / "models" / "champion.json").write_text(json.dumps({"model": "balanced/2026.11.0"}))


def _fill_catalog(project: Project, names: list[str], rng: np.random.Generator) -> None:
    suspected = [
        {"sha256": name, "detector": detector, "version": 1, "score": float(rng.random()), "proposes": "not_cake",
         "evidence": "text covers half of it"}
        for detector in DETECTORS for name in rng.choice(names, len(names) // 10, replace=False).tolist()
    ]  # fmt: skip
    n_twins = int(DUPLICATES * len(names))
    twins = [tuple(sorted(pair)) for pair in zip(names[:n_twins], names[-n_twins:], strict=True)]
    with project.catalog.write() as connection:
        connection.execute(insert(findings), suspected)
        joined = [{"a": a, "b": b, "by": "phash16", "distance": 3.0, "agreement": 0.9} for a, b in twins]
        connection.execute(insert(pairs), joined)
        for a, b in twins:
            connection.execute(update(clusters).where(clusters.c.sha256.in_((a, b))).values(cluster=a))
        for number, name in enumerate(names):
            place = f"https://site-{number % SITES}.example/{WORDS[number % 7]}"
            connection.execute(
                update(sightings).where(sightings.c.sha256 == name).values(
                    alt=" ".join(rng.choice(WORDS, 6)), page_url=f"{place}/", site=f"site-{number % SITES}.example",
                    image_url=f"{place}/{'-'.join(rng.choice(WORDS, 3))}-{number}.jpg",
                )
            )  # fmt: skip


def _row(number: int, name: str, *, relabelled: bool) -> Row:
    split = ("train", "train", "train", "validation", "test", "test_unseen_sites")[number % 6]
    label = LABELS[int(number % round(1 / ODD) == 0 and (relabelled or number % 2 == 0))]
    return Row(
        name, f"data/{split}/{label}/{name[:16]}.jpg", label, split, "cake", "source", ["source-1"],
        f"site-{number % SITES}.example", "", f"https://site.example/{number}.jpg", "", "", NOW, 800, 600, "JPEG",
        name[:16], name, 0, 0.1,
    )  # fmt: skip


def _publish(home: Path, name: str, parent: Version | None, rows: list[Row]) -> Version:
    folder = home / "versions" / name
    folder.mkdir(parents=True)
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        split = counts.setdefault(row.split, dict.fromkeys(LABELS, 0))
        split[row.label] += 1
    board = [Shortcut("width", 0.6, ""), Shortcut("border", 0.55, "")]
    version = Version(
        folder, name, "0" * 64, "0" * 32, parent.name if parent else None, NOW.isoformat(), list(LABELS), counts,
        "0" * 64, [], {"before": board, "after": board},
    )  # fmt: skip
    manifest.write(folder / manifest.FILE_NAME, rows)
    manifest.write_table(
        folder / identity.DIFF,
        changes(parent.path / manifest.FILE_NAME if parent else None, folder / manifest.FILE_NAME),
    )
    (folder / LEAVES).write_bytes(b"\0" * 32 * len(rows))
    (folder / "README.md").write_text("# A made-up version\n\n" + "A line of the card.\n" * 200)
    version.write("made up")
    return version


def _train(home: Path, name: str, version: str, rows: list[Row], skill: float) -> None:
    """A model that is right with probability `skill`."""
    rng = np.random.default_rng(len(name))
    folder = home / "models" / name / version
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"")
    is_right = rng.random(len(rows)) < skill
    predicted = [
        row.label if right else LABELS[1 - LABELS.index(row.label)] for row, right in zip(rows, is_right, strict=True)
    ]
    columns = {
        "sha256": [row.sha256 for row in rows], "split": [row.split for row in rows], "site": [r.site for r in rows],
        "source_label": [row.source_label for row in rows], "label": [row.label for row in rows],
        "predicted": predicted,
        **{f"p_{label}": [0.8 if one == label else 0.2 for one in predicted] for label in LABELS},
    }  # fmt: skip
    pq.write_table(pa.table(columns), folder / "predictions.parquet")
    metrics = {}
    for split in ("test", "test_unseen_sites"):
        chosen = [i for i, row in enumerate(rows) if row.split == split]
        metrics[split] = asdict(
            measure(
                [rows[i].label for i in chosen], [predicted[i] for i in chosen],
                sites=[rows[i].site for i in chosen], claims=[rows[i].source_label for i in chosen],
            )
        )  # fmt: skip
    content = {
        "name": name, "version": version, "what": "made up", "backbone": "none", "labels": list(LABELS),
        "trained_on": len(rows) // 2, "metrics": metrics, "slices": {}, "costs": {"latency_ms": 2.0, "size_mb": 1.0},
    }  # fmt: skip
    (folder / "metrics.json").write_text(json.dumps(content))
