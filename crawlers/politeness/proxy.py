"""The only way out that the browser has: a proxy that connects to nothing.

What a page asks for is answered by our own crawler, which checks its address and its host's robots.txt (see
crawlers.sites.rendering.requests_in_turn). Whatever the browser does by another way ends here: pop-ups, WebSockets,
shared and service workers, redirects inside the browser, beacons of closed pages, preconnections, its own background
requests.
"""

import asyncio
import contextlib
import logging

logger = logging.getLogger(__name__)
MAX_HEAD_BYTES = 1 << 14
HEAD_TIMEOUT_S = 5.0
REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class ClosedProxy:
    """An HTTP proxy on loopback that refuses every request. refused: how many."""

    def __init__(self) -> None:
        self.refused = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        if self._server is None:
            raise RuntimeError("the proxy is not started")
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=MAX_HEAD_BYTES)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for task in self._open:
                task.cancel()
            self._server = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        self._open.add(task)
        try:
            async with asyncio.timeout(HEAD_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                self.refused += 1
                logger.debug("the browser was refused %r", head.partition(b"\r\n")[0])
                writer.write(REFUSAL)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, asyncio.CancelledError):
            pass  # the browser went, sent something else, or the crawl ends
        finally:
            self._open.discard(task)
            with contextlib.suppress(OSError, RuntimeError):  # the loop may be closed
                writer.close()
