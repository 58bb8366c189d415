"""A bounded window of work on all cores, and linear algebra on one thread."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from threadpoolctl import threadpool_info

from foundation.threads import ahead, for_all, one_thread

DEADLINE_S = 30


def threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_one_thread_within_the_block_only() -> None:
    import sklearn.linear_model  # noqa: F401  # loads BLAS

    before = threads()
    with one_thread():
        assert set(threads()) == {1}
    assert threads() == before


def test_results_come_in_order_though_the_first_is_the_slowest() -> None:
    others_done = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert others_done.wait(DEADLINE_S)
        elif item == 3:
            others_done.set()
        return item * item

    with ThreadPoolExecutor(4) as pool:
        assert list(ahead(pool, work, range(20), 4)) == [(n, n * n) for n in range(20)]


@pytest.mark.parametrize(("most_weight", "expected"), [(0, 5), (25, 2), (9, 1)])
def test_no_more_items_are_taken_than_fit_the_window(most_weight: int, expected: int) -> None:
    """By number and by weight; one item is always taken, however heavy."""
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(12):
            taken.append(number)
            yield number

    most = 0
    with ThreadPoolExecutor(2) as pool:
        for number, made in ahead(pool, str, items(), 5, lambda _item: 10, most_weight):
            assert made == str(number)
            most = max(most, len(taken) - number - 1)  # the one that does not fit was asked for, too
    assert most == expected
    assert taken == list(range(12))


def test_an_error_comes_where_its_item_would_and_ends_the_rest() -> None:
    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        if item == 2:
            raise ValueError("broken")
        return item

    with ThreadPoolExecutor(1) as pool:
        coming = ahead(pool, work, range(1000), 3)
        assert [next(coming), next(coming)] == [(0, 0), (1, 1)]
        with pytest.raises(ValueError, match="broken"):
            next(coming)
    assert max(begun) < 10


def test_all_work_has_ended_when_an_error_comes() -> None:
    ended: list[int] = []
    failed = threading.Event()

    def work(item: int) -> None:
        if item == 0:
            failed.set()
            raise ValueError("no room")
        assert failed.wait(DEADLINE_S)
        ended.append(item)

    with ThreadPoolExecutor(3) as pool:
        with pytest.raises(ValueError, match="no room"):
            for_all(work, range(6), pool)
        assert sorted(ended) == [1, 2, 3, 4, 5]


def test_without_a_pool_one_comes_after_the_other() -> None:
    seen: list[int] = []
    for_all(seen.append, range(3), None)
    assert seen == [0, 1, 2]
