"""Compare the labels and sources of isitcake.toml with those of the catalog, before anything is written.

Both are names in rows that people and crawls made. If a name were gone from isitcake.toml only, pictures would be left
out, and nobody would see it. See docs/decisions/0024.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, func, or_, select, union

from dataset.catalog.claims import standing
from dataset.catalog.tables import judgements, names, runs
from dataset.catalog.writes import append
from dataset.names.renamed import LABEL, SOURCE, USED, renamed
from dataset.project import Project
from foundation.errors import ConfigError
from foundation.settings import Settings


def require_agreement(project: Project) -> None:
    """Record new labels. Raises ConfigError where isitcake.toml no longer names a label or source that is in use."""
    settings = project.settings
    labels = list(settings.project.labels)
    with project.catalog.read() as connection:
        recorded = recorded_labels(connection)
        refusal = _refused_labels(connection, settings, recorded) or _refused_sources(connection, settings)
    if refusal:
        raise ConfigError(f"{settings.config_path}: {refusal}")
    if recorded != labels:
        with project.catalog.write() as connection:
            record_labels(connection, labels, datetime.now(UTC))


def recorded_labels(connection: Connection) -> list[str]:
    """The labels in the order of their class numbers; none where the catalog is new, or of an older program."""
    used = select(names.c.name).where(names.c.kind == LABEL, names.c.state == USED)
    return list(connection.execute(used.order_by(names.c.position)).scalars())


def record_labels(connection: Connection, labels: Sequence[str], now: datetime) -> None:
    """Make `labels` those that are used."""
    is_used = (names.c.kind == LABEL) & or_(names.c.state == USED, names.c.name.in_(labels))
    connection.execute(names.delete().where(is_used))
    common = {"kind": LABEL, "state": USED, "became": "", "since": now}
    append(connection, names, [{**common, "name": name, "position": number} for number, name in enumerate(labels)])


def claimed_labels(connection: Connection) -> list[str]:
    """The labels that sources claim now."""
    return sorted(connection.execute(select(standing.c.source_label).distinct()).scalars())


def is_label_used(connection: Connection, label: str) -> bool:
    """Whether a source claims the label, or somebody answered it."""
    uses = union(
        select(standing.c.sha256).where(standing.c.source_label == label),
        select(judgements.c.sha256).where(judgements.c.answer == label),
    )
    return connection.execute(uses.limit(1)).first() is not None


def n_pictures(connection: Connection, source: str) -> int:
    """How many images the source claims now."""
    of_source = select(func.count(standing.c.sha256.distinct())).where(standing.c.source == source)
    return int(connection.execute(of_source).scalar_one())


def _refused_labels(connection: Connection, settings: Settings, recorded: Sequence[str]) -> str:
    """Why these labels must not be used; empty where they may."""
    labels = settings.project.labels
    known = recorded or claimed_labels(connection)
    gone = [label for label in known if label not in labels and is_label_used(connection, label)]
    if gone:
        return _gone_label(gone, renamed(connection, LABEL), [label for label in labels if label not in known])
    both = [label for label in recorded if label in labels]
    if both != [label for label in labels if label in both] and any(is_label_used(connection, name) for name in both):
        return (
            f"project.labels: {', '.join(labels)} is another order than before, and labels number the classes; "
            f"write {', '.join(both)} in this order, and new labels after them"
        )
    return ""


def _gone_label(gone: Sequence[str], new_names: dict[str, str], added: Sequence[str]) -> str:
    label, more = gone[0], f" (and {len(gone) - 1} more)" if len(gone) > 1 else ""
    if old := next((name for name in added if new_names.get(name) == label), ""):
        return f"project.labels: {old!r} was renamed to {label!r}; write {label!r} here and in the sources"
    new = added[0] if len(added) == 1 else "NEW"
    return (
        f"project.labels: {label!r}{more} is missing, and pictures of the catalog have it; if it has another name now, "
        f"run `isitcake labels rename {label} {new}`, else write it back; to drop it, first give its sources another "
        "label and run `isitcake collect`, or run `isitcake sources retire` for them"
    )


def _refused_sources(connection: Connection, settings: Settings) -> str:
    """Why these sources must not be used; empty where they may."""
    configured = {source.name for source in settings.sources}
    collected = connection.execute(select(runs.c.source).distinct()).scalars()
    for name in sorted(set(collected) - configured):
        if n := n_pictures(connection, name):
            return _gone_source(name, n, renamed(connection, SOURCE), configured)
    return ""


def _gone_source(name: str, pictures: int, new_names: dict[str, str], configured: Collection[str]) -> str:
    if old := next((old for old, new in new_names.items() if new == name and old in configured), ""):
        return f"source {old!r} was renamed to {name!r}; write name = {name!r}"
    return (
        f"source {name!r} is missing, and {pictures} pictures of the catalog are from it; run `isitcake sources rename "
        f"{name} NEW` if it has another name now, `isitcake sources retire {name}` to leave its pictures out from now "
        f"on, or `isitcake erase --source {name} --reason WHY` to erase them"
    )
