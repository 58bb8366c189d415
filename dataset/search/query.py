"""What somebody searches for, checked: unknown values are named, with the nearest known one."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from dataset.search.index import ANSWER, EXCLUDED_AUTOMATICALLY, FACETS, FINDING, LABEL, NONE, SOURCE, UNDECIDED
from foundation.errors import UsageError
from foundation.settings import NOT_LABELS, Settings

LOOK, TEXT = WAYS = ("look", "text")  # what words are compared with: pictures, or names and texts
MOST_WORDS = 200  # characters
LISTED = 12  # known values in a message


@dataclass(frozen=True)
class Query:
    """words: all of them must fit. chosen: a value by name of a facet; all must hold. by: one of WAYS, or empty for
    LOOK where the network can compare words with pictures, else TEXT.
    """

    words: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)
    by: str = ""

    def without(self, part: str) -> "Query":
        """The query without a facet, or without its words."""
        if part not in FACETS:
            return Query("", self.chosen, self.by)
        return Query(self.words, {facet: value for facet, value in self.chosen.items() if facet != part}, self.by)


class UnknownValue(UsageError, LookupError):
    """No picture can have this value of a facet. nearest: the known value that is spelled most like it; or empty."""

    def __init__(self, message: str, facet: str, nearest: str) -> None:
        super().__init__(message)
        self.facet, self.nearest = facet, nearest


def check(query: Query, known: Mapping[str, list[str]]) -> None:
    """known: values by facet. Raises UnknownValue for another one, UsageError for words that are too long."""
    if len(query.words) > MOST_WORDS:
        raise UsageError(f"the words have {len(query.words)} characters; use at most {MOST_WORDS}")
    if query.by and query.by not in WAYS:
        raise UsageError(f"words are compared by {' or '.join(WAYS)}, not by {query.by[:40]!r}")
    for facet, value in query.chosen.items():
        if value not in known[facet]:
            near = difflib.get_close_matches(value.casefold(), known[facet], 1)
            fix = f"did you mean {near[0]!r}?" if near else f"there are {_listed(known[facet])}"
            raise UnknownValue(f"no {facet} {value[:64]!r}; {fix}", facet, near[0] if near else "")


def known_values(settings: Settings, held: Mapping[str, Mapping[str, object]]) -> dict[str, list[str]]:
    """Values that a facet may have: those that pictures have, and those that the project names. held: by facet."""
    from dataset.suspicion.detectors import DETECTORS

    answers = [*settings.project.labels, *NOT_LABELS]
    named = {
        LABEL: [*answers, EXCLUDED_AUTOMATICALLY, UNDECIDED],
        SOURCE: [source.name for source in settings.sources],
        FINDING: [*(detector.name for detector in DETECTORS), NONE],
        ANSWER: [*answers, NONE],
    }
    return {facet: list(dict.fromkeys([*named[facet], *sorted(held.get(facet, {}))])) for facet in FACETS}


def _listed(values: list[str]) -> str:
    more = f" and {len(values) - LISTED} more" if len(values) > LISTED else ""
    return ", ".join(values[:LISTED]) + more
