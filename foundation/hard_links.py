"""The same bytes at another place, as cheaply as the file system allows."""

import contextlib
import fcntl
import os
import shutil
from pathlib import Path

FICLONE = 0x40049409  # linux/fs.h: share the blocks until one of the two is changed


def place(source: Path, target: Path) -> str:
    """Make `target` the same file as `source`: hard link, else reflink, else copy. Returns which."""
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        return _reflink(source, target)
    return "hard link"


def _reflink(source: Path, target: Path) -> str:
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
