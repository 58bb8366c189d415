"""One run of a source at a time, and whether there is one now."""

import contextlib
from collections.abc import Iterator

from dataset.project import Project
from foundation.errors import BeingCollected, StorageError
from foundation.settings import Source

LOCK_WAIT_S = 5.0  # another run may be just ending


@contextlib.contextmanager
def sole_run(project: Project, source: Source) -> Iterator[None]:
    """Hold the source for this process; a killed process releases it.

    Raises BeingCollected if another process still holds it after LOCK_WAIT_S.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(project.alone(_lock_of(source.name), LOCK_WAIT_S))
        except TimeoutError:
            raise BeingCollected(
                f"source {source.name!r} is being collected by another process; wait until it ends"
            ) from None
        yield


def is_collected_now(project: Project, source: str) -> bool:
    """Whether a process holds the source. source: its name. Raises StorageError where this process may not ask."""
    try:
        with project.alone(_lock_of(source), 0):
            return False
    except TimeoutError:
        return True


def may_be_collected_now(project: Project, source: str) -> bool:
    """The same, and True where this process may not ask."""
    try:
        return is_collected_now(project, source)
    except StorageError:
        return True


def _lock_of(source: str) -> str:
    return f"source-{source}"
