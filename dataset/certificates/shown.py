"""What the looks of a design show about the labels: recomputed from its pictures and their answers. Pure functions."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from dataset.certificates.bound import Sequences, Strata
from dataset.certificates.certificate import ALL, FIRST, Bound, Certificate, Cover, Group, Image, Look, Terms, Unit


def groups_of(units: Iterable[Unit]) -> list[Group]:
    """All pictures, then each label and each held-out site of a design."""
    known = list(units)
    labels = sorted({unit.label for unit in known})
    sites = sorted({unit.site for unit in known if unit.site})
    parts = [Group("label", label) for label in labels] if len(labels) > 1 else []
    return [ALL, *parts, *(Group("site", site) for site in sites)]


def bounds(terms: Terms, units: Sequence[Unit], groups: Sequence[Group] = (ALL,)) -> dict[Group, Bound]:
    """What the looks so far show about each group. units: in the order of looks.

    Pictures count as drawn once all that come first are looked at, up to the next one that nobody looked at: what the
    bets rest on must not depend on who looks when. Wrong pictures that were found after it are fixed, too.
    """
    drawn = [unit for unit in units if unit.stratum != FIRST]
    sizes = [sum(map(group.has, units)) for group in groups]
    allowed = [terms.allowed * n // max(1, len(units)) for n in sizes]  # not from terms.error, which may change
    first = [unit for unit in units if unit.stratum == FIRST]
    before = [_found_first([unit for unit in first if group.has(unit)], len(first), terms) for group in groups]
    found, expected = (np.array(part) for part in zip(*before, strict=True))
    strata = _strata(drawn, terms, groups)
    sequences = Sequences(strata, np.array(allowed), terms.confidence, before=(found, expected))
    for unit in drawn if all(unit.look != Look.NONE for unit in first) else ():
        if unit.look == Look.NONE:
            break
        is_asked = np.array([group.has(unit) for group in groups])
        sequences.look(np.full(len(groups), unit.stratum), is_asked, np.full(len(groups), unit.look == Look.WRONG))
    return {
        group: _bound([unit for unit in units if group.has(unit)], int(most))
        for group, most in zip(groups, sequences.upper(), strict=True)
    }


def _found_first(units: Sequence[Unit], first: int, terms: Terms) -> tuple[float, float]:
    """Wrong labels that were found among the pictures of a group that are looked at first, and that were expected."""
    n_wrong = sum(unit.look == Look.WRONG for unit in units)
    return float(n_wrong), terms.first_expected * len(units) / max(1, first)


def _bound(units: Sequence[Unit], most: int) -> Bound:
    """units: of one group. most: wrong ones among those drawn, at the start, found ones included."""
    waiting = [unit for unit in units if unit.look == Look.NONE]
    wrong = [unit for unit in units if unit.look == Look.WRONG]
    first = sum(unit.stratum == FIRST for unit in waiting)  # nothing is known about them: all may be wrong
    still_wrong = max(0, most - sum(unit.stratum != FIRST for unit in wrong))
    left = min(still_wrong, len(waiting) - first) + first
    return Bound(len(units), len(units) - len(waiting), len(wrong), left)


def _strata(drawn: Sequence[Unit], terms: Terms, groups: Sequence[Group]) -> Strata:
    counts = np.zeros((len(groups), len(terms.weight)), dtype=np.int64)
    sizes = np.zeros(len(terms.weight), dtype=np.int64)
    for unit in drawn:
        sizes[unit.stratum] += 1
        counts[:, unit.stratum] += [group.has(unit) for group in groups]
    return Strata(np.array(terms.weight), np.array(terms.expected), sizes, counts)


def certify(
    terms: Terms, units: Sequence[Unit], images: Iterable[Image], groups: Sequence[Group] = (ALL,)
) -> Certificate:
    """The certificate of images, from the looks at a design. groups: ALL first, then those to bound by themselves."""
    found = bounds(terms, units, groups)
    counts: dict[Group, Counter[Cover]] = {group: Counter() for group in groups}
    for image in images:
        for group in (ALL, Group("label", image.label), Group("site", image.site)):
            if group in counts:
                counts[group][image.cover] += 1

    def left(group: Group) -> int:
        return min(found[group].left, counts[group][Cover.DRAWN])

    def part(kind: str) -> dict[str, tuple[int, int]]:
        named = [group for group in groups if group.kind == kind and counts[group].total()]
        return {group.name: (counts[group].total(), left(group) + counts[group][Cover.NONE]) for group in named}

    count = counts[ALL]
    return Certificate(
        error=terms.error,
        confidence=terms.confidence,
        images=count.total(),
        known=count[Cover.KNOWN],
        looks=found[ALL].looks,
        found=found[ALL].found,
        left=left(ALL),
        uncovered=count[Cover.NONE],
        expected_looks=terms.looks,
        by_label=part("label"),
        by_site=part("site"),
    )
