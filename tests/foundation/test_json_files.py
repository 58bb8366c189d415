"""JSON files that are missing or damaged."""

from pathlib import Path

import pytest

from foundation.json_files import read_json


@pytest.mark.parametrize("content", [None, b"", b"{", b"[1]", b"\xff\xfe"])
def test_anything_else_gives_the_default(tmp_path: Path, content: bytes | None) -> None:
    """Missing, empty, cut, of another type, not UTF-8."""
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    assert read_json(path, {"a": 1}) == {"a": 1}


def test_what_is_there_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"b": 2}')
    assert read_json(path, {"a": 1}) == {"b": 2}
