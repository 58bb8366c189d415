"""What triage reads from the catalog. It reads everything first, so that it decides without a lock on the catalog."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, Select, select

from dataset.catalog.claims import standing
from dataset.catalog.tables import features, fingerprints, images, pairs, seen
from dataset.duplicates.clusters import clusters
from dataset.labels import label_ledger
from dataset.labels.audit import not_reached, sampled_answers
from dataset.labels.players import Agreement, objections
from dataset.quarantine import is_whole
from dataset.suspicion.clustering import Clustering, cluster_names

LOSSLESS_FORMATS = ("PNG", "BMP", "TIFF")


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Evidence:
    """Everything that triage decides from.

    pictures: what this was read for. images: a row of each, with columns of images and fingerprints, `vector`,
    `objects`, `text_lines`, `text_share` and `explicit`. surroundings: by SHA-256. objections: of players, by name of
    the cluster. sampled: names of the answered clusters of the audit sample. not_reached: of labels.audit.
    """

    pictures: Pictures
    images: Sequence[Row[Any]]
    clustering: Clustering
    surroundings: Mapping[str, Surroundings]
    objections: Mapping[str, Agreement]
    sampled: frozenset[str] = frozenset()
    not_reached: frozenset[str] = frozenset()

    def vectors(self, images: Sequence[int] | None = None) -> NDArray[np.float32]:
        """(n, d) features of the images, or of those with these numbers; at least one."""
        rows = self.images if images is None else [self.images[i] for i in images]
        return np.stack([np.frombuffer(row.vector, dtype=np.float16) for row in rows]).astype(np.float32)


def read_evidence(connection: Connection, backbone_name: str) -> Evidence:
    """Evidence about every image whose fingerprint, features (of this backbone) and objects are known."""
    columns = (
        images,
        fingerprints,
        features.c.vector,
        seen.c.objects,
        seen.c.text_lines,
        seen.c.text_share,
        seen.c.explicit,
    )
    rows = connection.execute(_measured(select(*columns), backbone_name)).all()
    pictures = Pictures(tuple(row.sha256 for row in rows), _pairs(connection))
    quality = [quality_of(row) for row in rows]
    cluster_of = clusters(len(rows), _as_indices(pictures), quality)
    names = cluster_names(pictures.sha256, cluster_of)
    opinions = label_ledger.opinions_of(connection, names).items()
    answers = {name: opinion.label for name, opinion in opinions if not opinion.is_weak}
    claims, surroundings = _read_sightings(connection)
    return Evidence(
        pictures=pictures,
        images=rows,
        clustering=Clustering.of(pictures.sha256, cluster_of, quality, claims, answers),
        surroundings=surroundings,
        objections=objections(connection, names),
        sampled=sampled_answers(connection, names),
        not_reached=not_reached(connection, names),
    )


def read_pictures(connection: Connection, backbone_name: str) -> Pictures:
    """The pictures as they are now. Others than those of the evidence: somebody erased, added or compared one since."""
    names = connection.execute(_measured(select(images.c.sha256), backbone_name)).scalars()
    return Pictures(tuple(names), _pairs(connection))


def _measured(statement: Select[Any], backbone_name: str) -> Select[Any]:
    return (
        statement.join(fingerprints, fingerprints.c.sha256 == images.c.sha256)
        .join(features, features.c.sha256 == images.c.sha256)
        .join(seen, seen.c.sha256 == images.c.sha256)
        .where(features.c.backbone == backbone_name, is_whole(images.c.sha256))
        .order_by(images.c.sha256)
    )


def _pairs(connection: Connection) -> frozenset[tuple[str, str]]:
    return frozenset((row.a, row.b) for row in connection.execute(select(pairs.c.a, pairs.c.b)))


def _as_indices(pictures: Pictures) -> NDArray[np.int64]:
    """(m, 2) indices of the pairs whose images were both read."""
    index = {sha256: i for i, sha256 in enumerate(pictures.sha256)}
    known = [(index[a], index[b]) for a, b in sorted(pictures.pairs) if a in index and b in index]
    return np.array(known, dtype=np.int64).reshape(-1, 2)


def quality_of(row: Row[Any]) -> tuple[int, float, bool, int, str]:
    """The image with most pixels represents a cluster; then the sharpest, a lossless one, the one with most bytes."""
    is_lossless = row.format in LOSSLESS_FORMATS
    return row.width * row.height, row.measures["edges"], is_lossless, row.size_bytes, row.sha256


def _read_sightings(connection: Connection) -> tuple[Mapping[str, set[str]], dict[str, Surroundings]]:
    """By SHA-256: the labels that sources claim, and the surroundings.

    An image that several sites show is judged by the site on which most pages show it.
    """
    claims: dict[str, set[str]] = defaultdict(set)
    words: dict[str, set[str]] = defaultdict(set)
    pages_with: dict[tuple[str, str], set[str]] = defaultdict(set)
    pages_of: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(select(standing)):
        claims[row.sha256].add(row.source_label)
        words[row.sha256] |= {row.image_url.split("?")[0].rpartition("/")[2], row.alt} - {""}
        pages_with[row.sha256, row.site].add(row.page_url)
        pages_of[row.site].add(row.page_url)
    most: dict[str, tuple[int, str]] = {}
    for (sha256, site), pages in pages_with.items():
        most[sha256] = max(most.get(sha256, (0, "")), (len(pages), site))
    surroundings = {
        sha256: Surroundings(tuple(sorted(words[sha256])), pages, len(pages_of[site]))
        for sha256, (pages, site) in most.items()
    }
    return claims, surroundings
