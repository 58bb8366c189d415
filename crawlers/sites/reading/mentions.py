"""What a page says of its photos: addresses with their evidence, grouped as the page groups them."""

from dataclasses import dataclass, field
from enum import StrEnum


class Evidence(StrEnum):
    """Why an address is one of a photo's, the strongest first."""

    WIDTH = "named by the page with its width"
    NAMED = "named by the page"
    GUESS = "guessed by a rule"


@dataclass(frozen=True)
class Named:
    """An address that a page names. way: element and attribute, or key. hint: see words.size_hint.

    width_px: that the page or the address itself names; 0 for none. is_written: whether the page names the width.
    density: of `2x` in a srcset. scale: how much larger than others the media of its <source> let it be.
    """

    url: str
    way: str
    hint: int = 1
    width_px: int = 0
    is_written: bool = False
    density: float = 1.0
    scale: float = 1.0

    @property
    def evidence(self) -> Evidence:
        return Evidence.WIDTH if self.is_written else Evidence.NAMED

    @property
    def rank(self) -> float:
        """How large the picture is likely to be, in pixels of width."""
        return (
            self.width_px * (1.0 if self.is_written else 0.999)
            or LIKELY_WIDTHS_PX[self.hint] * self.density * self.scale
        )

    def says_more_than(self, other: "Named") -> bool:
        """Which of two mentions of one address counts: a width that is written says more than an attribute's name."""
        if self.is_written != other.is_written:
            plain = other if self.is_written else self
            if plain.hint <= 1 and not plain.width_px:
                return self.is_written
        return self.rank > other.rank


LIKELY_WIDTHS_PX = (100.0, 600.0, 1000.0, 4000.0)  # by hint, for addresses that name no width


@dataclass
class Mention:
    """One element, style, object or list entry of a page that names one photo, by one or more addresses.

    is_shown: whether an element shows the picture; a link, a script or a style only names it. inline: `data:` addresses
    with a picture inside that is large enough for a photo. display_px: width that the element has on the page.
    """

    named: list[Named] = field(default_factory=list)
    alt: str = ""
    rejected: str = ""
    is_shown: bool = False
    is_link: bool = False
    inline: list[str] = field(default_factory=list)
    display_px: int = 0

    @property
    def best(self) -> Named:
        return max(self.named, key=lambda one: one.rank)
