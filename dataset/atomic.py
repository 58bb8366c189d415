"""Files that appear whole or not at all."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from isitcake.errors import StorageError


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Where the file system's refusals become ours."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            message = f"no room left on the disk of {path}; free some and run this again, nothing is lost"
        elif error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            message = f"{path} may not be written; mend its permissions and run this again"
        else:
            message = f"{path} cannot be written ({error.strerror}); mend that and run this again"
        raise StorageError(message) from error


def write_once(path: Path, content: bytes) -> bool:
    """Put `content` at `path`, whole and read-only; keep what is there. Returns whether it was new.

    Written beside, flushed to disk, then linked: no reader ever sees a part of it.
    """
    if path.exists():
        return False
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o444)
            try:
                os.link(name, path)
            except FileExistsError:
                return False
            return True
        finally:
            Path(name).unlink(missing_ok=True)


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step, in place of what is there."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
