"""Today's decisions about a version's pictures: labels that changed, and pictures that were withdrawn, since."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from sqlalchemy import Connection, func, select

from dataset.catalog.tables import decisions, erasures, tombstones
from dataset.labels import label_ledger
from dataset.labels.decisions import Decision
from dataset.labels.vocabulary import DecisionOrigin
from dataset.splits.assignment import UNSEEN
from dataset.versions import published
from dataset.versions.manifest import Row

PEOPLE = frozenset({DecisionOrigin.HUMAN, DecisionOrigin.CONSENSUS})


@dataclass(frozen=True)
class Today:
    """version: the newest. rows: its images with the labels that hold now, without images that are no longer of any
    label. decided: the decision that holds for each image of the catalog.
    """

    version: published.Version
    rows: list[Row]
    decided: Mapping[str, Decision]

    @property
    def tests(self) -> list[Row]:
        """The rows of both tests. All models are compared on them."""
        return [row for row in self.rows if row.split in ("test", UNSEEN)]

    def label_of(self, sha256: str) -> str:
        """The project's label that holds for an image of any version; empty where none does, or where it was erased."""
        decision = self.decided.get(sha256)
        label = decision.label if decision else self._published.get(sha256, "")
        return label if label in self.version.labels else ""

    def is_changed(self, sha256: str, label: str) -> bool:
        """Whether people decided since that an image is not of this label."""
        decision = self.decided.get(sha256)
        return decision is not None and decision.origin in PEOPLE and decision.label != label

    @cached_property
    def _published(self) -> dict[str, str]:
        return {row.sha256: row.label for row in self.rows}


def today(connection: Connection, home: Path) -> Today | None:
    """The newest version as it is decided now; None while nothing is published. Raises DamagedVersion."""
    version = published.newest(home)
    if version is None:
        return None
    decided = label_ledger.latest(connection)
    return Today(version, [row for old in version.rows() if (row := _now(old, version, decided))], decided)


def revision(connection: Connection) -> tuple[str, ...]:
    """Changes whenever an image is decided, and when an erasure begins and ends."""
    newest = connection.execute(select(func.max(decisions.c.id))).scalar()
    buried = connection.execute(select(func.count()).select_from(tombstones)).scalar_one()
    erased = connection.execute(select(func.count(), func.max(erasures.c.done_at)).select_from(erasures)).one()
    return (str(newest), str(buried), *map(str, erased))


def _now(row: Row, version: published.Version, decided: Mapping[str, Decision]) -> Row | None:
    decision = decided.get(row.sha256)
    if decision is None or decision.label == row.label:
        return row
    return replace(row, label=decision.label) if decision.label in version.labels else None
