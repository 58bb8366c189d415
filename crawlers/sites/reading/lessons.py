"""What a crawl learns of how hosts name their pictures, so that only the first photos of a kind cost more requests."""

import asyncio
from collections import Counter, defaultdict
from urllib.parse import urlsplit

import numpy as np

from crawlers.sites.discovery import Candidate
from crawlers.sites.reading.identity import Offer
from crawlers.sites.reading.mentions import Evidence
from dataset.duplicates.intake import Intake
from dataset.duplicates.pairs import Prints
from dataset.duplicates.pairs import candidates as proposed_pairs

MAX_FAILURES = 2  # guesses of a rule at a host that bring nothing or another picture, with none that holds
MAX_WAYS = 12  # addresses of a photo that make its kind
ALIKE_LIGHT = 12.0  # of 255, between the mean luminance of two blank pictures
ALIKE_BITS = 90  # of 256, between the fine hashes of a picture and its small, blurred variant; others are near 128


class Lessons:
    """Per host: which way of naming a photo leads to the largest picture, and which rules hold.

    The kind of a photo is the list of the ways in which its page names it: photos of one template are of one kind.
    """

    def __init__(self) -> None:
        self._winners: dict[tuple[str, ...], str] = {}
        self._locks: dict[tuple[str, ...], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._failures: Counter[tuple[str, str]] = Counter()
        self._held: set[tuple[str, str]] = set()
        self._brought: dict[tuple[str, str], str] = {}

    def lock(self, photo: Candidate) -> asyncio.Lock:
        """Held while the first photo of a kind is searched: what it teaches saves the others requests."""
        return self._locks[_kind(photo)]

    def winner(self, photo: Candidate) -> str | None:
        """The way that led to the largest picture of this kind of photo; None while nobody knows."""
        return self._winners.get(_kind(photo))

    def learn(self, photo: Candidate, way: str) -> None:
        self._winners[_kind(photo)] = way

    def order(self, photo: Candidate) -> list[Offer]:
        """The addresses of a photo that are worth asking: the way that won before is first."""
        winner = self.winner(photo)
        trusted = [offer for offer in photo.tries if not self._is_failing(offer)]
        failing = [offer for offer in photo.tries if self._is_failing(offer) and offer.evidence == Evidence.GUESS]
        first = [offer for offer in trusted if offer.way == winner]
        return [*first, *(offer for offer in trusted if offer.way != winner), *([] if trusted else failing)]

    def guess_failed(self, offer: Offer) -> None:
        self._failures[_rule(offer)] += 1

    def guess_held(self, offer: Offer) -> None:
        self._held.add(_rule(offer))

    def holds(self, offer: Offer) -> bool:
        """Whether the rules of a guess brought the same picture before, at this host."""
        return _rule(offer) in self._held

    def is_repeated(self, offer: Offer, sha256: str, named_url: str) -> bool:
        """Whether a guess brings what the guess for another photo brought: one picture for every address."""
        owner = self._brought.setdefault((urlsplit(offer.url).netloc, sha256), named_url)
        return owner != named_url

    def _is_failing(self, offer: Offer) -> bool:
        rule = _rule(offer)
        return offer.evidence == Evidence.GUESS and self._failures[rule] >= MAX_FAILURES and rule not in self._held


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
