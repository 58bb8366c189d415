"""web/gate/slots.py: how much may stand at the same time."""

from contextlib import ExitStack

import pytest

from web.gate.slots import NoSlot, Slots


def test_slots_of_one_and_of_all() -> None:
    slots = Slots(each=2, most=3)
    with ExitStack() as stack:
        for key in ("a", "a", "b"):
            stack.enter_context(slots.taken(key))
        for key in ("a", "b", "c"):
            with pytest.raises(NoSlot), slots.taken(key):
                pass
    with slots.taken("a"), slots.taken("a"), slots.taken("c"):
        pass
    assert not slots._taken  # nothing is remembered of visitors who left
