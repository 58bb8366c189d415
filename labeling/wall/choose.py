"""Choose what a wall shows. Pure functions.

A wall is pictures that are believed to have one label. Hidden among those that the queue asks about are pictures with a
known answer, odd ones and right ones, and pictures of the audit sample.
"""

import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dataset.labels.vocabulary import Purpose
from labeling.plan_round import Pick

ODD_SHARE = 0.8  # of the pictures with a known answer; they measure how many odd pictures are missed
LEAST_ODD = 2  # known odd pictures on a wall, if there are as many
SINGLES = {Purpose.DISPUTE: 4, Purpose.AUDIT: 3, Purpose.REPEAT: 2}  # asked about alone after 100 pictures, at most
SUSPECTED = 0.5  # error probability from which the suggested label is believed, not the claimed one


@dataclass(frozen=True)
class Candidate:
    """A picture that may be on a wall. label: that it is believed to have."""

    sha256: str
    label: str


@dataclass(frozen=True)
class Known:
    """A picture with a known answer. looks_like: the label that sources claim for it."""

    sha256: str
    answer: str
    looks_like: str


@dataclass(frozen=True)
class Material:
    """What a wall can be made of, the best of each kind first.

    risk: of the queue. audit: of the sample, without an answer. known: with an answer that people agree on.
    """

    risk: Sequence[Candidate]
    audit: Sequence[Candidate]
    known: Sequence[Known]


@dataclass(frozen=True)
class Sizes:
    """pictures: most on a wall. audit_share, gold_share: of these, for the audit sample and for known answers."""

    pictures: int
    audit_share: float
    gold_share: float


@dataclass(frozen=True)
class Picked:
    """A wall. label: that all its pictures are believed to have."""

    label: str
    picks: Sequence[Pick]


def believed(claimed: str, suggested: str, error_probability: float) -> str:
    """The label that a picture is believed to have."""
    return suggested if not claimed or (suggested and error_probability >= SUSPECTED) else claimed


def choose(material: Material, sizes: Sizes, rng: random.Random) -> Picked | None:
    """The next wall; None where nothing is left to ask."""
    front = material.risk[: sizes.pictures] or material.audit[: sizes.pictures]
    if not front:
        return None
    label = Counter(one.label for one in front).most_common(1)[0][0]  # of labels as common, the first in the queue
    audit = [one.sha256 for one in material.audit if one.label == label][: round(sizes.pictures * sizes.audit_share)]
    taken = set(audit)
    known = _known(material.known, label, round(sizes.pictures * sizes.gold_share), rng)
    room = sizes.pictures - len(audit) - len(known)
    risk = [one.sha256 for one in material.risk if one.label == label and one.sha256 not in taken][:room]
    taken |= set(risk)
    most_known = max(LEAST_ODD, math.ceil(len(taken) * sizes.gold_share))  # few questions have few known answers
    hidden = [sha256 for sha256 in known if sha256 not in taken][:most_known]
    picks = [Pick(Purpose.AUDIT, sha256) for sha256 in audit]
    picks += [Pick(Purpose.RISK, sha256) for sha256 in risk]
    picks += [Pick(Purpose.GOLD, sha256) for sha256 in hidden]
    return Picked(label, picks)


def _known(known: Iterable[Known], label: str, count: int, rng: random.Random) -> list[str]:
    """Known pictures for a wall of this label: odd ones that sources take for it, then right ones, in turn."""
    odd = [one for one in known if one.answer != label and one.looks_like == label]
    right = [one for one in known if one.answer == label]
    rng.shuffle(odd)
    rng.shuffle(right)
    n_odd = min(len(odd), max(LEAST_ODD, round(count * ODD_SHARE)))
    n_right = min(len(right), max(0, count - n_odd))
    return [one.sha256 for one in odd[:n_odd]] + [one.sha256 for one in right[:n_right]]


def singles(
    disputed: Sequence[str], audit: Sequence[str], confirmed: Sequence[str], rng: random.Random, walls: float = 1.0
) -> list[Pick]:
    """Pictures to ask about alone, each once. walls: of 100 pictures, since the last ones.

    disputed: not settled. audit: of the sample. confirmed: on walls by this reviewer; a few random ones of them measure
    how many odd pictures the walls miss.
    """
    most = {purpose: math.ceil(count * walls) for purpose, count in SINGLES.items()}
    drawn = rng.sample(list(confirmed), min(len(confirmed), most[Purpose.REPEAT]))
    picks: dict[str, Pick] = {}
    for purpose, pictures in ((Purpose.DISPUTE, disputed), (Purpose.AUDIT, audit), (Purpose.REPEAT, drawn)):
        fresh = [sha256 for sha256 in pictures if sha256 not in picks][: most[purpose]]
        picks |= {sha256: Pick(purpose, sha256) for sha256 in fresh}
    shuffled = list(picks.values())
    rng.shuffle(shuffled)
    return shuffled
