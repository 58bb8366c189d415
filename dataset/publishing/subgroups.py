"""Subgroups of a version by site, source, size and look: how many images, how many reviewed, how far people agree."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from dataset.catalog.tables import clusters, features
from dataset.labels import label_ledger
from dataset.versions.manifest import Row

SIZES_PX = (300, 600, 1200)  # limits between the subgroups by size, of the longer side
LOOK_GROUPS = 8  # at most
IMAGES_PER_LOOK_GROUP = 25  # on average, at least
EXAMPLES = 6  # of each look
LOOK_SAMPLE = 2000  # pictures that the looks are fitted to; all 20,000 of a version took 10 s
Looks = tuple[Mapping[str, str], Mapping[str, list[str]]]  # name of the look by SHA-256, and examples by name
STARTS = 4  # of k-means; the best result is kept

_kept_looks: dict[str, tuple[Any, Looks]] = {}  # "last": what the looks were made from, and the looks


@dataclass(frozen=True)
class Subgroup:
    """kind: site, source, size or look. judged: images that a person answered. relabelled: images whose label is not
    the source label. expected_wrong: sum of the error probabilities. agreement: share, of the images answered by
    several people, on which all agree; None where there are no such images. examples: SHA-256s of typical images.
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


def subgroups(connection: Connection, rows: Sequence[Row], backbone: str) -> list[Subgroup]:
    """Subgroups kind by kind, the largest first. backbone: its features decide which pictures look alike."""
    agreed = _agreement(connection, rows)
    look_of, examples = _looks(connection, rows, backbone)
    names_by_kind: dict[str, Callable[[Row], list[str]]] = {
        "site": lambda row: [row.site],
        "source": lambda row: list(row.sources),
        "size": lambda row: [_size(max(row.width, row.height))],
        "look": lambda row: [look_of[row.sha256]] if row.sha256 in look_of else [],
    }
    result = []
    for kind, names in names_by_kind.items():
        groups: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            for name in names(row):
                groups[name].append(row)
        made = [_subgroup(kind, name, group, agreed, examples.get(name, ())) for name, group in groups.items()]
        result += sorted(made, key=lambda group: (-group.images, group.name))
    return result


def _subgroup(
    kind: str, name: str, rows: Sequence[Row], agreed: Mapping[str, bool], examples: Sequence[str]
) -> Subgroup:
    several = [agreed[row.sha256] for row in rows if row.sha256 in agreed]
    return Subgroup(
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
    """Whether all people agree, by SHA-256 of the images that several people answered."""
    answers_by_cluster = label_ledger.newest_answers(connection)
    cluster_of = {row.sha256: row.cluster for row in connection.execute(select(clusters))}
    agreed = {}
    for row in rows:
        answers = answers_by_cluster.get(cluster_of.get(row.sha256, ""), [])
        if len(answers) > 1:
            agreed[row.sha256] = len({answer.answer for answer in answers}) == 1
    return agreed


def _looks(connection: Connection, rows: Sequence[Row], backbone: str) -> Looks:
    """The looks of these pictures. They depend on pictures and features only: what was made last is kept."""
    is_ours = features.c.backbone == backbone
    count = connection.execute(select(func.count()).select_from(features).where(is_ours)).scalar_one()
    key = (backbone, count, tuple(row.sha256 for row in rows))
    if (kept := _kept_looks.get("last")) and kept[0] == key:
        return kept[1]
    stored = connection.execute(select(features).where(is_ours).order_by(features.c.sha256))
    wanted = {row.sha256 for row in rows}
    made = _grouped([row for row in stored if row.sha256 in wanted])
    _kept_looks["last"] = key, made
    return made


def _grouped(records: Sequence[Any]) -> Looks:
    """Group images by their features, with k-means. Returns the group's name by SHA-256, and examples by group.

    The groups are numbered by size: "look 1" is the largest. Both are empty where there are too few images.
    """
    k = min(LOOK_GROUPS, len(records) // IMAGES_PER_LOOK_GROUP)
    if k < 2:
        return {}, {}
    from sklearn.cluster import KMeans

    vectors = np.stack([np.frombuffer(record.vector, dtype=np.float16) for record in records]).astype(np.float32)
    vectors -= vectors.mean(axis=0)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    k = min(k, len({record.vector for record in records}))
    sample = np.random.default_rng(0).permutation(len(vectors))[:LOOK_SAMPLE]
    fitted = vectors if len(vectors) <= LOOK_SAMPLE else vectors[np.sort(sample)]
    model = KMeans(k, n_init=STARTS, random_state=0).fit(fitted)
    distances = model.transform(vectors)
    group_of = distances.argmin(axis=1)
    order = np.argsort(-np.bincount(group_of, minlength=k), kind="stable")
    names = {int(group): f"look {number}" for number, group in enumerate(order, 1)}
    look_of = {record.sha256: names[int(group)] for record, group in zip(records, group_of, strict=True)}
    examples = {}
    for group, name in names.items():
        members = np.flatnonzero(group_of == group)
        nearest = members[np.argsort(distances[members, group], kind="stable")][:EXAMPLES]
        examples[name] = [records[int(index)].sha256 for index in nearest]
    return look_of, examples


def _size(side_px: int) -> str:
    for limit in SIZES_PX:
        if side_px < limit:
            return f"under {limit} px"
    return f"{SIZES_PX[-1]} px and more"
