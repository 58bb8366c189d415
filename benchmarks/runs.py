"""Where a benchmark works, and what one of its processes took."""

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def work_folder(name: str) -> Iterator[Path]:
    """A new folder below the current one, so on a disk, as a library is. It is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix=f"bench-{name}-", dir=Path.cwd()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def peak_mb() -> float:
    """The largest memory of this process alone: getrusage counts that of the one that started it, too. Linux only."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024 / 1e6
