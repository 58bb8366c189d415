"""An HTTP client that waits for a whole answer no longer than a limit, and reads no more of it than a limit.

httpx alone limits the time between two bytes only: a server that sends drop by drop would be waited for without end.
"""

import contextlib
import socket
import threading
import time
import weakref
from dataclasses import dataclass
from typing import Any

import httpx

KNOWN_ENCODINGS = ("", "identity", "gzip", "deflate")  # a list of several could unpack to any size
# Label Studio needs none of them, and the SDK would sleep up to a minute for each.
WAIT_HEADERS = ("retry-after", "retry-after-ms", "x-ratelimit-reset")
PACKING_HEADERS = ("content-encoding", "content-length", "transfer-encoding")


@dataclass(frozen=True)
class HttpLimits:
    """request_s: seconds for one whole answer. call_s: for all answers of one call, such as the pages of a list.

    answer_bytes: largest answer, unpacked.
    """

    request_s: float = 60  # a page of 2000 tasks takes a few seconds
    call_s: float = 1800  # 100 pages of 500 tasks, on a slow machine
    answer_bytes: int = 64 * 2**20  # a page of 2000 tasks has about 10 MB


class LimitExceeded(httpx.TransportError):
    """An answer is too slow or too large; the message says which, as the end of a sentence."""


class LimitedClient(httpx.Client):
    """Raises LimitExceeded for what is too slow or too large. For one thread at a time."""

    def __init__(self, limits: HttpLimits) -> None:
        super().__init__(timeout=limits.request_s, follow_redirects=True)
        self._limits = limits
        self._call_ends = time.monotonic() + limits.call_s
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def begin_call(self) -> None:
        """Count the time of a call from now on."""
        self._call_ends = time.monotonic() + self._limits.call_s

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request and read its whole answer. Raises LimitExceeded."""
        left_s = min(self._limits.request_s, self._call_ends - time.monotonic())
        too_slow = LimitExceeded(f"takes too long: it had {self._limits.request_s:g} s for an answer")
        if left_s <= 0:
            raise LimitExceeded(f"takes too long: it had {self._limits.call_s:g} s for all answers")
        is_over = threading.Event()
        watchdog = threading.Timer(left_s, self._break_off, [is_over])
        watchdog.daemon = True
        watchdog.start()
        request.extensions = {**request.extensions, "trace": self._note_socket}
        try:
            answer = self._whole(super().send(request, **{**options, "stream": True}))
        except httpx.TimeoutException as error:
            raise too_slow from error
        except httpx.HTTPError as error:
            if is_over.is_set():
                raise too_slow from error
            raise
        finally:
            watchdog.cancel()
        if is_over.is_set():
            raise too_slow  # without a length, an answer that was broken off looks complete
        return answer

    def _whole(self, response: httpx.Response) -> httpx.Response:
        with contextlib.closing(response):
            if response.headers.get("content-encoding", "").strip().lower() not in KNOWN_ENCODINGS:
                raise LimitExceeded("packs its answer in an unknown way")
            content = bytearray()
            for part in response.iter_bytes():
                content += part
                if len(content) > self._limits.answer_bytes:
                    raise LimitExceeded(f"answers with more than {self._limits.answer_bytes:,} bytes")
        dropped = (*WAIT_HEADERS, *PACKING_HEADERS)
        headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in dropped]
        return httpx.Response(
            response.status_code, headers=headers, content=bytes(content), request=response.request,
            history=response.history,
        )  # fmt: skip

    def _note_socket(self, event: str, details: dict[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            connected = details["return_value"].get_extra_info("socket")
            if connected is not None:
                self._sockets.add(connected)

    def _break_off(self, is_over: threading.Event) -> None:
        """End the connections; the thread that reads from one of them wakes up."""
        is_over.set()
        for connected in list(self._sockets):
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)
