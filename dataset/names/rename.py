"""Carry a new name of a label or source through the catalog; retire a source.

A rename changes the name in every row, in one transaction. Published versions keep the old one.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import ValidationError
from sqlalchemy import Column, Connection, and_, func, literal, not_, or_, select, update

from dataset.catalog.claims import ENDED, standing
from dataset.catalog.tables import (
    audit,
    certificate_pictures,
    claims,
    consents,
    decisions,
    fetches,
    findings,
    judgements,
    names,
    outcomes,
    plays,
    queue,
    runs,
    sightings,
    signals,
    site_splits,
    walls,
)
from dataset.catalog.writes import append, upsert
from dataset.names.agreement import claimed_labels, is_label_used, n_pictures, record_labels, recorded_labels
from dataset.names.renamed import LABEL, RENAMED, RETIRED, SOURCE
from dataset.project import Project
from foundation.errors import ConfigError, UnknownSource, UsageError
from foundation.files import in_words
from foundation.safe_text import known_names
from foundation.settings import ProjectSection, Source
from foundation.settings.texts import case_problem, search_word_problem

LABELS = (
    sightings.c.source_label, claims.c.label, judgements.c.answer, decisions.c.label, audit.c.label,
    walls.c.label, certificate_pictures.c.label,
    findings.c.proposes, queue.c.suggested_label, plays.c.answer, plays.c.label,
)  # fmt: skip
SOURCES = (sightings.c.source, claims.c.source, runs.c.source, outcomes.c.source, fetches.c.source)
FOLDER_ADDRESSES = (
    sightings.c.image_url, sightings.c.page_url, claims.c.image_url, outcomes.c.image_url, outcomes.c.page_url,
    outcomes.c.fetched_url, fetches.c.image_url, fetches.c.fetched_url, consents.c.image_url, signals.c.about,
    signals.c.address,
)  # fmt: skip


TABLE = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]")  # the head of one in isitcake.toml
KEY = re.compile(r"\s*([\w-]+)\s*=")


@dataclass(frozen=True)
class RenameReport:
    """kind: label or source. images: that have the name. lines: of isitcake.toml that still have the old name."""

    kind: str
    old: str
    new: str
    images: int
    lines: list[int] = field(default_factory=list)
    config: str = ""

    def line(self) -> str:
        """What was done, and what is left to do, in one line."""
        done = f"{self.kind} {self.old} is {self.new} now, for {self.images} images"
        if not self.lines:
            return done
        where = f"line{'s' if len(self.lines) > 1 else ''} {', '.join(map(str, self.lines))}"
        return f"{done}; write {self.new!r} instead of {self.old!r} in {self.config}, {where}"


@dataclass(frozen=True)
class RetireReport:
    """images: that the source claimed until now."""

    source: str
    images: int

    def line(self) -> str:
        return f"source {self.source} is retired: it claims its {self.images} images no longer"


def rename_label(project: Project, old: str, new: str) -> RenameReport:
    """Rename a label in the catalog. Raises UsageError if there is no label `old`, or `new` cannot be one."""
    _require_label(new)
    now = datetime.now(UTC)
    with project.catalog.write() as connection:
        recorded = recorded_labels(connection)
        known = recorded or list(dict.fromkeys([*project.settings.project.labels, *claimed_labels(connection)]))
        if old not in known:
            raise UsageError(f"no label {old!r} in the catalog; {known_names(old, known, 'it has {}')}")
        if new == old:
            raise UsageError(f"label {old!r} has this name already; give another one")
        if new in known and is_label_used(connection, new):
            raise UsageError(f"label {new!r} is in use already; choose another name, two labels cannot become one")
        if problem := case_problem([*(label for label in known if label not in (old, new)), new]):
            raise UsageError(f"labels {problem}")
        for column in LABELS:
            _replace(connection, column, old, new)
        labels = [new if label == old else label for label in known if label != new]
        if not recorded:
            order = {label: number for number, label in enumerate(project.settings.project.labels)}
            labels.sort(key=lambda label: order.get(label, len(order)))
        record_labels(connection, labels, now)
        _record(connection, LABEL, old, RENAMED, new, now)
        claimed = select(func.count(standing.c.sha256.distinct())).where(standing.c.source_label == new)
        images = int(connection.execute(claimed).scalar_one())
    return RenameReport(LABEL, old, new, images, _lines(project, old, LABEL), str(project.settings.config_path))


def rename_source(project: Project, old: str, new: str) -> RenameReport:
    """Rename a source in the catalog. Raises UnknownSource, or UsageError if `new` is no name or was collected."""
    _require_source_name(new)
    now = datetime.now(UTC)
    with project.catalog.write() as connection:
        _require_collected(connection, old)
        if new == old or connection.execute(select(runs.c.id).where(runs.c.source == new).limit(1)).first():
            raise UsageError(f"source {new!r} was collected already; choose another name")
        _rename_sites(connection, old, new)
        for column in FOLDER_ADDRESSES:
            _replace_beginning(connection, column, f"folder:{old}/", f"folder:{new}/")
            _replace(connection, column, f"folder:{old}", f"folder:{new}")  # the folder itself
        for column in SOURCES:
            _replace(connection, column, old, new)
        connection.execute(names.delete().where(names.c.kind == SOURCE, names.c.name == new))
        _record(connection, SOURCE, old, RENAMED, new, now)
        images = n_pictures(connection, new)
    return RenameReport(SOURCE, old, new, images, _lines(project, old, SOURCE), str(project.settings.config_path))


def retire_source(project: Project, name: str) -> RetireReport:
    """End every claim of a source: the next version leaves out what no other source has. Raises UnknownSource.

    If isitcake.toml names the source again, collecting it brings its pictures back.
    """
    now = datetime.now(UTC)
    with project.catalog.write() as connection:
        _require_collected(connection, name)
        rows = connection.execute(
            select(standing.c.sha256, standing.c.image_url).where(standing.c.source == name).distinct()
        ).all()
        ended = {"source": name, "label": ENDED, "licence": "", "creator": "", "asserted_at": now}
        append(connection, claims, [{**ended, "sha256": row.sha256, "image_url": row.image_url} for row in rows])
        _record(connection, SOURCE, name, RETIRED, "", now)
    return RetireReport(name, len({row.sha256 for row in rows}))


def _require_label(name: str) -> None:
    try:
        ProjectSection(labels=[name, f"not-{name}"[:64]])
    except ValidationError as error:
        raise UsageError(f"{name!r} cannot be a label: {_message(error)}") from None
    if problem := search_word_problem(name):
        raise UsageError(problem)


def _require_source_name(name: str) -> None:
    try:
        Source(name=name, kind="folder", label="any", path=".")
    except ValidationError as error:
        raise UsageError(f"{name!r} cannot be the name of a source: {_message(error)}") from None


def _message(error: ValidationError) -> str:
    first = error.errors()[0]
    if first["type"] == "string_pattern_mismatch":
        return "use letters, digits, '-', '_' and '.'"
    return first["msg"].removeprefix("Value error, ")


def _require_collected(connection: Connection, name: str) -> None:
    collected = sorted(connection.execute(select(runs.c.source).distinct()).scalars())
    if name not in collected:
        raise UnknownSource(f"no source {name!r} was collected; {known_names(name, collected, 'the catalog has {}')}")


def _replace(connection: Connection, column: Column[str], old: str, new: str) -> None:
    connection.execute(update(column.table).where(column == old).values({column.name: new}))


def _replace_beginning(connection: Connection, column: Column[str], old: str, new: str) -> None:
    rest = func.substr(column, len(old) + 1)
    begins = column.startswith(old, autoescape=True)
    connection.execute(update(column.table).where(begins).values({column.name: literal(new) + rest}))


def _rename_sites(connection: Connection, old: str, new: str) -> None:
    """Folders and photo APIs have sites that begin with the source's name; a web page's site is its host."""
    is_host = or_(
        *(sightings.c.page_url.startswith(literal(scheme) + sightings.c.site) for scheme in ("http://", "https://"))
    )
    begins = [sightings.c.site.startswith(f"{old}{end}", autoescape=True) for end in "/:"]
    theirs = and_(sightings.c.source == old, or_(sightings.c.site == old, *begins), not_(is_host))
    sites = connection.execute(select(sightings.c.site).where(theirs).distinct()).scalars().all()
    for site in sites:
        renamed = new + site.removeprefix(old)
        connection.execute(update(sightings).where(theirs, sightings.c.site == site).values(site=renamed))
        connection.execute(site_splits.delete().where(site_splits.c.site == renamed))
        connection.execute(update(site_splits).where(site_splits.c.site == site).values(site=renamed))


def _record(connection: Connection, kind: str, name: str, state: str, became: str, now: datetime) -> None:
    row = {"kind": kind, "name": name, "position": 0, "state": state, "became": became, "since": now}
    upsert(connection, names, [row])


def _lines(project: Project, name: str, kind: str) -> list[int]:
    """Lines of isitcake.toml, from 1, that name a label or a source: not those in which a folder is called like it."""
    try:
        text = project.settings.config_path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(
            f"{project.settings.config_path} cannot be read ({in_words(error)}); fix or replace it"
        ) from None
    value = rf"""(["']){re.escape(name)}\1"""
    names_it = re.compile(rf"\b{'label' if kind == LABEL else 'name'}\s*=\s*{value}")
    table, key, found = "", "", []
    for number, line in enumerate(text.splitlines(), 1):
        content = line.partition("#")[0]
        if head := TABLE.match(content):
            table, key = re.sub(r"[\s\"']", "", head[1]), ""
        elif begins := KEY.match(content):
            key = begins[1]
        is_in_list = (table, key) == ("project", "labels") and re.search(value, content)
        is_head = head and table == f"labels.{name}"
        if (kind == LABEL and (is_in_list or is_head)) or (table != "project" and names_it.search(content)):
            found.append(number)
    return found
