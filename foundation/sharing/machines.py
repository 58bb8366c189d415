"""Whether several machines share a project, and the locks under which what they share changes. Imports nothing slow."""

import contextlib
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from foundation.files import replace_file
from foundation.locks import POSTGRESQL, exclusive
from foundation.sharing.units import MODELS, SINGLE_FILES, VERSIONS, Changes

if TYPE_CHECKING:
    from foundation.settings import Settings
    from foundation.sharing.library import Progress, SharedLibrary

VERSIONS_LOCK = "publish"  # who publishes, erases, or shows a version in a file, holds it
MODELS_LOCK = "train"  # of who makes models
GIVING_LOCK = "library"  # the last that is taken
BRING_WAIT_S = 2  # for another process of this machine, before a command goes on with what is here
CHANGES_UNDER = {VERSIONS_LOCK: Changes(new=(VERSIONS,)), MODELS_LOCK: Changes(changed=(MODELS,))}
MACHINE = "locks/machine"  # below the library: a name that no other library has


def shared_library(settings: "Settings") -> "SharedLibrary | None":
    """The library that machines share; None where the catalog or the originals are of this machine alone."""
    if not is_shared(settings):
        return None
    from foundation.sharing.bucket import bucket_of
    from foundation.sharing.library import SharedLibrary

    return SharedLibrary(settings.home, bucket_of(settings))


def is_shared(settings: "Settings") -> bool:
    """Whether other machines may work on this project: its catalog is in PostgreSQL, its originals in a bucket."""
    return settings.catalog.url.startswith(POSTGRESQL) and settings.blobs.url != "local"


def bring(settings: "Settings", wait_s: float = -1, progress: "Progress | None" = None) -> None:
    """Bring what other machines changed to this one. Nothing happens where there is one machine only.

    wait_s: for another process of this machine that does so; after that its work counts. Raises StorageError.
    """
    if library := shared_library(settings):
        with contextlib.suppress(TimeoutError):
            library.take(progress, wait_s)


def share(settings: "Settings") -> None:
    """Bring single files that changed here to other machines: reports, and what is beside models and versions."""
    _give(settings, SINGLE_FILES)


def repair_versions(settings: "Settings") -> None:
    """Bring versions that look different here back to what the bucket has: before an erasure, which gives them.

    Not for versions that an erasure was interrupted in. Raises as `held`.
    """
    if library := shared_library(settings):
        with exclusive(settings, VERSIONS_LOCK):
            library.take(repaired=VERSIONS)


def share_erasure(settings: "Settings") -> None:
    """Bring what an erasure changed to other machines, and remove from the bucket what no list has any more."""
    _give(settings, Changes(changed=(VERSIONS, MODELS)), sweeps=True)


def of_this_machine(settings: "Settings", name: str) -> str:
    """Name of a cursor in the catalog that each machine has for itself; `name` where there is one machine only.

    Raises StorageError where the machine has no name yet and its library cannot be written.
    """
    if not is_shared(settings):
        return name
    path = settings.home / MACHINE
    if not path.is_file():
        replace_file(path, uuid.uuid4().hex.encode())
    return f"{name} of {path.read_text()}"


@contextlib.contextmanager
def held(settings: "Settings", name: str, wait_s: float = -1) -> Iterator[None]:
    """Hold a lock under which versions, models or reports change: they are up to date inside, and shared afterwards.

    Raises as `foundation.locks.exclusive`, and StorageError.
    """
    with exclusive(settings, name, wait_s):
        if library := shared_library(settings):
            library.take()
        yield
        _give(settings, CHANGES_UNDER.get(name, SINGLE_FILES))


def _give(settings: "Settings", changes: Changes, *, sweeps: bool = False) -> None:
    """Give what may change. One machine gives at a time. sweeps: also remove objects that no list has."""
    if not (library := shared_library(settings)):
        return
    with exclusive(settings, GIVING_LOCK):
        library.take()
        library.give(changes)
        if sweeps:
            library.sweep()
