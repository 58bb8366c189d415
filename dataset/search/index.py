"""What pictures are searched by, kept in memory: names and texts, and the facets label, source, finding and answer.

See docs/decisions/0034.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from dataset.catalog.claims import standing
from dataset.catalog.tables import claims, clusters, erasures, findings, images, judgements, queue, sightings
from dataset.labels import label_ledger
from dataset.labels.holding import Holding, names_state
from dataset.labels.vocabulary import EXCLUDED

LABEL, SOURCE, FINDING, ANSWER = FACETS = ("label", "source", "finding", "answer")
EXCLUDED_AUTOMATICALLY = "excluded"  # the label "set_aside" of the catalog, as people write it
UNDECIDED = "undecided"  # the label of a picture without a decision
NONE = "none"  # no finding, or no answer

Members = Mapping[str, NDArray[np.int32]]  # by value of a facet: positions of its pictures


@dataclass(frozen=True)
class Index:
    """n pictures, the newest first. names: their SHA-256s. texts: everything that words are looked for in, in lower
    case. near: file name and alternative text alone, which count more. facets: by name.
    """

    names: list[str]
    texts: list[str]
    near: list[str]
    facets: Mapping[str, Members]


class Indexer:
    """Reads the index, and again only what changed. holding: the labels, where somebody else reads them too."""

    def __init__(self, holding: Holding | None = None) -> None:
        self._holding = holding or Holding()
        self._reading = threading.Lock()
        self._states: dict[str, Any] = {}
        self._index = Index([], [], [], {})

    def read(self, connection: Connection) -> Index:
        """The index of the catalog's present state."""
        with self._reading:
            labels = self._holding.labels(connection)
            base = (names_state(connection), *_state(connection, (images, sightings, claims), (erasures.c.done_at,)))
            if base != self._states.get(SOURCE):
                self._index = _with_texts(connection)
                self._states = {SOURCE: base}
            found = self._index.names
            facets = dict(self._index.facets)
            # The labels themselves are kept, so that no other object can get their id.
            if labels is not self._states.get(LABEL):
                facets[LABEL] = _labels(found, labels)
            suspected, answered = _state(connection, (findings,)), _state(connection, (judgements, clusters, queue))
            if suspected != self._states.get(FINDING):
                facets[FINDING] = _findings(connection, found)
            if answered != self._states.get(ANSWER):
                facets[ANSWER] = _answers(connection, found)
            self._states = {SOURCE: base, LABEL: labels, FINDING: suspected, ANSWER: answered}
            self._index = Index(found, self._index.texts, self._index.near, facets)
            return self._index


def _state(connection: Connection, tables: Iterable[Any], moments: Iterable[Any] = ()) -> tuple[Any, ...]:
    """Changes with the rows of these tables."""
    counts: list[Any] = []
    for table in tables:
        newest: list[Any] = [func.max(table.c.id)] if "id" in table.c else []
        newest += [func.sum(table.c[name]) for name in ("score", "priority") if name in table.c]
        newest += [func.count(table.c[name].distinct()) for name in ("detector", "cluster") if name in table.c]
        counts += connection.execute(select(func.count(), *newest).select_from(table)).one()
    return (*counts, *(connection.execute(select(func.max(moment))).scalar() for moment in moments))


def _with_texts(connection: Connection) -> Index:
    in_order = select(images.c.sha256).order_by(images.c.first_seen.desc(), images.c.sha256)
    found = list(connection.execute(in_order).scalars())
    position = {sha256: number for number, sha256 in enumerate(found)}
    texts: list[list[str]] = [[sha256] for sha256 in found]
    near: list[list[str]] = [[] for _ in found]
    sources: dict[str, dict[int, None]] = defaultdict(dict)
    s = standing.c
    columns = s.sha256, s.source, s.image_url, s.page_url, s.alt, s.site, s.creator
    for sha256, source, image_url, page_url, alt, site, creator in connection.execute(select(*columns).order_by(s.id)):
        if (number := position.get(sha256)) is None:
            continue
        sources[source][number] = None
        texts[number] += [unquote(image_url), unquote(page_url), alt, site, creator, source]
        near[number] += [file_name(image_url), alt]
    return Index(found, _lower(texts), _lower(near), {SOURCE: _arrays(sources)})


def _lower(texts: list[list[str]]) -> list[str]:
    return ["\n".join(dict.fromkeys(parts)).casefold() for parts in texts]


def file_name(address: str) -> str:
    """The last part of an address, as people read it; the whole address where it has none."""
    path = address.partition("#")[0].partition("?")[0]
    return unquote(path.rstrip("/").rpartition("/")[2]) or address


def _labels(found: Sequence[str], labels: Mapping[str, str]) -> Members:
    members: dict[str, list[int]] = defaultdict(list)
    for number, sha256 in enumerate(found):
        members[labels.get(sha256, UNDECIDED)].append(number)
    return _arrays({EXCLUDED_AUTOMATICALLY if label == EXCLUDED else label: held for label, held in members.items()})


def _findings(connection: Connection, found: Sequence[str]) -> Members:
    rows = connection.execute(select(findings.c.detector, findings.c.sha256)).all()
    return _with_none(found, ((detector, sha256) for detector, sha256 in rows))


def _answers(connection: Connection, found: Sequence[str]) -> Members:
    """Answers of all reviewers; an answer about a picture holds for its cluster."""
    own = clusters.alias()
    is_answered = clusters.c.cluster.in_(select(own.c.cluster).where(own.c.sha256.in_(select(judgements.c.sha256))))
    cluster_of = label_ledger.clusters_by_image(connection, is_answered)
    members: dict[str, list[str]] = defaultdict(list)
    for sha256, cluster in cluster_of.items():
        members[cluster].append(sha256)
    given = label_ledger.newest_answers(connection, cluster_of)
    return _with_none(
        found,
        (
            (answer.answer, sha256)
            for cluster, answers in given.items()
            for answer in answers
            for sha256 in members.get(cluster, [cluster])
        ),
    )


def _with_none(found: Sequence[str], pairs: Iterable[tuple[str, str]]) -> Members:
    """Members by value, and those without any. pairs: value and SHA-256."""
    position = {sha256: number for number, sha256 in enumerate(found)}
    members: dict[str, dict[int, None]] = defaultdict(dict)
    has_any = np.zeros(len(found), dtype=bool)
    for value, sha256 in pairs:
        if (number := position.get(sha256)) is not None:
            members[value][number] = None
            has_any[number] = True
    return _arrays({**members, NONE: np.flatnonzero(~has_any).tolist()})


def _arrays(members: Mapping[str, Iterable[int]]) -> Members:
    return {value: np.fromiter(numbers, dtype=np.int32) for value, numbers in members.items()}
