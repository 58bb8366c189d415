"""Where the images come from, how many people looked at, and how far they agree: by place, size and look."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from dataset.catalog.tables import clusters, features
from dataset.labels import label_ledger
from dataset.versions.manifest import Row

SIZES_PX = (300, 600, 1200)  # longer sides that part small from large
LOOKS = 8  # clusters of look, at most
LOOK_IMAGES = 25  # for one cluster of look, at least
ROUNDS = 20


@dataclass(frozen=True)
class Slice:
    """kind: site, source, size or look. judged: images that a person looked at. relabelled: of them, label changed.
    expected_wrong: among the others, as the calibrated probabilities have it. agreement: share of images answered
    by several people on which all agree; None where there are none.
    """

    kind: str
    name: str
    images: int
    labels: Mapping[str, int]
    judged: int
    relabelled: int
    expected_wrong: float
    agreement: float | None
    examples: tuple[str, ...] = ()


def slices(connection: Connection, rows: Sequence[Row], backbone: str) -> list[Slice]:
    """By kind, the largest first. backbone: whose features say which pictures look alike."""
    agreed = _agreement(connection, rows)
    look_of, nearest = _looks(connection, rows, backbone)
    of: dict[str, Callable[[Row], list[str]]] = {
        "site": lambda row: [row.site],
        "source": lambda row: list(row.sources),
        "size": lambda row: [_size(max(row.width, row.height))],
        "look": lambda row: [look_of[row.sha256]] if row.sha256 in look_of else [],
    }
    found = []
    for kind, names in of.items():
        groups: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            for name in names(row):
                groups[name].append(row)
        made = [_slice(kind, name, group, agreed, nearest.get(name, ())) for name, group in groups.items()]
        found += sorted(made, key=lambda one: (-one.images, one.name))
    return found


def _slice(kind: str, name: str, rows: Sequence[Row], agreed: Mapping[str, bool], examples: Sequence[str]) -> Slice:
    several = [agreed[row.sha256] for row in rows if row.sha256 in agreed]
    return Slice(
        kind,
        name,
        len(rows),
        dict(sorted(Counter(row.label for row in rows).items())),
        sum(row.judgements > 0 for row in rows),
        sum(row.label != row.source_label for row in rows),
        round(sum(row.error_probability for row in rows), 2),
        sum(several) / len(several) if several else None,
        tuple(examples),
    )


def _agreement(connection: Connection, rows: Sequence[Row]) -> dict[str, bool]:
    """Whether all agree, of images that several people answered."""
    answers = label_ledger.newest_answers(connection)
    cluster_of = {row.sha256: row.cluster for row in connection.execute(select(clusters))}
    found = {}
    for row in rows:
        given = answers.get(cluster_of.get(row.sha256, ""), [])
        if len(given) > 1:
            found[row.sha256] = len({answer.answer for answer in given}) == 1
    return found


def _looks(connection: Connection, rows: Sequence[Row], backbone: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Cluster of look by image, and the images nearest to each centre. Spherical k-means, always the same."""
    wanted = {row.sha256 for row in rows}
    found: list[Any] = [
        row
        for row in connection.execute(
            select(features).where(features.c.backbone == backbone).order_by(features.c.sha256)
        )
        if row.sha256 in wanted
    ]
    k = min(LOOKS, len(found) // LOOK_IMAGES)
    if k < 2:
        return {}, {}
    vectors = np.stack([np.frombuffer(row.vector, dtype=np.float16) for row in found]).astype(np.float32)
    vectors -= vectors.mean(axis=0)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    centres = _spread(vectors, k)
    for _ in range(ROUNDS):
        nearest = (vectors @ centres.T).argmax(axis=1)
        centres = np.stack(
            [vectors[nearest == c].mean(axis=0) if (nearest == c).any() else centres[c] for c in range(k)]
        )
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-9)
    likeness = vectors @ centres.T
    nearest = likeness.argmax(axis=1)
    order = np.argsort(-np.bincount(nearest, minlength=k), kind="stable")
    names = {int(centre): f"look {number}" for number, centre in enumerate(order, 1)}
    look_of = {row.sha256: names[int(c)] for row, c in zip(found, nearest, strict=True)}
    examples = {}
    for centre, name in names.items():
        there = np.flatnonzero(nearest == centre)
        best = there[np.argsort(-likeness[there, centre], kind="stable")][:6]
        examples[name] = [found[int(i)].sha256 for i in best]
    return look_of, examples


def _spread(vectors: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """(k, d) starting centres: each as far as can be from those before it."""
    chosen = [0]
    for _ in range(k - 1):
        chosen.append(int((vectors @ vectors[chosen].T).max(axis=1).argmin()))
    return np.asarray(vectors[chosen])


def _size(side_px: int) -> str:
    for limit in SIZES_PX:
        if side_px < limit:
            return f"under {limit} px"
    return f"{SIZES_PX[-1]} px and more"
