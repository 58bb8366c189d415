"""Addresses at which the original of a picture may be, and whether there is one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from crawlers.asking import Look, look_at
from crawlers.sites.originals import absolute, guesses, platform_of
from foundation.errors import ConfigError, UsageError
from foundation.settings import ProjectSection, Settings
from isitcake.options import Context


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


def asked(
    pictures: Sequence[Picture], context: Context, contact: str, tell: Callable[[str, int, int], None]
) -> list[Picture]:
    """Ask every candidate whether a picture is there. Raises ConfigError, UsageError without a contact."""
    settings = _settings(context, contact)
    checked = []
    for number, picture in enumerate(pictures, 1):
        looks = look_at(settings, [one.url for one in picture.candidates])
        pairs = zip(picture.candidates, looks, strict=True)
        answered = tuple(replace(one, exists=not look.why_not, answer=_said(look)) for one, look in pairs)
        checked.append(replace(picture, candidates=answered))
        tell("asking", number, len(pictures))
    return checked


def _said(look: Look) -> str:
    if look.why_not:
        return look.why_not
    size = f", {look.size_bytes / 1000:.0f} kB" if look.size_bytes else ""
    return f"exists: {look.content_type or 'no type'}{size}"


def _settings(context: Context, contact: str) -> Settings:
    """The project's settings, with another contact if one is given; without a project, the contact is all there is."""
    try:
        own: Settings | None = context.settings(needs_weights=False)
    except ConfigError:
        if context.config:
            raise
        own = None
    if contact:
        try:
            section = ProjectSection(contact=contact)
        except ValidationError as error:
            raise UsageError(f"--contact: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None
        return own.model_copy(update={"project": section}) if own else Settings(project=section)
    if own is None:
        raise UsageError("--check shows site owners who asks: add --contact with your web page or e-mail address")
    own.require_contact()
    return own
