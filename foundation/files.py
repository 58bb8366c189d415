"""Write files: each appears whole or not at all."""

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from foundation.errors import StorageError

FICLONE = 0x40049409  # linux/fs.h: share the blocks of two files until one of them is changed


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an OSError into a StorageError that says what to do. path: the file that the message names."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            message = f"no room left on the disk of {path}; free some space and run this again; nothing is lost"
        elif error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            message = f"no permission to write {path}; fix its permissions and run this again"
        else:
            message = f"{path} cannot be written ({error.strerror}); fix that and run this again"
        raise StorageError(message) from error


def in_words(error: Exception) -> str:
    """What an error says, without the number and the path that Python adds to those of files."""
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def write_once(path: Path, content: bytes) -> bool:
    """Write a read-only file, unless `path` exists. Returns whether the file is new.

    The content is flushed to disk and then linked to `path`, so that no reader sees a part of it. A file without a
    name is used if the file system has such files, so that a killed process leaves nothing behind; a temporary file
    otherwise. Raises StorageError.
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
                # With src_dir_fd, Python lets linkat follow the link in /proc to the file without a name.
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
    """Write the content and wait until it is on the disk."""
    file.write(content)
    file.flush()
    os.fsync(file.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Write `path` in one step; an older file is replaced. Raises StorageError."""
    with replacing(path) as partial:
        partial.write_bytes(content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """An empty file beside `path`, to be written in parts. When the block ends, it is flushed to disk and takes the
    place of `path` in one step; after an error it is removed, and `path` is as it was. Raises StorageError.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        partial = Path(name)
        try:
            yield partial
            os.fsync(descriptor)
            partial.chmod(0o644)
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)


def link_or_copy(source: Path, target: Path) -> str:
    """Create `target` with the bytes of `source`, as cheaply as the file system allows.

    Returns the way that worked: "hard link", "reflink" or "copy".
    """
    try:
        os.link(source, target)
    except OSError:  # another file system, or a file system without hard links
        return _reflink_or_copy(source, target)
    return "hard link"


def _reflink_or_copy(source: Path, target: Path) -> str:
    with source.open("rb") as read, target.open("wb") as write:
        try:
            fcntl.ioctl(write.fileno(), FICLONE, read.fileno())
        except OSError:
            pass
        else:
            return "reflink"
    with contextlib.suppress(FileNotFoundError):
        target.unlink()
    shutil.copyfile(source, target)
    return "copy"


def folder_problem(folder: Path) -> str:
    """Why a folder cannot be read, with what to do; empty where it is there."""
    if folder.is_dir():
        return ""
    if folder.exists():
        return f"{folder} is a file, not a folder; write the folder that has the pictures"
    return f"no folder {folder}; create it, attach the disk that has it, or fix the path"


def pictures_folder_problem(folder: Path, library: Path) -> str:
    """Why the pictures of a folder cannot be collected, with what to do; empty where they can."""
    if folder.resolve().is_relative_to(library.resolve()):
        where = "is the library" if folder.resolve() == library.resolve() else f"lies in the library, {library}"
        return f"{folder} {where}: this program writes its files there; name the folder that has your own pictures"
    return folder_problem(folder)


def may_write(folder: Path) -> bool:
    """Whether a folder can be written, or the one that it will be made in."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
