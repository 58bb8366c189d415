"""Memory of a process, and garbage collection while many objects are made."""

import gc
import os
from pathlib import Path

import pytest

from foundation.memory import OBJECTS_BETWEEN, Cost, Meter, rare_garbage_collection


def test_collection_is_rare_within_and_as_before_after_an_error() -> None:
    """The threshold is higher inside, also nested, and is put back whatever happens."""
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="stop"), rare_garbage_collection(), rare_garbage_collection():  # noqa: PT012
        assert gc.get_threshold()[0] == OBJECTS_BETWEEN
        raise ValueError("stop")
    assert gc.get_threshold() == before


def test_a_cost_says_what_work_took(tmp_path: Path) -> None:
    """Bytes are those that the kernel counts: a file that was just written is among them, where it counts at all."""
    meter = Meter()
    with (tmp_path / "file").open("wb") as file:
        file.write(os.urandom(3_000_000))
        file.flush()
        os.fsync(file.fileno())
    cost = meter.cost(120)
    assert cost.pictures == 120
    assert cost.peak_mb > 1
    assert cost.bytes_written is None or cost.bytes_written >= 0


@pytest.mark.parametrize(
    ("cost", "line"),
    [
        (Cost(600, 2.0, 300.0, 4_200_000, 410), "2.0 s, 300 pictures a second; 4.2 MB written; peak memory 410 MB"),
        (Cost(2, 4.0, 0.5, None, 90), "4.0 s, 0.5 pictures a second; peak memory 90 MB"),
        (Cost(900, 0.9, 1e3, 7 * 10**9, 1200), "0.9 s, 1,000 pictures a second; 7.0 GB written; peak memory 1,200 MB"),
    ],
)  # fmt: skip
def test_a_cost_is_one_line(cost: Cost, line: str) -> None:
    assert cost.line() == line
