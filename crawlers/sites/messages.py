"""What crawlers.collect and a crawl in its own process (crawlers.sites.process) say to each other, as JSON.

collect starts the process with CrawlOptions as its last argument. The process writes one JSON line per message to
stdout: Progress now and then, and last either Finished or Failed.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from crawlers.ledger.reports import SourceReport
from crawlers.politeness.pacing import MIN_DELAY_S
from foundation import errors


@dataclass(frozen=True)
class CrawlOptions:
    """Where a crawl ends, and its pace.

    pages: at most this many. depth: links away from a start page; further pages of a numbered series are no deeper.
    stale_in_series, stale_in_all: pages in a row without a new photo, of one series (a calendar, not a gallery)
    and of any kind. min_delay_s: seconds between two requests to one host. skip: patterns of pages that are left out,
    as in robots.txt.
    """

    pages: int = 1000
    depth: int = 2
    stale_in_series: int = 10
    stale_in_all: int = 150
    min_delay_s: float = MIN_DELAY_S
    skip: tuple[str, ...] = ()

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "CrawlOptions":
        content = json.loads(text)
        return cls(**{**content, "skip": tuple(content.get("skip", ()))})


@dataclass(frozen=True)
class Progress:
    """images: candidates that have their outcome."""

    pages: int
    images: int

    def to_json(self) -> str:
        return json.dumps({"progress": dataclasses.asdict(self)})


@dataclass(frozen=True)
class SiteTraits:
    """What the pages showed of themselves. platforms: photos by website builder. objections: opt-out signals,
    `page: evidence`. rendered_pages: how many the browser showed. only_shown: photos that nothing else showed.
    evidence: of the first photos, by their address: why each of their addresses is tried, in words.
    """

    platforms: dict[str, int]
    objections: list[str]
    rendered_pages: int
    only_shown: list[str] = field(default_factory=list)
    evidence: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Finished:
    """The crawl ended by itself."""

    report: SourceReport
    traits: SiteTraits

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))


@dataclass(frozen=True)
class Failed:
    """The crawl could not go on. kind: class name of the error in foundation.errors."""

    error: str
    kind: str

    @classmethod
    def of(cls, error: errors.IsItCakeError) -> "Failed":
        return cls(str(error), type(error).__name__)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    def to_error(self) -> errors.IsItCakeError:
        """The error to raise on this side; CrawlError where its class is unknown."""
        kind = getattr(errors, self.kind, errors.CrawlError)
        if not (isinstance(kind, type) and issubclass(kind, errors.IsItCakeError)):
            kind = errors.CrawlError
        return kind(self.error)


Message = Progress | Finished | Failed


def message_from_json(line: str) -> Message:
    """A message from its line. Raises ValueError for a line that is none."""
    try:
        content: dict[str, Any] = json.loads(line)
        if "progress" in content:
            return Progress(**content["progress"])
        if "report" in content:
            return Finished(SourceReport(**content["report"]), SiteTraits(**content["traits"]))
        return Failed(**content)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{line[:200]!r} is not a message of a crawl ({error})") from None
