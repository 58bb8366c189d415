"""make bench-kinds: how many kinds of sites our crawler misses, of those in simulator/kinds."""

import tempfile
from pathlib import Path

from sqlalchemy import select
from table import figures, table

from crawlers.collect import collect
from dataset.catalog.tables import sightings
from dataset.opening import open_project
from simulator.kinds import KINDS
from simulator.kinds.kind import KindServers, faults


def missed() -> dict[str, list[str]]:
    """What a crawl of all kinds got wrong, by kind: phrases, none where it is right."""
    servers = KindServers(KINDS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "isitcake.toml"
        path.write_text(servers.config())
        project = open_project(path)
        report = collect(project)
        stored: dict[str, set[str]] = {}
        with project.catalog.read() as connection:
            for row in connection.execute(select(sightings.c.source, sightings.c.sha256)):
                stored.setdefault(row.source, set()).add(row.sha256)
        project.close()
    servers.stop()
    reports = {one.source: one for one in report.sources}
    found = {}
    for kind, server in zip(KINDS, servers.sites, strict=True):
        name = kind.source
        if name in report.failed:
            found[name] = [report.failed[name]]
        else:
            run = reports[name]
            found[name] = faults(kind, server, servers.other, stored.get(name, ()), run.notes, run.status)
    return found


def show(found: dict[str, list[str]]) -> dict[str, float]:
    """Print the kinds that were missed. Returns the keys `kinds` and `kinds_missed`."""
    wrong = [(name, "; ".join(phrases)) for name, phrases in found.items() if phrases]
    if wrong:
        table("kinds of sites that were missed", ["kind", "what is wrong"], wrong)
    return {"kinds": len(found), "kinds_missed": len(wrong)}


if __name__ == "__main__":
    figures(show(missed()))
