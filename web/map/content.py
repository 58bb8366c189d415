"""What the map shows of each picture, column by column: 20,000 pictures are one small file."""

import base64
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Connection, func, select

from dataset.catalog.claims import standing
from dataset.catalog.tables import clusters, features, positions, queue, splits
from dataset.labels import label_ledger
from dataset.labels.decisions import Answer
from dataset.labels.vocabulary import EXCLUDED, UNSURE, UNUSABLE
from dataset.layout.keep import recipe_of
from dataset.project import Project
from networks.backbone import backbone

GRID = 65_535  # steps of a coordinate, from -1 to 1
ERROR_STEPS = 200  # of an error probability, from 0 to 1
NOT_QUEUED = 255  # in place of an error probability
MOST_COPIES = 255
NOT_ANSWERED, ONE_ANSWER, AGREE, DISAGREE, CONFIRMED = range(5)
AGREEMENTS = ("nobody answered", "one answer", "answers agree", "answers disagree", "confirmed on a wall only")
NO_SPLIT = "no split yet"


@dataclass(frozen=True)
class Codes:
    """Numbers of a few texts, for a column. names: the texts, by number."""

    names: Sequence[str]
    numbers: Sequence[int]

    @classmethod
    def of(cls, texts: Sequence[str], first: Iterable[str] = ()) -> "Codes":
        """first: texts that come first, where they occur; the others follow, the most frequent before the rest."""
        counts = Counter(texts)
        early = [name for name in first if name in counts]
        late = sorted((name for name in counts if name not in early), key=lambda name: (-counts[name], name))
        names = [*early, *late]
        number = {name: i for i, name in enumerate(names)}
        return cls(names, [number[text] for text in texts])


def map_content(project: Project, *, with_answers: bool) -> bytes:
    """The map as JSON. Columns are base64: `sha256` of 32 bytes each; `x` and `y` of two bytes, little-endian;
    `label`, `split`, `agreement`, `error`, `copies`, `out` of one byte; `source` of two.

    Texts that the columns count are lists of the same name. with_answers: with the column `agreement`.
    """
    labels = project.settings.project.labels
    with project.catalog.read() as connection:
        recipe = recipe_of(backbone(project.settings.network).name)
        rows = connection.execute(
            select(positions.c.sha256, positions.c.x, positions.c.y)
            .where(positions.c.recipe == recipe)
            .order_by(positions.c.sha256)
        ).all()
        names = [row.sha256 for row in rows]
        cluster = _Clusters(connection)
        decided = label_ledger.latest(connection)
        split_of = dict(connection.execute(select(splits.c.sha256, splits.c.split)).all())
        error_of = dict(connection.execute(select(queue.c.sha256, queue.c.error_probability)).all())
        sources = _sources(connection)
        answers = label_ledger.newest_answers(connection, cluster.of) if with_answers else {}
        measured = connection.execute(select(func.count(features.c.sha256.distinct()))).scalar_one()
    label = Codes.of(
        [decided[name].label if name in decided else "" for name in names], [*labels, UNUSABLE, UNSURE, EXCLUDED]
    )
    source = Codes.of([sources.get(name, "") for name in names])
    split = Codes.of([split_of.get(name, NO_SPLIT) for name in names], ["train", "validation", "test"])
    errors = [error_of.get(cluster.representative_of(name)) for name in names]
    is_out = [name in decided and decided[name].label not in labels for name in names]
    columns = {
        "sha256": base64.b64encode(bytes.fromhex("".join(names))).decode(),
        "x": _column([_step(row.x) for row in rows], "<u2"),
        "y": _column([_step(row.y) for row in rows], "<u2"),
        "label": _column(label.numbers, "u1"),
        "source": _column(source.numbers, "<u2"),
        "split": _column(split.numbers, "u1"),
        "error": _column([NOT_QUEUED if e is None else round(e * ERROR_STEPS) for e in errors], "u1"),
        "copies": _column([min(MOST_COPIES, cluster.size_of(name)) for name in names], "u1"),
        "out": _column(is_out, "u1"),
    }
    texts: dict[str, Any] = {"label": label.names, "source": source.names, "split": split.names}
    if with_answers:
        agreement = [agreement_of(answers.get(cluster.of.get(name, name), ())) for name in names]
        columns["agreement"] = _column(agreement, "u1")
        texts["agreement"] = AGREEMENTS
    return orjson.dumps({"count": len(names), "measured": measured, "texts": texts, "columns": columns})


def agreement_of(answers: Sequence[Answer]) -> int:
    """Whether the reviewers who answered about one cluster agree: a place in AGREEMENTS."""
    single = [answer.answer for answer in answers if not answer.is_confirmed]
    if len({answer.answer for answer in answers}) > 1:
        return DISAGREE
    if len(single) > 1:
        return AGREE
    return ONE_ANSWER if single else CONFIRMED if answers else NOT_ANSWERED


class _Clusters:
    """of: the cluster of each image."""

    def __init__(self, connection: Connection) -> None:
        rows = connection.execute(select(clusters.c.sha256, clusters.c.cluster, clusters.c.representative)).all()
        self.of: Mapping[str, str] = {row.sha256: row.cluster for row in rows}
        self._representative = {row.sha256: row.representative for row in rows}
        self._sizes = Counter(self.of.values())

    def representative_of(self, sha256: str) -> str:
        return str(self._representative.get(sha256, sha256))

    def size_of(self, sha256: str) -> int:
        return self._sizes[self.of[sha256]] if sha256 in self.of else 1


def _sources(connection: Connection) -> dict[str, str]:
    """The source of each image; of several, the first in the alphabet."""
    found: dict[str, str] = {}
    for sha256, source in connection.execute(select(standing.c.sha256, standing.c.source)).all():
        found[sha256] = min(source, found.get(sha256, source))
    return found


def _step(coordinate: float) -> int:
    return round((min(1.0, max(-1.0, coordinate)) + 1) / 2 * GRID)


def _column(numbers: Sequence[int], kind: str) -> str:
    return base64.b64encode(np.array(numbers, dtype=kind).tobytes()).decode()
