"""Read bodies of HTTP responses, up to a limit."""

import time
from collections.abc import Callable

import requests

BLOCK_BYTES = 1 << 16


class TooLarge(Exception):
    """The body is longer than the limit."""


class TooSlow(Exception):
    """The body took longer than the limit."""


def read_body(
    response: requests.Response,
    max_bytes: int,
    max_s: float | None = None,
    progress: Callable[[int], None] | None = None,
) -> bytes:
    """The body of a response that was requested with stream=True.

    max_s: seconds until the body must be complete; None: only the timeout of the socket applies. progress: called with
    the number of bytes read so far. Raises TooLarge, TooSlow, requests.RequestException.
    """
    deadline = None if max_s is None else time.monotonic() + max_s
    body = bytearray()
    for block in response.iter_content(BLOCK_BYTES):
        body += block
        if len(body) > max_bytes:
            raise TooLarge(f"over {max_bytes // 1_000_000} MB")
        if deadline is not None and time.monotonic() > deadline:
            raise TooSlow(f"not complete after {max_s:.0f} s")
        if progress:
            progress(len(body))
    return bytes(body)
