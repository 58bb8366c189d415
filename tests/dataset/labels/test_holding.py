"""dataset.labels.holding: the label that holds, read once and then only what is new."""

from datetime import UTC, datetime

from sqlalchemy import delete, insert, update

from dataset.catalog.tables import decisions, names
from dataset.labels import label_ledger
from dataset.labels.holding import Holding
from dataset.project import Project

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def holds(project: Project, holding: Holding) -> dict[str, str]:
    """The labels, which must be those of the ledger."""
    with project.catalog.read() as connection:
        labels = dict(holding.labels(connection))
        assert labels == {sha256: decision.label for sha256, decision in label_ledger.latest(connection).items()}
    return labels


def test_the_labels_are_those_of_the_ledger_whatever_happens(collected: Project) -> None:
    """After new, changed and removed decisions."""
    holding = Holding()
    first, second, *_ = holds(collected, holding)
    new = {"label": "unsure", "origin": "human", "reason": "", "decided_at": NOW}
    with collected.catalog.write() as connection:
        connection.execute(insert(decisions), [{"sha256": first, **new}, {"sha256": second, **new}])
    assert [holds(collected, holding)[name] for name in (first, second)] == ["unsure", "unsure"]
    with collected.catalog.write() as connection:
        connection.execute(delete(decisions).where(decisions.c.sha256 == second))
    assert second not in holds(collected, holding)
    with collected.catalog.write() as connection:
        connection.execute(update(decisions).where(decisions.c.label == "cake").values(label="gateau"))
        renamed = {"kind": "label", "name": "cake", "position": 9, "state": "renamed", "became": "gateau", "since": NOW}
        connection.execute(delete(names).where(names.c.kind == "label", names.c.name == "cake"))
        connection.execute(insert(names), [renamed])
    assert "cake" not in holds(collected, holding).values()


def test_nothing_is_read_again_while_nothing_changes(collected: Project) -> None:
    holding = Holding()
    with collected.catalog.read() as connection:
        assert holding.labels(connection) is holding.labels(connection)
