"""The search for the original of one photo: what was asked for it, and what that brought."""

from dataclasses import dataclass, field

from crawlers.ledger.rows import Download, Fetch
from crawlers.sites.discovery import Candidate
from crawlers.sites.reading.identity import Offer
from crawlers.sites.reading.mentions import Evidence
from crawlers.source_health import Outcome
from dataset.duplicates.intake import Intake
from foundation.settings import MIN_SIDE_PX


@dataclass(frozen=True)
class Brought:
    """What one address brought."""

    offer: Offer
    taken: Intake
    download: Download

    @property
    def pixels(self) -> int:
        return self.taken.header.width * self.taken.header.height

    @property
    def is_large_enough(self) -> bool:
        return min(self.taken.header.width, self.taken.header.height) >= MIN_SIDE_PX


@dataclass
class Search:
    """The search for the original of one photo.

    last: what an earlier run fetched. brought: what was downloaded and decodes. undecodable: the first that does not.
    ending: outcome and reason if there is neither. is_unchanged: the server answered 304 "not modified". is_over: an
    answer forbids to go on.
    """

    photo: Candidate
    last: Fetch | None
    asked: set[str] = field(default_factory=set)
    brought: list[Brought] = field(default_factory=list)
    undecodable: Download | None = None
    ending: tuple[Outcome, str] = (Outcome.FAILED, "no address to try")
    is_unchanged: bool = False
    is_over: bool = False

    def has_another_than(self, brought: "Brought") -> bool:
        """Whether there is an address left that is no other size of the picture that was brought."""
        return any(offer.url not in self.asked and offer.name != brought.offer.name for offer in self.photo.tries)

    @property
    def best(self) -> Brought | None:
        """The largest; of equals the one that was asked first."""
        return max(self.brought, key=lambda one: one.pixels, default=None)


def is_clear(photo: Candidate) -> bool:
    """Whether nothing has to be compared: the page says how large its addresses are, or there is only one."""
    first, *others = photo.tries
    if first.evidence == Evidence.GUESS and not first.is_proven:
        return False
    return all(offer.evidence == Evidence.GUESS or offer.width_px for offer in others)


def is_written(offer: Offer, photo: Candidate) -> bool:
    """Whether the page itself proves a guess: its widths follow the rule, or the address stands inside the other."""
    return offer.is_proven and (photo.is_measured or offer.way.rpartition(" ")[2].startswith("inside"))
