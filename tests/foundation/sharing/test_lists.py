"""foundation.sharing: lists in the bucket that are damaged, or name files that are not theirs, are refused."""

import hashlib
import json
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from foundation.errors import StorageError
from foundation.sharing.bucket import Bucket
from foundation.sharing.library import LISTS, SharedLibrary

SHA256 = hashlib.sha256(b"one").hexdigest()


@pytest.fixture
def library(tmp_path: Path) -> SharedLibrary:
    return SharedLibrary(tmp_path / "library", Bucket("s3://pictures/cakes", MemoryStore()))


@pytest.mark.parametrize(
    "path",
    ["../x", "/etc/passwd", "versions/../../x", "catalog.db", "versions/2026.11.0/x", "versions/2026.11.1/.x", ""],
)
def test_a_list_names_files_of_its_own_unit(library: SharedLibrary, path: str) -> None:
    content = json.dumps({"files": {path: SHA256}}).encode()
    library.bucket.put(f"{LISTS}/versions/2026.11.1.json", content)
    with pytest.raises(StorageError, match=r"2026\.11\.1\.json is damaged; restore it"):
        library.take()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"files": []}', b'{"files": {"versions/x": 7}}', b"\xff"])
def test_a_damaged_list_is_said(library: SharedLibrary, content: bytes) -> None:
    library.bucket.put(f"{LISTS}/versions/2026.11.1.json", content)
    with pytest.raises(StorageError, match=r"2026\.11\.1\.json is damaged; restore it"):
        library.take()
