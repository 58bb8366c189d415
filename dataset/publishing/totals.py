"""Totals of a version's rows: all numbers that its card, its gates and version.json need."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dataset.splits.assignment import LEAST_SITES, SPLITS, TESTS, TRAIN, UNSEEN
from dataset.versions.manifest import Row, counted_licences

IMBALANCE_RATIO = 3.0  # images of the commonest label per image of the rarest, from which the card warns


@dataclass
class Totals:
    """by_split: images by split and label. by_site: images by site, source label and licence. relabelled: images whose
    label is not the source label, by site. credits: images by creator and licence, where a creator is named.
    preferences: images by what owners say of training. notices: images that carry a copyright notice.
    first_seen: first and last day. expected_wrong: sum of the error probabilities; None if nothing calibrates them.
    sampled: answered pictures of the audit sample. repeated_clusters: rows beyond one for each cluster. split_leaks:
    pictures that are in two splits.
    """

    images: int = 0
    by_split: Counter[tuple[str, str]] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    by_site: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    relabelled: Counter[str] = field(default_factory=Counter)
    origins: Counter[str] = field(default_factory=Counter)
    credits: Counter[tuple[str, str]] = field(default_factory=Counter)
    preferences: Counter[str] = field(default_factory=Counter)
    notices: int = 0
    sources: set[str] = field(default_factory=set)
    first_seen: tuple[str, str] = ("", "")
    reviewed: int = 0
    expected_wrong: float | None = 0.0
    sampled: int = 0
    repeated_clusters: int = 0
    split_leaks: int = 0

    def licences(self) -> dict[str, int]:
        """Images by licence, the one of most images first."""
        return counted_licences((licence, images) for (_, _, licence), images in self.by_site.items())

    def counts(self) -> dict[str, dict[str, int]]:
        """Images by split and label, in the order of SPLITS."""
        return {
            split: {label: n for label in sorted(self.labels) if (n := self.by_split[split, label])} for split in SPLITS
        }


def totals_of(
    rows: Iterable[Row], repeated_clusters: int = 0, split_leaks: int = 0, too_few: int | None = None
) -> Totals:
    """Count the rows in one pass. The other counts are the caller's, because they need all clusters at once.

    too_few: answers about the audit sample while they are too few to calibrate error probabilities; None: they are not.
    """
    totals = Totals(repeated_clusters=repeated_clusters, split_leaks=split_leaks, sampled=too_few or 0)
    expected_wrong = 0.0
    first = last = None
    for row in rows:
        totals.images += 1
        totals.by_split[row.split, row.label] += 1
        totals.labels[row.label] += 1
        totals.by_site[row.site, row.source_label, row.licence] += 1
        totals.relabelled[row.site] += row.label != row.source_label
        totals.origins[row.label_origin] += 1
        if row.creator:
            totals.credits[row.creator, row.licence] += 1
        totals.preferences[row.usage_preference] += 1
        totals.notices += bool(row.copyright_notice)
        totals.sources.update(row.sources)
        totals.reviewed += row.judgements > 0
        expected_wrong += row.error_probability
        first = min(first, row.first_seen) if first else row.first_seen
        last = max(last, row.first_seen) if last else row.first_seen
    totals.expected_wrong = expected_wrong if too_few is None else None
    if first and last:
        totals.first_seen = (first.date().isoformat(), last.date().isoformat())
    return totals


def balance(counts: Mapping[str, int]) -> str:
    """A warning where the labels are out of balance; empty where they are not. counts: images by label."""
    if len(counts) < 2 or not all(counts.values()):
        missing = [label for label, n in counts.items() if not n]
        return f"No image is labelled {' or '.join(missing)}: collect some." if missing else ""
    most, least = max(counts, key=lambda label: counts[label]), min(counts, key=lambda label: counts[label])
    ratio = counts[most] / counts[least]
    if ratio < IMBALANCE_RATIO:
        return ""
    return f"{ratio:.1f} times as many images are {most} as {least}: collect more {least}, or weight the classes."


def why_none_unseen(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Why no site is held out; empty where one is, or where nothing is published. counts: images by split and label."""
    if any(counts.get(UNSEEN, {}).values()) or not any(any(by_label.values()) for by_label in counts.values()):
        return ""
    return f"{UNSEEN} is empty: one site or folder is held out of each label that has {LEAST_SITES} or more of them"


def one_sided(counts: Mapping[str, Mapping[str, int]], labels: Iterable[str] = ()) -> list[str]:
    """Warnings where labels or splits lack images. counts: images by split and label. labels: that should have some."""
    there = {label: n for by_label in counts.values() for label, n in by_label.items() if n}
    splits = [split for split, by_label in counts.items() if any(by_label.values())]
    missing = [label for label in labels if label not in there]
    warnings = []
    if missing:
        warnings.append(f"no image is labelled {' or '.join(missing)}: collect some, or remove the label")
    if len(there) == 1:
        warnings.append(f"every image is labelled {next(iter(there))}: no model can learn from one class")
    if len(splits) == 1:
        warnings.append(f"every image is in the split {splits[0]}: training and tests need different images")
    if len(there) > 1 and len(splits) > 1:
        untested = [label for label in there if not any(counts.get(split, {}).get(label) for split in TESTS)]
        unlearned = [label for label in there if not counts.get(TRAIN, {}).get(label)]
        if untested:
            warnings.append(
                f"no test has an image of {' or '.join(untested)}: collect more, to see how good a model is"
            )
        if unlearned:
            warnings.append(f"the split {TRAIN} has no image of {' or '.join(unlearned)}: collect more")
    return warnings
