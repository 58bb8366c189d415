"""Erasures that another machine made: what this machine keeps of the pictures goes, too.

Versions, models and reports come without them from the bucket. Normalised pictures, copies of originals, features and
logs are this machine's own, and so is what it never gave. A cursor for each machine in the catalog says which erasures
it knows.
"""

from collections.abc import Sequence

from more_itertools import chunked
from sqlalchemy import Connection, func, select, update

from dataset.catalog.tables import cursors, erasures
from dataset.catalog.writes import upsert
from dataset.erasure.erase import finish_alone, remove_own_copies
from dataset.erasure.from_catalog import NAMES_PER_STATEMENT
from dataset.project import VERSIONS_LOCK, Project
from dataset.versions import published
from foundation.files import may_write
from foundation.locks import exclusive
from foundation.sharing.machines import MODELS_LOCK, is_shared, of_this_machine, share_erasure, shared_library

CURSOR = "erasures"
WAIT_S = 1  # for who publishes or trains; then the rest is done when the project is opened next


def forget_erased_elsewhere(project: Project) -> None:
    """Remove what this machine keeps of pictures that were erased since it looked last. Run again, it does nothing."""
    if not is_shared(project.settings):
        return
    with project.catalog.read() as connection:
        state, known = _state(connection), _known(project, connection)
        if state == known:
            return
        names = list(connection.execute(select(erasures.c.sha256).where(erasures.c.done_at.is_not(None))).scalars())
    if known is None:
        _introduce(project, names)
    if names:
        remove_own_copies(project, names)
    if known is not None and not _drop_unshared(project):
        return
    with project.catalog.write() as connection:
        upsert(connection, cursors, [{"name": of_this_machine(project.settings, CURSOR), "value": state}])


def knows_all_erasures(project: Project) -> bool:
    """Whether this machine has removed what was erased elsewhere. For a library that cannot be written."""
    with project.catalog.read() as connection:
        state = _state(connection)
        return state == _state_of(0, None) or state == _known(project, connection)


def _introduce(project: Project, names: Sequence[str]) -> None:
    """Give what this machine has, where others never heard of it: a library from before it was shared.

    names: SHA-256s of erased pictures, which it may still have.
    """
    library = shared_library(project.settings)
    if library is None or not library.unlisted():
        return
    with project.alone(VERSIONS_LOCK):
        with project.catalog.write(erasing=True) as connection:
            for part in chunked(names, NAMES_PER_STATEMENT):
                connection.execute(update(erasures).where(erasures.c.sha256.in_(part)).values(done_at=None))
        finish_alone(project)
        share_erasure(project.settings)


def _drop_unshared(project: Project) -> bool:
    """Remove what this machine made and never gave: it may hold what was erased. Returns False if it is being made."""
    library = shared_library(project.settings)
    try:
        with exclusive(project.settings, MODELS_LOCK, WAIT_S), exclusive(project.settings, VERSIONS_LOCK, WAIT_S):
            published.clear_unfinished(project.home)
            if library:
                library.drop_unlisted()
    except TimeoutError:
        return False
    return True


def _state(connection: Connection) -> str:
    counted = select(func.count(), func.max(erasures.c.done_at)).where(erasures.c.done_at.is_not(None))
    number, last = connection.execute(counted).one()
    return _state_of(number, last.isoformat() if last else None)


def _state_of(number: int, last: str | None) -> str:
    return f"{number} {last or ''}"


def _known(project: Project, connection: Connection) -> str | None:
    """The state that this machine knows; None for one that is new."""
    settings = project.settings
    if not may_write(settings.home) and not (settings.home / "locks").is_dir():
        return None
    name = of_this_machine(settings, CURSOR)
    return connection.execute(select(cursors.c.value).where(cursors.c.name == name)).scalar()
