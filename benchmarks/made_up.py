"""Made-up projects for benchmarks: images with small pictures, as if they were collected, compared and normalised."""

import functools
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dataset.catalog.tables import clusters, consents, decisions, digests, fingerprints, images, sightings
from dataset.catalog.writes import append
from dataset.opening import open_project
from dataset.pictures.decoding import DERIVED_RECIPE, encode_jpeg
from dataset.project import Project
from dataset.versions import published
from foundation.settings_file import load

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def project_in(folder: Path, layout: str = "") -> Project:
    folder.mkdir(parents=True)
    config = folder / "isitcake.toml"
    publishing = f'[publish]\nlayout = "{layout}"\n'
    config.write_text(f'[project]\nname = "bench"\ncontact = "https://example.org"\n{publishing}')
    return open_project(load(config, {}))


def add(project: Project, numbers: range, now: datetime, picture: Callable[[int], bytes] | None = None) -> list[str]:
    """Add images as if they were collected, fingerprinted and normalised. Returns their SHA-256s.

    The original is the normalised picture. picture: the JPEG of a number; by default `large`.
    """
    picture = picture or large
    filled = (images, digests, fingerprints, clusters, sightings, decisions, consents)
    tables: dict[Any, list[dict[str, Any]]] = {t: [] for t in filled}
    names = []
    for n in numbers:
        content = picture(n)
        name = hashlib.sha256(content).hexdigest()
        names.append(name)
        path = project.normalised.path(name)
        blob = project.blobs.path(name, "JPEG")
        for file in (path, blob):
            file.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        blob.hardlink_to(path)
        label = ("cake", "not_cake")[n % 2]
        noise = np.random.default_rng(n).integers(0, 2**63, 5, dtype=np.uint64)
        tables[images].append({"sha256": name, "format": "JPEG", "width": 320, "height": 240, "has_alpha": 0,
                               "size_bytes": len(content), "first_seen": now})  # fmt: skip
        tables[digests].append({"sha256": name, "recipe": DERIVED_RECIPE, "size_bytes": path.stat().st_size,
                                "digest": published.file_digest(path)})  # fmt: skip
        tables[fingerprints].append(
            {"sha256": name, "recipe": "bench", "phash": f"{noise[0]:016x}", "dhash": f"{noise[0]:016x}",
             "phash16": "".join(f"{w:016x}" for w in noise[1:]), "mirrored": f"{noise[0]:016x}", "views": b"",
             "detail": 50.0, "measures": {"edges": 1.0}})  # fmt: skip
        tables[clusters].append({"sha256": name, "cluster": name, "representative": name})
        tables[sightings].append(
            {"sha256": name, "source": f"s{n % 14}", "site": f"site{n % 14}.example", "source_label": label,
             "page_url": "https://x.example/", "image_url": f"https://x.example/{n}.jpg", "seen_at": now})  # fmt: skip
        tables[consents].append({"sha256": name, "image_url": f"https://x.example/{n}.jpg", "checked_at": now,
                                 "objection": "", "usage_preference": ""})  # fmt: skip
        tables[decisions].append({"sha256": name, "label": label, "origin": "source",
                                  "reason": "every source says so", "decided_at": now})  # fmt: skip
    with project.catalog.write() as connection:
        for which, rows in tables.items():
            append(connection, which, rows)
    return names


_GRAIN = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8) // 6


@functools.lru_cache(1)
def _encoded(seed: int, width: int, height: int) -> bytes:
    """A JPEG with soft blobs of its own, so that no two are copies of each other; 20 KB where it has 320 × 240."""
    blobs = Image.fromarray(np.random.default_rng(seed).integers(0, 255, (30, 40, 3), dtype=np.uint8))
    soft = np.asarray(blobs.resize((width, height), Image.Resampling.BICUBIC))
    return encode_jpeg(Image.fromarray((soft // 2 + _GRAIN[:height, :width]).astype(np.uint8)), quality=80)


def large(n: int) -> bytes:
    """20 KB."""
    return _commented(n, _encoded(n, 320, 240))


def small(n: int) -> bytes:
    """2 KB."""
    return _commented(n, _encoded(n, 64, 48))


def one_of_a_thousand(n: int) -> bytes:
    """1 KB. A thousand differ by their comment only: a million pictures are too many to draw."""
    return _commented(n, _encoded(n // 1000, 16, 12))


def _commented(n: int, encoded: bytes) -> bytes:
    note = f"{n:012d}".encode()
    return encoded[:2] + b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note + encoded[2:]
