"""Damaged pictures of six formats, by the function of the benchmark: each is stored and published, or refused."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

FILES = 200
MEMORY_MB = 1500


def _benchmark() -> Any:
    """benchmarks/dataset/mutated.py; benchmarks are no package."""
    path = Path(__file__).parents[2] / "benchmarks" / "dataset" / "mutated.py"
    spec = importlib.util.spec_from_file_location("mutated", path)
    assert spec
    assert spec.loader
    module = sys.modules["mutated"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.long
@pytest.mark.slow  # it runs commands
def test_a_few_hundred_mutated_pictures(tmp_path: Path) -> None:
    """Data F2, F3: no damaged file stops a command or is stored undecodable, and every refusal has a reason."""
    result = _benchmark().fuzz(FILES, tmp_path)
    assert result.stopped == 0
    assert result.accepted_undecodable == 0
    assert result.without_outcome == 0
    assert result.stored + result.refused <= result.fuzzed == FILES  # the rest are equal to another file
    assert min(result.stored, result.refused) > FILES // 10
    assert result.peak_mb < MEMORY_MB
