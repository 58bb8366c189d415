"""Search the pictures of a project: by words, and by label, source, finding and answer."""

import logging
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from dataset.catalog.claims import standing
from dataset.labels.holding import Holding
from dataset.project import Project
from dataset.search import query as queries
from dataset.search.index import FACETS, LABEL, UNDECIDED, Index, Indexer, file_name
from dataset.search.looks import Looks
from dataset.search.query import LOOK, TEXT, Query
from foundation.errors import StorageError

log = logging.getLogger("search")
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Picture:
    """One picture that was found. likeness: cosine of words and picture; None where words were looked for in texts."""

    sha256: str
    label: str
    sources: tuple[str, ...]
    file: str
    alt: str
    likeness: float | None


@dataclass(frozen=True)
class Results:
    """total: how many fit; pictures: those of this page. counts: for each facet, how many pictures each value would
    give, with everything else as it is; the most first. by: what the words were compared with. n_in_texts: pictures
    whose names or texts have the words. note: why words were not compared with pictures. wider: how many there would be
    without each part of the query; only where none fits.
    """

    total: int
    pictures: Sequence[Picture]
    counts: Mapping[str, Mapping[str, int]]
    by: str
    n_in_texts: int
    note: str
    wider: Mapping[str, int]


class Search:
    """Searches one project, and keeps what it read. holding: labels that somebody else reads too."""

    def __init__(self, project: Project, holding: Holding | None = None) -> None:
        self._project = project
        self._indexer = Indexer(holding)
        self._looks = Looks(project.settings.network)

    def find(self, query: Query, start: int = 0, limit: int = 60, among: Set[str] | None = None) -> Results:
        """The pictures from place `start` on, at most `limit`. among: search only these images.

        Raises UsageError for what cannot be searched for.
        """
        words = query.words.casefold().split()
        with self._project.catalog.read() as connection:
            index = self._indexer.read(connection)
            queries.check(query, queries.known_values(self._project.settings, index.facets))
            likeness, note = self._likeness(connection, query) if words else (None, "")
            by = TEXT if likeness is None else LOOK
            named = _has_words(index, words)
            if among is not None:
                named &= np.array([name in among for name in index.names], dtype=bool)
                likeness = likeness and {name: one for name, one in likeness.items() if name in among}
            fits = named if likeness is None else np.array([name in likeness for name in index.names], dtype=bool)
            chosen = {facet: _mask(index, facet, value) for facet, value in query.chosen.items()}
            found = np.flatnonzero(_all_of(fits, chosen))
            order = _names_first(index, found, words) if likeness is None else _by_likeness(index, found, likeness)
            pictures = _pictures(connection, index, order[start : start + limit], likeness or {})
        return Results(
            total=len(found),
            pictures=pictures,
            counts={facet: _counts(index, facet, _all_of(fits, chosen, without=facet)) for facet in FACETS},
            by=by,
            n_in_texts=int(_all_of(named, chosen).sum()),
            note=note,
            wider={} if len(found) or among is not None else _wider(fits, chosen, words),
        )

    def _likeness(self, connection: Connection, query: Query) -> tuple[dict[str, float] | None, str]:
        """Likeness by SHA-256; None, and a sentence why, where words are looked for in names and texts."""
        if note := self._looks.lacks():
            return None, note
        if query.by == TEXT:
            return None, ""
        try:
            return self._looks.likeness(connection, query.words), ""
        except StorageError as error:  # a search by texts is better than none
            log.warning("words cannot be compared with pictures: %s", error)
            return None, "The words are looked for in names and texts only: a file of the network cannot be read."


def _has_words(index: Index, words: Sequence[str]) -> Mask:
    """(n,) whether names and texts of each picture have all words."""
    if not words:
        return np.ones(len(index.names), dtype=bool)
    return np.array([all(word in text for word in words) for text in index.texts], dtype=bool)


def _mask(index: Index, facet: str, value: str) -> Mask:
    mask = np.zeros(len(index.names), dtype=bool)
    mask[index.facets[facet].get(value, [])] = True
    return mask


def _all_of(fits: Mask, chosen: Mapping[str, Mask], without: str = "") -> Mask:
    whole = fits.copy()
    for facet, mask in chosen.items():
        if facet != without:
            whole &= mask
    return whole


def _counts(index: Index, facet: str, fits: Mask) -> dict[str, int]:
    counts = {value: int(fits[numbers].sum()) for value, numbers in index.facets[facet].items()}
    return dict(sorted(((value, n) for value, n in counts.items() if n), key=lambda entry: (-entry[1], entry[0])))


def _wider(fits: Mask, chosen: Mapping[str, Mask], words: Sequence[str]) -> dict[str, int]:
    wider = {facet: int(_all_of(fits, chosen, without=facet).sum()) for facet in chosen}
    if words:
        wider["words"] = int(_all_of(np.ones_like(fits), chosen).sum())
    return {part: n for part, n in wider.items() if n}


def _names_first(index: Index, found: NDArray[np.int64], words: Sequence[str]) -> list[int]:
    """Pictures whose file name or alternative text has all words come first; else the newest."""
    if not words:
        return [int(number) for number in found]
    is_far = {int(number): any(word not in index.near[number] for word in words) for number in found}
    return sorted(is_far, key=lambda number: (is_far[number], number))


def _by_likeness(index: Index, found: NDArray[np.int64], likeness: Mapping[str, float]) -> list[int]:
    return sorted((int(number) for number in found), key=lambda number: (-likeness[index.names[number]], number))


def _pictures(
    connection: Connection, index: Index, order: Sequence[int], likeness: Mapping[str, float]
) -> list[Picture]:
    """What is shown of these pictures. order: their numbers."""
    found = [index.names[number] for number in order]
    labels = {number: label for label in index.facets[LABEL] for number in _among(index, label, order)}
    seen: dict[str, list[tuple[str, str, str]]] = {sha256: [] for sha256 in found}
    s = standing.c
    rows = connection.execute(select(s.sha256, s.source, s.image_url, s.alt).where(s.sha256.in_(found)).order_by(s.id))
    for sha256, source, address, alt in rows:
        seen[sha256].append((source, file_name(address), alt))
    return [
        Picture(
            sha256=sha256,
            label=labels.get(number, UNDECIDED),
            sources=tuple(dict.fromkeys(source for source, _, _ in seen[sha256])),
            file=next((file for _, file, _ in seen[sha256]), ""),
            alt=next((alt for _, _, alt in seen[sha256] if alt), ""),
            likeness=likeness.get(sha256),
        )
        for number, sha256 in zip(order, found, strict=True)
    ]


def _among(index: Index, label: str, order: Sequence[int]) -> list[int]:
    return [int(number) for number in np.intersect1d(index.facets[LABEL][label], order)]
