"""Today's decisions about a version's pictures: labels that changed, and pictures that were withdrawn, since."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from sqlalchemy import Connection, func, select

from dataset.catalog.tables import decisions, erasures, names, tombstones
from dataset.labels import label_ledger
from dataset.labels.decisions import Decision
from dataset.labels.vocabulary import DecisionOrigin
from dataset.names.renamed import LABEL, renamed
from dataset.splits.assignment import UNSEEN
from dataset.versions import published
from dataset.versions.manifest import Row

PEOPLE = frozenset({DecisionOrigin.HUMAN, DecisionOrigin.CONSENSUS})


@dataclass(frozen=True)
class Today:
    """version: the newest, with the labels' names of now. rows: its images with the labels that hold now, without
    images that are no longer of any label. decided: the decision that holds for each image of the catalog. new_names:
    the name that a label has now, by the one that versions and models may have.
    """

    version: published.Version
    rows: list[Row]
    decided: Mapping[str, Decision]
    new_names: Mapping[str, str] = field(default_factory=dict)

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
        return decision is not None and decision.origin in PEOPLE and decision.label != self.new_names.get(label, label)

    @cached_property
    def _published(self) -> dict[str, str]:
        return {row.sha256: row.label for row in self.rows}


def today(connection: Connection, home: Path) -> Today | None:
    """The newest version as it is decided now; None while nothing is published. Raises DamagedVersion."""
    newest = published.newest(home)
    if newest is None:
        return None
    decided, new_names = label_ledger.latest(connection), renamed(connection, LABEL)
    labels = list(dict.fromkeys(new_names.get(label, label) for label in newest.labels))
    version = replace(newest, labels=labels)
    rows = [row for old in newest.rows() if (row := _now(_with_new_names(old, new_names), version, decided))]
    return Today(version, rows, decided, new_names)


def revision(connection: Connection) -> tuple[str, ...]:
    """Changes whenever an image is decided, when a label or source is renamed, and when an erasure begins and ends."""
    newest = connection.execute(select(func.max(decisions.c.id))).scalar()
    buried = connection.execute(select(func.count()).select_from(tombstones)).scalar_one()
    erased = connection.execute(select(func.count(), func.max(erasures.c.done_at)).select_from(erasures)).one()
    named = connection.execute(select(func.max(names.c.since))).scalar()
    return (str(newest), str(buried), *map(str, erased), str(named))


def _with_new_names(row: Row, new_names: Mapping[str, str]) -> Row:
    """The row, with its label and the label of its source under their names of now."""
    if row.label not in new_names and row.source_label not in new_names:
        return row
    return replace(
        row, label=new_names.get(row.label, row.label), source_label=new_names.get(row.source_label, row.source_label)
    )


def _now(row: Row, version: published.Version, decided: Mapping[str, Decision]) -> Row | None:
    decision = decided.get(row.sha256)
    if decision is None or decision.label == row.label:
        return row
    return replace(row, label=decision.label) if decision.label in version.labels else None
