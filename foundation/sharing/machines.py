"""Whether several machines share a project, and the locks under which what they share changes. Imports nothing slow."""

import contextlib
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from foundation.errors import StorageError
from foundation.files import replace_file
from foundation.locks import POSTGRESQL, exclusive

if TYPE_CHECKING:
    from foundation.settings import Settings
    from foundation.sharing.library import SharedLibrary

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


def share(settings: "Settings", lock: str) -> None:
    """Bring what changed here to other machines now. lock: under which it changes."""
    if is_shared(settings):
        with held(settings, lock):
            pass


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
    library = shared_library(settings)
    with exclusive(settings, name, wait_s):
        if library is None:
            yield
            return
        library.take()
        try:
            yield
        except BaseException:
            with contextlib.suppress(StorageError):  # what was erased before the error is gone everywhere
                library.give()
            raise
        library.give()
