"""The search for a photo's original, and what the first photos of a kind teach, which saves the others requests."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np

from crawlers.ledger.rows import Download, Fetch
from crawlers.sites.discovery import Candidate
from crawlers.sites.reading.identity import Offer
from crawlers.sites.reading.mentions import Evidence
from crawlers.source_health import Outcome
from dataset.duplicates.intake import Intake
from dataset.duplicates.pairs import Prints
from dataset.duplicates.pairs import candidates as proposed_pairs
from foundation.settings import MIN_SIDE_PX

MAX_FAILURES = 2  # guesses of a rule for one kind that bring nothing or another picture, with none that holds
MAX_FAILURES_AT_HOST = 4  # of an unproven rule for photos of any kind
MAX_OWNERS = 3  # photos for which a host that has several pictures brings the same one
MAX_WAITING = 8  # photos of a kind that wait for what others of it show
MAX_WAYS = 12  # addresses of a photo that make its kind
ALIKE_LIGHT = 12.0  # of 255, between the mean luminance of two blank pictures
ALIKE_BITS = 90  # of 256, between the fine hashes of a picture and its small, blurred variant; others are near 128


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


class Lessons:
    """Per host: which way of naming a photo leads to the largest picture, and which rules hold.

    The kind of a photo is the list of the ways in which its page names it: photos of one template are of one kind.
    """

    def __init__(self) -> None:
        self._winners: dict[tuple[str, ...], str] = {}
        self._locks: dict[tuple[str, ...], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._few: dict[tuple[str, ...], asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(MAX_WAITING))
        self._failures: Counter[tuple[tuple[str, ...], tuple[str, str]]] = Counter()
        self._failures_at: Counter[tuple[str, str]] = Counter()
        self._held: set[tuple[str, str]] = set()
        self._seen: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(dict)  # whose guess brought which bytes
        self._reached: set[tuple[tuple[str, ...], str]] = set()
        self._pending: Counter[tuple[str, ...]] = Counter()
        self._waiting: Counter[tuple[str, ...]] = Counter()
        self._conditions: dict[tuple[str, ...], asyncio.Condition] = defaultdict(asyncio.Condition)

    def lock(self, photo: Candidate) -> asyncio.Lock:
        """Held while the first photo of a kind is searched: what it teaches saves the others requests."""
        return self._locks[_kind(photo)]

    def few(self, photo: Candidate) -> asyncio.Semaphore:
        """Held by the first photos of a kind, where one is as good as another."""
        return self._few[_kind(photo)]

    def winner(self, photo: Candidate) -> str | None:
        """The way that led to the largest picture of this kind of photo; None while nobody knows."""
        return self._winners.get(_kind(photo))

    def learn(self, photo: Candidate, way: str) -> None:
        self._winners[_kind(photo)] = way

    def order(self, photo: Candidate) -> list[Offer]:
        """The addresses of a photo that are worth asking: the way that won before is first.

        A way that several addresses have says nothing, unless the page names their widths.
        """
        winner = self.winner(photo)
        trusted = [offer for offer in photo.tries if not self._is_failing(photo, offer)]
        failing = [
            offer for offer in photo.tries if self._is_failing(photo, offer) and offer.evidence == Evidence.GUESS
        ]
        first = [offer for offer in trusted if offer.way == winner]
        if sum(offer.evidence != Evidence.GUESS and not offer.width_px for offer in first) > 1:
            first = []
        return [*first, *(offer for offer in trusted if offer not in first), *([] if trusted else failing)]

    def arrived(self, photo: Candidate) -> None:
        """A photo of this kind is searched from now on."""
        self._pending[_kind(photo)] += 1

    async def done(self, photo: Candidate) -> None:
        kind = _kind(photo)
        self._pending[kind] -= 1
        await self._tell(kind)

    def reaches(self, photo: Candidate, offer: Offer) -> bool:
        """Whether what this way brings is full size, though the page says wider: once it was wide enough."""
        return (_kind(photo), offer.way) in self._reached

    async def reached(self, photo: Candidate, offer: Offer) -> None:
        kind = _kind(photo)
        if (kind, offer.way) not in self._reached:
            self._reached.add((kind, offer.way))
            await self._tell(kind)

    async def brought(self, photo: Candidate, offer: Offer, sha256: str) -> bool:
        """Note what a guess brings. Returns whether it may be one picture for every address.

        It may if another guess brought the same and none brought another, or if two others did.
        """
        rule = _rule(offer)
        seen = self._seen[rule]
        owners = seen.setdefault(sha256, set())
        if len(owners) < MAX_OWNERS:
            owners.add(photo.named_url)
        await self._tell(_kind(photo))
        return len(owners) >= (MAX_OWNERS if self.differs(offer) else 2)

    def differs(self, offer: Offer) -> bool:
        """Whether guesses of these rules brought two different pictures at this host."""
        return len(self._seen[_rule(offer)]) > 1

    async def wait_for_others(self, photo: Candidate, is_known: Callable[[], bool]) -> None:
        """Wait until another photo of the kind answers the question for nothing, or no other one can.

        At most MAX_WAITING wait: each has its picture in memory.
        """
        kind = _kind(photo)
        self._waiting[kind] += 1
        condition = self._conditions[kind]
        async with condition:
            condition.notify_all()
            await condition.wait_for(lambda: is_known() or self._waiting[kind] >= min(self._pending[kind], MAX_WAITING))
        self._waiting[kind] -= 1

    async def _tell(self, kind: tuple[str, ...]) -> None:
        async with self._conditions[kind]:
            self._conditions[kind].notify_all()

    def guess_failed(self, photo: Candidate, offer: Offer) -> None:
        self._failures[_kind(photo), _rule(offer)] += 1
        if not offer.is_proven:
            self._failures_at[_rule(offer)] += 1

    def guess_held(self, offer: Offer) -> None:
        self._held.add(_rule(offer))

    def holds(self, offer: Offer) -> bool:
        """Whether the rules of a guess brought the same picture before, at this host."""
        return _rule(offer) in self._held

    def _is_failing(self, photo: Candidate, offer: Offer) -> bool:
        rule = _rule(offer)
        is_known = rule in self._held or self.differs(offer)
        fails_often = (
            self._failures[_kind(photo), rule] >= MAX_FAILURES or self._failures_at[rule] >= MAX_FAILURES_AT_HOST
        )
        return offer.evidence == Evidence.GUESS and fails_often and not is_known


def looks_same(guess: Intake, named: Intake) -> bool:
    """Whether two pictures may show the same, one of them perhaps small, blurred or cut to a part.

    Hashes of the whole and of parts decide, as they propose near-duplicates. A blank picture has no hash worth
    comparing: its light decides.
    """
    prints = Prints.of_fingerprints([guess.fingerprint, named.fingerprint])
    if not prints.usable[1]:
        return abs(guess.fingerprint.light - named.fingerprint.light) <= ALIKE_LIGHT
    if not prints.usable[0]:
        return False
    fine = int(np.bitwise_count(prints.fine[0] ^ prints.fine[1]).sum())
    return fine <= ALIKE_BITS or bool(proposed_pairs(prints, np.array([0, 1])))


def _kind(photo: Candidate) -> tuple[str, ...]:
    return (urlsplit(photo.named_url).netloc, *(offer.way for offer in photo.tries[:MAX_WAYS]))


def _rule(offer: Offer) -> tuple[str, str]:
    return urlsplit(offer.url).netloc, offer.way.rpartition(" ")[2] if offer.evidence == Evidence.GUESS else ""
