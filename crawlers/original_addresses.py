"""Addresses at which the original of a picture may be, and whether there is one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from crawlers.asking import Look, look_at
from crawlers.sites.originals import absolute, guesses, platform_of
from foundation.errors import UsageError
from foundation.settings import Settings


@dataclass(frozen=True)
class Address:
    """rules: what made it of the picture's address. is_tied: whether they hold for this host for certain, or are a
    guess. exists, answer: after a check; None and "" before.
    """

    url: str
    rules: tuple[str, ...]
    is_tied: bool
    exists: bool | None = None
    answer: str = ""

    @property
    def because(self) -> str:
        if not self.rules:
            return "as given"
        return f"{'known' if self.is_tied else 'guess'}: {', '.join(self.rules)}"


@dataclass(frozen=True)
class Picture:
    """candidates: the best first; the address as it was given is the last. platform: the website builder, if known."""

    url: str
    platform: str
    candidates: tuple[Address, ...]


def candidates(url: str) -> Picture:
    """What rules make of one address; no request. Raises UsageError for what is no web address."""
    address = absolute(url, "")
    if address is None:
        raise UsageError(f"{url!r} is not a web address; write it with http:// or https://")
    made = [Address(guess.url, guess.rules, guess.is_tied) for guess in guesses(address)]
    return Picture(url, platform_of(address) or "", (*made, Address(address, (), True)))


def asked(pictures: Sequence[Picture], settings: Settings, tell: Callable[[str, int, int], None]) -> list[Picture]:
    """Ask every candidate whether a picture is there. settings: who asks, and which private hosts may be asked."""
    urls = list(dict.fromkeys(one.url for picture in pictures for one in picture.candidates))
    looks = {look.url: look for look in look_at(settings, urls, tell)}

    def answered(one: Address) -> Address:
        look = looks[one.url]
        return replace(one, exists=not look.why_not, answer=_said(look))

    return [replace(picture, candidates=tuple(map(answered, picture.candidates))) for picture in pictures]


def _said(look: Look) -> str:
    if look.why_not:
        return look.why_not
    size = f", {look.size_bytes / 1000:.0f} kB" if look.size_bytes else ""
    return f"exists: {look.content_type or 'no type'}{size}"
