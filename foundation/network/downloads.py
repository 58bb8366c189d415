"""Bodies of HTTP answers, read up to a limit."""

import time
from collections.abc import Callable, Iterator

import requests
import urllib3.exceptions

BLOCK_BYTES = 1 << 16


class TooLarge(Exception):
    """The body is longer than was allowed."""


class TooSlow(Exception):
    """The body did not end in the time that was allowed."""


def read_body(
    response: requests.Response,
    max_bytes: int,
    max_s: float | None = None,
    progress: Callable[[int], None] | None = None,
) -> bytes:
    """The body of a response that was asked for with stream=True, decompressed.

    max_s: from now to its end; None: no limit but the socket's. progress: called with how many bytes came so far.
    Raises TooLarge, TooSlow, requests.RequestException.
    """
    deadline = None if max_s is None else time.monotonic() + max_s
    body = bytearray()
    for block in _blocks(response):
        body += block
        if len(body) > max_bytes:
            raise TooLarge(f"over {max_bytes / 1_000_000:.0f} MB")
        if deadline is not None and time.monotonic() > deadline:
            raise TooSlow(f"not complete after {max_s:.0f} s")
        if progress:
            progress(len(body))
    return bytes(body)


def _blocks(response: requests.Response) -> Iterator[bytes]:
    """What has come, as soon as it comes: `iter_content` waits for a whole block, and a server may drip for hours."""
    try:
        while block := response.raw.read1(BLOCK_BYTES, decode_content=True):
            yield block
    except urllib3.exceptions.DecodeError as error:
        raise requests.exceptions.ContentDecodingError(str(error)) from error
    except urllib3.exceptions.ReadTimeoutError as error:
        raise requests.exceptions.ReadTimeout(str(error)) from error
    except urllib3.exceptions.HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(str(error)) from error
