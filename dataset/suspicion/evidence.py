"""What triage reads from the catalog. It reads everything first, so that it decides without a lock on the catalog."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from more_itertools import chunked
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from dataset.catalog.claims import standing
from dataset.catalog.tables import features, fingerprints, images, pairs, seen
from dataset.duplicates.clusters import clusters
from dataset.labels import label_ledger
from dataset.labels.audit import not_reached, sampled_answers
from dataset.labels.players import Agreement, objections
from dataset.quarantine import is_whole
from dataset.suspicion.clustering import Clustering, cluster_names
from dataset.suspicion.vectors import StoredVectors, Vectors

LOSSLESS_FORMATS = ("PNG", "BMP", "TIFF")
MEASURES = ("alpha", "top_colours", "white", "edges", "light")  # of duplicates.fingerprints
WHOLE, REAL = 5, 3 + len(MEASURES)  # numbers of one image
READ_AT_ONCE = 1000  # rows
NAMES_PER_QUERY = 500


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where one image stands. words: file names and alt texts. pages: how many pages of one site show it.

    site_pages: how many pages that site has.
    """

    words: tuple[str, ...] = ()
    pages: int = 0
    site_pages: int = 0


NO_SURROUNDINGS = Surroundings()


@dataclass(frozen=True)
class Pictures:
    """The input of clustering: the measured images, in ascending order, and the pairs that show the same picture."""

    sha256: tuple[str, ...]
    pairs: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is measured of one image. measures: by MEASURES. objects: None without a detector. explicit: how probable it
    is that the picture is; 0 without a network.
    """

    width: int
    height: int
    size_bytes: int
    is_lossless: bool
    detail: float
    measures: Mapping[str, float]
    objects: Mapping[str, float] | None
    text_lines: int
    text_share: float
    explicit: float


class FactsOfImages:
    """The facts of n images, packed: as objects they would take ten times the memory."""

    def __init__(self) -> None:
        self._whole, self._real = array("q"), array("d")
        self._objects: list[bytes | None] = []

    def add(self, rows: Sequence[Any]) -> None:
        """rows: with columns of images, fingerprints and seen."""
        for row in rows:
            is_lossless = row.format in LOSSLESS_FORMATS
            self._whole.extend((row.width, row.height, row.size_bytes, is_lossless, row.text_lines))
            self._real.extend(
                (row.detail, row.text_share, row.explicit or 0.0, *(row.measures[name] for name in MEASURES))
            )
            self._objects.append(None if row.objects is None else orjson.dumps(row.objects))

    def __len__(self) -> int:
        return len(self._objects)

    def __getitem__(self, image: int) -> Facts:
        width, height, size_bytes, is_lossless, lines = self._whole[WHOLE * image : WHOLE * (image + 1)]
        detail, text_share, explicit, *measures = self._real[REAL * image : REAL * (image + 1)]
        packed = self._objects[image]
        objects = None if packed is None else orjson.loads(packed)
        by_name = dict(zip(MEASURES, measures, strict=True))
        return Facts(
            width, height, size_bytes, bool(is_lossless), detail, by_name, objects, lines, text_share, explicit
        )

    def __iter__(self) -> Iterator[Facts]:
        return (self[image] for image in range(len(self)))


@dataclass(frozen=True)
class Evidence:
    """Everything that triage decides from.

    pictures: what this was read for. images, vectors: facts and features of each image. surroundings: by SHA-256.
    objections: of players, by name of the cluster. sampled: names of the answered clusters of the audit sample.
    not_reached: of labels.audit.
    """

    pictures: Pictures
    images: FactsOfImages
    vectors: Vectors
    clustering: Clustering
    surroundings: Mapping[str, Surroundings]
    objections: Mapping[str, Agreement]
    sampled: frozenset[str] = frozenset()
    not_reached: frozenset[str] = frozenset()


class _Quality(Sequence[tuple[int, float, bool, int, str]]):
    """By image: the one with most pixels represents a cluster; then the sharpest, a lossless one, the largest file."""

    def __init__(self, sha256: Sequence[str], facts: FactsOfImages) -> None:
        self._sha256, self._facts = sha256, facts

    def __len__(self) -> int:
        return len(self._sha256)

    def __getitem__(self, image: Any) -> Any:
        of = self._facts[image]
        return of.width * of.height, of.measures["edges"], of.is_lossless, of.size_bytes, self._sha256[image]


def quality_of(row: Row[Any]) -> tuple[int, float, bool, int, str]:
    """The same of a row with columns of images and fingerprints."""
    is_lossless = row.format in LOSSLESS_FORMATS
    return row.width * row.height, row.measures["edges"], is_lossless, row.size_bytes, row.sha256


def read_evidence(connection: Connection, backbone_name: str, folder: Path, part: Pictures | None = None) -> Evidence:
    """Evidence about every image whose fingerprint, features (of this backbone) and objects are known.

    folder: for the temporary file that holds the features. part: only these images; pairs connect them with no others.
    """
    columns = (
        images.c.sha256, images.c.format, images.c.width, images.c.height, images.c.size_bytes, fingerprints.c.detail,
        fingerprints.c.measures, features.c.vector, seen.c.objects, seen.c.text_lines, seen.c.text_share,
        seen.c.explicit,
    )  # fmt: skip
    wanted = None if part is None else part.sha256
    facts, vectors, names = FactsOfImages(), StoredVectors(folder), list[str]()
    for rows in _of_images(connection, _measured(select(*columns), backbone_name), images.c.sha256, wanted):
        names += [row.sha256 for row in rows]
        facts.add(rows)
        vectors.add([row.vector for row in rows])
    pictures = Pictures(tuple(names), pairs_of(connection) if part is None else part.pairs)
    quality = _Quality(names, facts)
    cluster_of = clusters(len(names), _as_indices(pictures), quality)
    name_of = cluster_names(pictures.sha256, cluster_of)
    if part is not None:
        name_of = label_ledger.clusters_by_image(connection) | name_of
    opinions = label_ledger.opinions_of(connection, name_of).items()
    answers = {name: opinion.label for name, opinion in opinions if not opinion.is_weak}
    claims, surroundings = _read_sightings(connection, wanted)
    return Evidence(
        pictures=pictures,
        images=facts,
        vectors=vectors,
        clustering=Clustering.of(pictures.sha256, cluster_of, quality, claims, answers),
        surroundings=surroundings,
        objections=objections(connection, name_of),
        sampled=sampled_answers(connection, name_of) if part is None else frozenset(),
        not_reached=not_reached(connection, name_of) if part is None else frozenset(),
    )


def are_current(connection: Connection, backbone_name: str, pictures: Pictures) -> bool:
    """Whether these are the pictures now. If not, somebody erased, added or compared one since they were read."""
    names = measured_names(connection, backbone_name)
    before = iter(pictures.sha256)
    return (
        all(name == next(before, None) for name in names)
        and next(before, None) is None
        and (pictures.pairs == pairs_of(connection))
    )


def measured_names(connection: Connection, backbone_name: str) -> Iterator[str]:
    """SHA-256s of the images that triage judges, in ascending order."""
    for rows in _streamed(connection, _measured(select(images.c.sha256), backbone_name)):
        yield from (row.sha256 for row in rows)


def _of_images(
    connection: Connection, statement: Select[Any], column: ColumnElement[str], names: Sequence[str] | None
) -> Iterator[Sequence[Row[Any]]]:
    """The rows of a statement in parts: those about these images; about all by default. names: in ascending order."""
    if names is None:
        yield from _streamed(connection, statement)
        return
    for few in chunked(names, NAMES_PER_QUERY):
        yield connection.execute(statement.where(column.in_(few))).all()


def _streamed(connection: Connection, statement: Select[Any]) -> Iterator[Sequence[Row[Any]]]:
    """The rows of a statement, READ_AT_ONCE at a time."""
    return connection.execute(statement.execution_options(yield_per=READ_AT_ONCE)).partitions()


def _measured(statement: Select[Any], backbone_name: str) -> Select[Any]:
    return (
        statement.join(fingerprints, fingerprints.c.sha256 == images.c.sha256)
        .join(features, features.c.sha256 == images.c.sha256)
        .join(seen, seen.c.sha256 == images.c.sha256)
        .where(features.c.backbone == backbone_name, is_whole(images.c.sha256))
        .order_by(images.c.sha256)
    )


def pairs_of(connection: Connection) -> frozenset[tuple[str, str]]:
    """SHA-256s of all pairs that show the same picture."""
    return frozenset((row.a, row.b) for row in connection.execute(select(pairs.c.a, pairs.c.b)))


def _as_indices(pictures: Pictures) -> NDArray[np.int64]:
    """(m, 2) indices of the pairs whose images were both read."""
    index = {sha256: i for i, sha256 in enumerate(pictures.sha256)}
    known = [(index[a], index[b]) for a, b in sorted(pictures.pairs) if a in index and b in index]
    return np.array(known, dtype=np.int64).reshape(-1, 2)


def _read_sightings(
    connection: Connection, names: Sequence[str] | None
) -> tuple[Mapping[str, frozenset[str]], dict[str, Surroundings]]:
    """By SHA-256: the labels that sources claim, and the surroundings. names: only of these images.

    An image that several sites show is judged by the site on which most pages show it.
    """
    counted = select(standing.c.site, func.count(standing.c.page_url.distinct())).group_by(standing.c.site)
    pages_of: dict[str, int] = {row[0]: row[1] for row in connection.execute(counted)}
    claims: dict[str, frozenset[str]] = {}
    surroundings: dict[str, Surroundings] = {}
    shared: dict[frozenset[str], frozenset[str]] = {}  # few sets of labels for many images
    parts = _of_images(connection, select(standing).order_by(standing.c.sha256), standing.c.sha256, names)
    for sha256, shown in groupby((row for part in parts for row in part), attrgetter("sha256")):
        labels, words, pages_on = set(), set(), dict[str, set[str]]()
        for row in shown:
            labels.add(row.source_label)
            words |= {row.image_url.split("?")[0].rpartition("/")[2], row.alt} - {""}
            pages_on.setdefault(row.site, set()).add(row.page_url)
        pages, site = max((len(pages), site) for site, pages in pages_on.items())
        claimed = frozenset(labels)
        claims[sha256] = shared.setdefault(claimed, claimed)
        surroundings[sha256] = Surroundings(tuple(sorted(words)), pages, pages_of[site])
    return claims, surroundings
