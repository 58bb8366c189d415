"""Threads: a bounded window of work on all cores, and linear algebra on one.

On matrices of a few thousand numbers, more threads wait for each other. A fit of 600 pictures took 8.4 s of CPU with
two threads and 0.5 s with one. Its result also depends on their number.
"""

import functools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


@contextmanager
def one_thread() -> Iterator[None]:
    """A block in which BLAS uses one thread in this process."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


def cores() -> int:
    """How many cores this process may use, at least 1."""
    return max(1, len(os.sched_getaffinity(0)))


@functools.cache
def pool() -> ThreadPoolExecutor:
    """The threads of this process that decode pictures: one per core, shared by all who have pictures to decode."""
    return ThreadPoolExecutor(cores(), thread_name_prefix="pictures")


def ahead(
    executor: Executor,
    work: Callable[[Item], Made],
    items: Iterable[Item],
    most: int,
    weigh: Callable[[Item], int] = lambda _item: 0,
    most_weight: int = 0,
) -> Iterator[tuple[Item, Made]]:
    """Each item with what `work` makes of it, in order, while the executor works on the next ones.

    At most `most` items are ahead of the one that is yielded, and at most `most_weight` by `weigh`, so that memory is
    bounded; one item is always taken, however heavy. An error of `work` is raised where its item would be yielded.
    """
    waiting: deque[tuple[Item, Future[Made], int]] = deque()
    weight = 0
    try:
        for item in items:
            heavy = weigh(item)
            while waiting and (len(waiting) >= most or weight + heavy > most_weight > 0):
                first, future, freed = waiting.popleft()
                weight -= freed
                yield first, future.result()
            waiting.append((item, executor.submit(work, item), heavy))
            weight += heavy
        while waiting:
            first, future, _ = waiting.popleft()
            yield first, future.result()
    finally:
        for _, future, _ in waiting:
            future.cancel()


def for_all(work: Callable[[Item], None], items: Iterable[Item], pool: Executor | None) -> None:
    """Do something with every item, in the pool, or one after the other without one.

    In the pool, all end before this does; then it raises the first error.
    """
    if pool is None:
        for item in items:
            work(item)
        return
    begun = [pool.submit(work, item) for item in items]
    wait(begun)
    for one in begun:
        one.result()
