"""Who is trained on and who is tested on: decided once per cluster and per site, never changed. Pure functions."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SPLITS = ("train", "validation", "test", "test_unseen_sites")
UNSEEN = "test_unseen_sites"
SHARES = {"train": 0.75, "validation": 0.10, "test": 0.15}  # of what is not held out by site
HELD_OUT_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Group:
    """One cluster. members: every image of it that was ever published or is about to be."""

    cluster: str
    label: str
    sites: frozenset[str]
    members: tuple[str, ...]


def hold_out(sizes: Mapping[str, Mapping[str, int]], known: Mapping[str, bool]) -> dict[str, bool]:
    """Whether each site is held out whole.

    sizes: images by source label and site. known: what was decided before, and stays.
    New sites come in an order of their own, those of about half the share first: two typical sites say more
    than one big or many tiny ones. One is held out while its label is short of its share, never the
    label's largest, and at least one wherever a label has three sites or more.
    """
    decided = dict(known)
    for label in sorted(sizes):
        sites = sizes[label]
        largest = max(sorted(sites), key=lambda site: sites[site])
        wanted = HELD_OUT_SHARE * sum(sites.values())
        held = sum(count for site, count in sites.items() if decided.get(site))
        new = [site for site in sites if site not in decided]
        new.sort(key=lambda site: (abs(sites[site] - wanted / 2), _lot(site)))
        for site in new:
            decided[site] = site != largest and len(sites) > 2 and held + sites[site] / 2 <= wanted
            held += sites[site] if decided[site] else 0
        if not held and len(sites) > 2 and (candidates := [site for site in new if site != largest]):
            decided[min(candidates, key=lambda site: (sites[site], _lot(site)))] = True
    return decided


def assign(
    groups: Sequence[Group],
    ledger: Mapping[str, str],
    held_out: Mapping[str, bool],
    assigned: Mapping[str, Mapping[str, int]] | None = None,
) -> dict[str, str]:
    """Split of every member of every group.

    ledger: split by SHA-256 of those members that have one. assigned: how many other groups there are, by label
    and split. A group that has a split keeps it; where duplicates found late stand in two, the group goes to the one
    that is tested on. A new group goes to the split that is furthest below its share of the group's label.
    """
    answer: dict[str, str] = {}
    filled: dict[str, Counter[str]] = defaultdict(Counter)
    for label, count in (assigned or {}).items():
        filled[label].update(count)
    waiting = []
    for group in groups:
        before = {ledger[member] for member in group.members if member in ledger}
        if before:
            split = next(name for name in (UNSEEN, "test", "validation", "train") if name in before)
        elif any(held_out.get(site) for site in group.sites):
            split = UNSEEN
        else:
            waiting.append(group)
            continue
        filled[group.label][split] += 1
        answer.update({member: ledger.get(member, split) for member in group.members})
    for group in sorted(waiting, key=lambda group: _lot(group.cluster)):
        count = filled[group.label]
        total = sum(count[name] for name in SHARES) + 1
        split = max(SHARES, key=lambda name: (SHARES[name] * total - count[name], SHARES[name]))
        count[split] += 1
        answer.update(dict.fromkeys(group.members, split))
    return answer


def published_split(members: Sequence[str], ledger: Mapping[str, str]) -> str:
    """Split in which a cluster appears: the most protected of its members'."""
    before = {ledger[member] for member in members if member in ledger}
    return next(name for name in (UNSEEN, "test", "validation", "train") if name in before)


def _lot(name: str) -> str:
    return hashlib.sha256(f"split {name}".encode()).hexdigest()
