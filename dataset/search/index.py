"""What pictures are searched by, kept in memory: names and texts, and the facets label, source, finding and answer.

See docs/decisions/0034.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from dataset.catalog.claims import standing
from dataset.catalog.tables import claims, clusters, erasures, findings, images, judgements, names, queue, sightings
from dataset.labels import label_ledger
from dataset.labels.holding import Holding
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
        self._texts_state: Any = None
        self._facts_state: Any = None
        self._index = Index([], [], [], {})

    def read(self, connection: Connection) -> Index:
        """The index of the catalog's present state."""
        with self._reading:
            labels = self._holding.labels(connection)
            texts_state = _state(connection, (images, sightings, claims), (names.c.since, erasures.c.done_at))
            facts_state = (id(labels), *_state(connection, (clusters, findings, judgements, queue), ()))
            if texts_state != self._texts_state:
                self._index = _with_texts(connection)
                self._texts_state, self._facts_state = texts_state, None
            if facts_state != self._facts_state:
                facts = _facts(connection, self._index.names, labels)
                facets = {**facts, SOURCE: self._index.facets[SOURCE]}
                self._index = Index(self._index.names, self._index.texts, self._index.near, facets)
                self._facts_state = facts_state
                self._labels = labels  # holds on to it, so that no other object gets its id
            return self._index


def _state(connection: Connection, tables: Iterable[Any], moments: Iterable[Any]) -> tuple[Any, ...]:
    """Changes with the rows of these tables."""
    counts: list[Any] = []
    for table in tables:
        newest = [func.max(table.c.id)] if "id" in table.c else []
        newest += [func.sum(table.c[name]) for name in ("score", "priority") if name in table.c]
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
    by_source = {source: np.fromiter(numbers, np.int32) for source, numbers in sources.items()}
    return Index(found, _lower(texts), _lower(near), {SOURCE: by_source})


def _lower(texts: list[list[str]]) -> list[str]:
    return ["\n".join(dict.fromkeys(parts)).casefold() for parts in texts]


def file_name(address: str) -> str:
    """The last part of an address, as people read it; the whole address where it has none."""
    path = urlsplit(address).path if "://" in address else address
    return unquote(path.rstrip("/").rpartition("/")[2]) or address


def _facts(connection: Connection, found: list[str], labels: Mapping[str, str]) -> dict[str, Members]:
    """Label, finding and answer of the pictures."""
    position = {sha256: number for number, sha256 in enumerate(found)}
    cluster_of = label_ledger.clusters_by_image(connection)
    answers = {
        cluster: {answer.answer for answer in given}
        for cluster, given in label_ledger.newest_answers(connection, cluster_of).items()
    }
    by_label: dict[str, list[int]] = defaultdict(list)
    by_answer: dict[str, list[int]] = defaultdict(list)
    for number, sha256 in enumerate(found):
        label = labels.get(sha256, UNDECIDED)
        by_label[EXCLUDED_AUTOMATICALLY if label == EXCLUDED else label].append(number)
        for answer in answers.get(cluster_of.get(sha256, sha256), (NONE,)):
            by_answer[answer].append(number)
    by_finding: dict[str, list[int]] = defaultdict(list)
    suspected = np.zeros(len(found), dtype=bool)
    for detector, sha256 in connection.execute(select(findings.c.detector, findings.c.sha256)):
        if (place := position.get(sha256)) is not None:
            by_finding[detector].append(place)
            suspected[place] = True
    by_finding[NONE] = [int(number) for number in np.flatnonzero(~suspected)]
    return {LABEL: _arrays(by_label), FINDING: _arrays(by_finding), ANSWER: _arrays(by_answer)}


def _arrays(members: Mapping[str, list[int]]) -> Members:
    return {value: np.array(numbers, dtype=np.int32) for value, numbers in members.items()}
