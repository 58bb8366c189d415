"""Garbage collection while many objects are made."""

import gc

import pytest

from foundation.memory import OBJECTS_BETWEEN, rare_garbage_collection


def test_collection_is_rare_within_and_as_before_after_an_error() -> None:
    """The threshold is higher inside, also nested, and is put back whatever happens."""
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="stop"), rare_garbage_collection(), rare_garbage_collection():  # noqa: PT012
        assert gc.get_threshold()[0] == OBJECTS_BETWEEN
        raise ValueError("stop")
    assert gc.get_threshold() == before
