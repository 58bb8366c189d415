"""JSON files that are missing or damaged."""

from pathlib import Path

import pytest

from foundation.json_files import read_json


@pytest.mark.parametrize("content", [None, b"", b"{", b"[1]", b"\xff\xfe"])
def test_a_file_that_is_not_such_json_gives_the_default(tmp_path: Path, content: bytes | None) -> None:
    """A missing, empty or cut file, another type, and bytes that are not UTF-8."""
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    assert read_json(path, {"a": 1}) == {"a": 1}


def test_the_content_of_a_good_file_is_returned(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"b": 2}')
    assert read_json(path, {"a": 1}) == {"b": 2}
