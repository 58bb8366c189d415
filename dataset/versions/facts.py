"""Facts of a version: gates, shortcuts and the audit (in version.json), and erased rows (in erased.json)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

T = TypeVar("T")
Counts = Mapping[str, Mapping[str, int]]  # images by split and label
LEAF = re.compile("([0-9a-f]{2})+")  # a digest


@dataclass(frozen=True)
class Gate:
    """A check before publishing. limit: from isitcake.toml. value: the measured value. of: what was measured."""

    gate: str
    limit: float
    value: float
    of: str


@dataclass(frozen=True)
class ForcedGate(Gate):
    """A check that failed in a version published with --force. forced: why it failed."""

    forced: str


@dataclass(frozen=True)
class Shortcut:
    """score: balanced accuracy of predicting the label from `feature` alone, cross-validated by site; None where there
    are too few sites or images of a label. advice: what to collect; empty where the score is near chance.
    """

    feature: str
    score: float | None
    advice: str = ""


@dataclass(frozen=True)
class Audit:
    """The audit sample on the day of publishing. images: answered. wrong: of them, with a wrong label.

    low, high: 95 % interval of the share of wrong labels. by_label, by_source: (images, wrong) of each.
    """

    images: int
    wrong: int
    low: float
    high: float
    by_label: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    by_source: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class ErasedRow:
    """A row that was erased from a version. position: its index in the manifest as published. leaf: its digest.

    erasure: which erasure of the version removed it, from 1 on; 0 where an earlier release did.
    """

    position: int
    leaf: str
    split: str
    label: str
    erasure: int = 0

    def record(self) -> dict[str, Any]:
        """The row's entry in erased.json."""
        entry = {"place": self.position, "leaf": self.leaf, "split": self.split, "label": self.label}
        return {**entry, "erasure": self.erasure} if self.erasure else entry


def gate(record: Mapping[str, Any]) -> Gate:
    return _known_fields(ForcedGate if record.get("forced") else Gate, record)


def shortcut(record: Mapping[str, Any]) -> Shortcut:
    return _known_fields(Shortcut, record)


def audit(record: Mapping[str, Any]) -> Audit:
    pairs = {
        part: {name: (images, wrong) for name, (images, wrong) in record.get(part, {}).items()}
        for part in ("by_label", "by_source")
    }
    return _known_fields(Audit, {**record, **pairs})


def erased_row(record: Mapping[str, Any]) -> ErasedRow:
    """Raises ValueError, TypeError or KeyError for an entry that no erasure wrote."""
    row = ErasedRow(record["place"], record["leaf"], record["split"], record["label"], record.get("erasure", 0))
    if type(row.position) is not int or type(row.erasure) is not int or min(row.position, row.erasure) < 0:
        raise ValueError("a number is none")
    if not LEAF.fullmatch(row.leaf) or not isinstance(row.split, str) or not isinstance(row.label, str):
        raise ValueError("a leaf, a split or a label is none")
    return row


def total(counts: Counts) -> int:
    """All images of counts by split and label."""
    return sum(sum(labels.values()) for labels in counts.values())


def together(counts: Counts, more: Counts) -> dict[str, dict[str, int]]:
    """The counts, with those of `more` added to them."""
    return {
        split: {label: n + more.get(split, {}).get(label, 0) for label, n in labels.items()}
        for split, labels in counts.items()
    }


def left_of(counts: Counts, gone: Sequence[ErasedRow]) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """Images that are left, and images that were erased, by split and label. counts: as published.

    A split and a label stay where none of their images is left: their folders do, too.
    """
    left = {split: dict(labels) for split, labels in counts.items()}
    erased: dict[str, dict[str, int]] = {}
    for row in gone:
        if left.get(row.split, {}).get(row.label, 0) > 0:
            left[row.split][row.label] -= 1
            part = erased.setdefault(row.split, {})
            part[row.label] = part.get(row.label, 0) + 1
    return left, erased


def positions(rows: int, gone: Sequence[ErasedRow]) -> list[int]:
    """Position in the manifest as published of each of the `rows` that are left."""
    taken = {row.position for row in gone}
    return [position for position in range(rows + len(gone)) if position not in taken]


def _known_fields(kind: type[T], record: Mapping[str, Any]) -> T:
    """Versions of other releases may have more keys, or fewer."""
    names = [each.name for each in fields(kind)]  # type: ignore[arg-type]  # all are dataclasses
    return kind(**{name: record[name] for name in names if name in record})
