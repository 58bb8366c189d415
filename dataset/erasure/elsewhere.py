"""Erasures that another machine made: what this machine keeps of the pictures goes, too.

Versions, models and reports come without them from the bucket. Normalised pictures, copies of originals, features and
logs are this machine's own. A cursor for each machine in the catalog says which erasures it knows.
"""

from sqlalchemy import func, select

from dataset.catalog.tables import cursors, erasures
from dataset.catalog.writes import upsert
from dataset.erasure.erase import remove_own_copies
from dataset.project import VERSIONS_LOCK, Project
from dataset.versions import published
from foundation.sharing.machines import is_shared, of_this_machine


def forget_erased_elsewhere(project: Project) -> None:
    """Remove what this machine keeps of pictures that were erased since it looked last. Run again, it does nothing."""
    if not is_shared(project.settings):
        return
    name = of_this_machine(project.settings, "erasures")
    with project.catalog.read() as connection:
        counted = select(func.count(), func.max(erasures.c.done_at)).where(erasures.c.done_at.is_not(None))
        number, last = connection.execute(counted).one()
        known = connection.execute(select(cursors.c.value).where(cursors.c.name == name)).scalar()
        state = f"{number} {last.isoformat() if last else ''}"
        if state == known:
            return
        names = list(connection.execute(select(erasures.c.sha256).where(erasures.c.done_at.is_not(None))).scalars())
    if names:
        with project.alone(VERSIONS_LOCK):  # no publish is on its way here
            published.clear_unfinished(project.home)
            remove_own_copies(project, names)
    with project.catalog.write() as connection:
        upsert(connection, cursors, [{"name": name, "value": state}])
