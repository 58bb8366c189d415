"""Bodies of answers, read up to a limit."""

import time
from collections.abc import Iterator

import pytest
import requests

from foundation.downloads import TooLarge, TooSlow, read_body


def answer(content: bytes, pause_s: float = 0.0) -> requests.Response:
    """A response whose body comes in blocks of ten bytes."""

    class Raw:
        def stream(self, _size: int, decode_content: bool = True) -> Iterator[bytes]:
            for start in range(0, len(content), 10):
                time.sleep(pause_s)
                yield content[start : start + 10]

    response = requests.Response()
    response.raw = Raw()
    return response


def test_a_body_within_the_limit_comes_whole() -> None:
    seen: list[int] = []
    assert read_body(answer(b"x" * 25), 25, progress=seen.append) == b"x" * 25
    assert seen == [10, 20, 25]


def test_a_longer_one_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLarge):
        read_body(answer(b"x" * 1000), 25)


def test_one_that_drips_is_given_up() -> None:
    with pytest.raises(TooSlow):
        read_body(answer(b"x" * 1000, 0.01), 10_000, max_s=0.05)
