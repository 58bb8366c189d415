"""A version's id covers every row, every file and their order."""

import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rows import made_row

from dataset.versions.merkle import leaf, root


def test_a_leaf_depends_on_salt_row_and_file() -> None:
    row = made_row(1).canonical()
    leaves = {
        leaf("salt", row, "file"),
        leaf("pepper", row, "file"),
        leaf("salt", row, "other file"),
        leaf("salt", {**row, "licence": "cc0"}, "file"),
    }
    assert len(leaves) == 4
    assert leaf("salt", dict(reversed(row.items())), "file") in leaves  # the order of columns does not matter


def test_the_root_depends_on_leaves_and_their_order() -> None:
    leaves = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(5)]
    roots = {root(leaves), root(leaves[::-1]), root(leaves[:4]), root(leaves[1:])}
    assert len(roots) == 4
    assert root(leaves[:1]) == leaves[0]
    assert root([]) == hashlib.sha256(b"").hexdigest()


def test_ids_of_published_versions_stay_valid() -> None:
    """Ids that an earlier release computed; a change of the tree would make all versions fail to verify."""
    leaves = [leaf("salt", made_row(n).canonical(), f"file {n}") for n in range(3)]
    assert root(leaves) == "f61ea9a317d8eda82085d0d923b76a3a474db94df62f8fa2e87bacf8ec7e0c02"


VALUES = st.text() | st.integers() | st.booleans() | st.none() | st.datetimes() | st.lists(st.text())


@given(st.dictionaries(st.text(), VALUES))
def test_a_leaf_is_computed_from_canonical_json(row: dict[str, Any]) -> None:
    text = json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    assert leaf("salt", row, "file") == hashlib.sha256(f"salt\nfile\n{text}".encode()).hexdigest()
