"""Files that appear whole or not at all."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from foundation.errors import StorageError


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

    Written without a name where the file system can do that, so that a killed process leaves nothing behind; under
    another name where it cannot. Flushed to disk, then linked: no reader ever sees a part of it.
    """
    if path.exists():
        return False
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path.parent, os.O_TMPFILE | os.O_RDWR, 0o444)
        except (AttributeError, OSError):
            return _write_beside(path, content)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o444)
            _flush(file, content)
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                # With a folder given, Python asks linkat to follow the link in /proc to the nameless file.
                os.link(f"/proc/self/fd/{file.fileno()}", path, src_dir_fd=folder, follow_symlinks=True)
            except FileExistsError:
                return False
            except OSError:  # no /proc, or no links of this kind
                return _write_beside(path, content)
            finally:
                os.close(folder)
        return True


def _write_beside(path: Path, content: bytes) -> bool:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            _flush(file, content)
        Path(name).chmod(0o444)
        try:
            os.link(name, path)
        except FileExistsError:
            return False
        return True
    finally:
        Path(name).unlink(missing_ok=True)


def _flush(file: IO[bytes], content: bytes) -> None:
    """Write the content and see it to the disk."""
    file.write(content)
    file.flush()
    os.fsync(file.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step, in place of what is there."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                _flush(file, content)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
