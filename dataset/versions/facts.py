"""Facts of a version: gates, shortcuts and the audit (in version.json), and erased rows (in erased.json)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

T = TypeVar("T")


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
    """A row that was erased from a version. position: its index in the manifest as published. leaf: its digest."""

    position: int
    leaf: str
    split: str
    label: str

    def record(self) -> dict[str, Any]:
        """The row's entry in erased.json."""
        return {"place": self.position, "leaf": self.leaf, "split": self.split, "label": self.label}


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
    return ErasedRow(record["place"], record["leaf"], record["split"], record["label"])


def _known_fields(kind: type[T], record: Mapping[str, Any]) -> T:
    """Versions of other releases may have more keys, or fewer."""
    names = [each.name for each in fields(kind)]  # type: ignore[arg-type]  # all are dataclasses
    return kind(**{name: record[name] for name in names if name in record})
