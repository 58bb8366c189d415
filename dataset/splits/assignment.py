"""Assign splits: once for each cluster and each site, never changed afterwards. Pure functions."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SPLITS = ("train", "validation", "test", "test_unseen_sites")
UNSEEN = "test_unseen_sites"
TRAIN, TESTS = "train", ("test", UNSEEN)
SHARES = {"train": 0.75, "validation": 0.10, "test": 0.15}  # of the clusters that are not from held-out sites
HELD_OUT_SHARE = 0.15  # of each label's images
LEAST_SITES = 3  # of a label, from which one is held out; the folders of a source count as sites
PROTECTED_FIRST = (UNSEEN, "test", "validation", "train")  # where copies are in several splits, the first one wins


@dataclass(frozen=True, slots=True)
class Group:
    """One picture: a cluster, or several that confirmed pairs connect. members: all its images, published before or
    about to be.
    """

    cluster: str
    label: str
    sites: frozenset[str]
    members: tuple[str, ...]


def hold_out(sizes: Mapping[str, Mapping[str, int]], known: Mapping[str, bool]) -> dict[str, bool]:
    """Decide for each site whether all its images are held out.

    sizes: images by source label and site. known: earlier decisions, which stay.
    A new site is held out while its label has less than HELD_OUT_SHARE held out. The label's largest site never is.
    Where a label has three sites or more, at least one is. Sites with about half of the share are tried first: two
    sites of typical size tell more than one large site or many small ones.
    """
    decided = dict(known)
    for label in sorted(sizes):
        sites = sizes[label]
        largest = max(sorted(sites), key=lambda site: sites[site])
        wanted = HELD_OUT_SHARE * sum(sites.values())
        held = sum(count for site, count in sites.items() if decided.get(site))
        new = [site for site in sites if site not in decided]
        new.sort(key=lambda site: (abs(sites[site] - wanted / 2), _random_order(site)))
        for site in new:
            decided[site] = site != largest and len(sites) >= LEAST_SITES and held + sites[site] / 2 <= wanted
            held += sites[site] if decided[site] else 0
        if not held and len(sites) >= LEAST_SITES and (candidates := [site for site in new if site != largest]):
            decided[min(candidates, key=lambda site: (sites[site], _random_order(site)))] = True
    return decided


def assign(
    groups: Sequence[Group],
    ledger: Mapping[str, str],
    held_out: Mapping[str, bool],
    assigned: Mapping[str, Mapping[str, int]] | None = None,
) -> dict[str, str]:
    """Split of each member of each group.

    ledger: splits assigned before, by SHA-256. assigned: how many other groups there are, by label and split.
    A group that has a split keeps it. Where duplicates are found late and are in two splits, the new members go to
    the first of them in PROTECTED_FIRST; where the group is on a held-out site by now, they go to UNSEEN. A new group
    goes to the split that is furthest below its share of the label.
    """
    split_of: dict[str, str] = {}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for label, count in (assigned or {}).items():
        counts[label].update(count)
    new = []
    for group in groups:
        before = {ledger[member] for member in group.members if member in ledger}
        if any(held_out.get(site) for site in group.sites):
            split = UNSEEN
        elif before:
            split = next(name for name in PROTECTED_FIRST if name in before)
        else:
            new.append(group)
            continue
        counts[group.label][split] += 1
        split_of.update({member: ledger.get(member, split) for member in group.members})
    for group in sorted(new, key=lambda group: _random_order(group.cluster)):
        count = counts[group.label]
        total = sum(count[name] for name in SHARES) + 1
        split = max(SHARES, key=lambda name: (SHARES[name] * total - count[name], SHARES[name]))
        count[split] += 1
        split_of.update(dict.fromkeys(group.members, split))
    return split_of


def published_split(members: Sequence[str], ledger: Mapping[str, str]) -> str:
    """Split in which a cluster is published: of its members' splits, the first in PROTECTED_FIRST."""
    if len(members) == 1:  # most clusters
        return ledger[members[0]]
    before = {ledger[member] for member in members if member in ledger}
    return next(name for name in PROTECTED_FIRST if name in before)


def _random_order(name: str) -> bytes:
    """Sort key: an order that is random and always the same."""
    return hashlib.sha256(f"split {name}".encode()).digest()
