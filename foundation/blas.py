"""Linear algebra on one thread: on matrices of a few thousand numbers, more threads wait for each other.

A fit of 600 pictures took 8.4 s of CPU with two threads and 0.5 s with one. Its result also depends on their number.
"""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """A block in which BLAS uses one thread in this process."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield
