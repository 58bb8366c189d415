"""What a version's rows add up to: all that its card, its gates and version.json tell of them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from dataset.versions.manifest import Row
from dataset.versions.splits import SPLITS


@dataclass
class Census:
    """by_place: images by site, source label and licence. relabelled: of them, by site. credits: images by creator
    and licence, where a creator is named. doubled: clusters with several rows. doubt: sum of error probabilities.
    """

    images: int = 0
    by_split: Counter[tuple[str, str]] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    by_place: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    relabelled: Counter[str] = field(default_factory=Counter)
    origins: Counter[str] = field(default_factory=Counter)
    credits: Counter[tuple[str, str]] = field(default_factory=Counter)
    sources: set[str] = field(default_factory=set)
    first_seen: tuple[str, str] = ("", "")
    reviewed: int = 0
    doubt: float = 0.0
    doubled: int = 0

    def counts(self) -> dict[str, dict[str, int]]:
        """Images by split and label, in the order of SPLITS."""
        return {
            split: {label: n for label in sorted(self.labels) if (n := self.by_split[split, label])} for split in SPLITS
        }


def census(rows: Iterable[Row], doubled: int = 0) -> Census:
    """Count the rows, in one pass."""
    found = Census(doubled=doubled)
    days: set[str] = set()
    for row in rows:
        found.images += 1
        found.by_split[row.split, row.label] += 1
        found.labels[row.label] += 1
        found.by_place[row.site, row.source_label, row.licence] += 1
        found.relabelled[row.site] += row.label != row.source_label
        found.origins[row.label_origin] += 1
        if row.creator:
            found.credits[row.creator, row.licence] += 1
        found.sources.update(row.sources)
        found.reviewed += row.judgements > 0
        found.doubt += row.error_probability
        days.add(row.first_seen.date().isoformat())
    if days:
        found.first_seen = (min(days), max(days))
    return found
