"""What a design, its looks and its certificate are made of. Imports nothing slow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

FIRST = -1  # stratum of the pictures that are looked at first
LEAST_SITE_IMAGES = 5  # of a held-out site that has a line of its own


class Look(StrEnum):
    """What people found when they looked at a picture."""

    NONE = ""  # nobody looked yet
    RIGHT = "right"
    WRONG = "wrong"  # another label, or none of the project's


@dataclass(frozen=True)
class Unit:
    """A picture of a design. sha256: empty once it is erased. label: that it had when the design was made.

    site: held out; empty otherwise. ticket: the random number that places it.
    """

    sha256: str
    label: str
    stratum: int
    site: str = ""
    look: Look = Look.NONE
    ticket: float = 0.0


@dataclass(frozen=True)
class Group:
    """Some pictures of a design that are bounded by themselves. kind: "", "label" or "site"."""

    kind: str
    name: str

    def has(self, unit: Unit) -> bool:
        """Whether a picture belongs to it."""
        return self.kind == "" or (unit.label if self.kind == "label" else unit.site) == self.name


ALL = Group("", "")


@dataclass(frozen=True)
class Bound:
    """What is shown about a group. pictures: in the design. looks: how many people looked at. found: wrong among them.

    left: with the confidence of the design, at most so many pictures are wrong among those nobody looked at.
    """

    pictures: int
    looks: int
    found: int
    left: int


@dataclass(frozen=True)
class Terms:
    """What was fixed before the first look. error, confidence: as asked for. allowed: so many wrong labels may be left;
    it steers the bets, and the bounds hold for any. weight, expected: of each stratum, as in bound.Strata.
    first_expected: wrong labels among the pictures that are looked at first. looks: how many were expected; None where
    nothing was.
    """

    error: float
    confidence: float
    allowed: int
    weight: Sequence[float]
    expected: Sequence[float]
    first_expected: float = 0.0
    looks: int | None = None


class Cover(StrEnum):
    """What is known about an image that a certificate is about."""

    KNOWN = "known"  # people settled its label
    DRAWN = "drawn"  # in the design, with this label, and nobody looked at it
    NONE = "none"  # it came, or changed its label, after the design was made: it counts as wrong


@dataclass(frozen=True)
class Image:
    """An image of a version, or that would be published now. site: held out; empty otherwise."""

    label: str
    site: str
    cover: Cover


@dataclass(frozen=True)
class Certificate:
    """What a certificate says. error, confidence: as asked for. images: that it is about. known: of them, whose label
    people settled. looks: at pictures of the design. found: wrong labels among these; they are fixed. left: at most so
    many are wrong among the other pictures of the design, at this confidence. uncovered: images that are not in the
    design: each counts as wrong. expected_looks: before the first; None where nothing was expected.
    by_label, by_site: (images, wrong at most) of each label and held-out site, each at this confidence by itself.
    """

    error: float
    confidence: float
    images: int
    known: int
    looks: int
    found: int
    left: int
    uncovered: int
    expected_looks: int | None = None
    by_label: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    by_site: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def wrong_at_most(self) -> int:
        """With the confidence, no more labels than these are wrong."""
        return self.left + self.uncovered

    @property
    def share(self) -> float:
        """`wrong_at_most` as a share of all images."""
        return self.wrong_at_most / self.images if self.images else 0.0

    @property
    def holds(self) -> bool:
        """Whether what was asked for is shown."""
        return self.wrong_at_most <= self.error * self.images

    @property
    def larger_sites(self) -> dict[str, tuple[int, int]]:
        """The held-out sites that are worth a line. Each query of a photo service is a site, often of one image."""
        return {name: bound for name, bound in self.by_site.items() if bound[0] >= LEAST_SITE_IMAGES}

    def line(self) -> str:
        """The result, in one sentence."""
        return f"with {self.confidence:.0%} confidence, at most {self.share:.2%} of {self.images} labels are wrong"
