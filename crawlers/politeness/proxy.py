"""A forward proxy that all connections of the browser go through: to public addresses and listed hosts only.

A name can resolve to another address the second time, so a check before the browser resolves it is not enough.
The proxy connects to the very address that it checked.
"""

import asyncio
import contextlib
import socket
from urllib.parse import urlsplit, urlunsplit

from crawlers.politeness.public_addresses import DEFAULT_PORTS, check_url, is_public
from crawlers.politeness.refusals import AddressRefused

BLOCK_BYTES = 1 << 16
MAX_HEAD_BYTES = 1 << 16
CONNECT_TIMEOUT_S = 20.0
HOP_HEADERS = (b"proxy-connection:", b"proxy-authorization:", b"connection:", b"keep-alive:")


class GuardProxy:
    """HTTP/1.1 forward proxy on loopback: CONNECT, and plain requests in absolute form, one per connection.

    allowed: private hosts that may be connected to, `host:port` each.
    """

    def __init__(self, allowed: frozenset[str]) -> None:
        self.allowed = allowed
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
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            pass
        except asyncio.CancelledError:
            pass  # the crawl ends
        finally:
            self._open.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *headers = head[:-4].split(b"\r\n")
        method, target, _ = first.split(b" ", 2)
        try:
            if method == b"CONNECT":
                address, port = await self._resolve(f"https://{target.decode('ascii', 'replace')}")
            else:
                address, port = await self._resolve(target.decode("ascii", "replace"))
        except AddressRefused as refused:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nX-Reason: %s\r\n\r\n" % str(refused).encode())
            await writer.drain()
            return
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            out_reader, out_writer = await asyncio.open_connection(address, port)
        try:
            if method == b"CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                parts = urlsplit(target.decode("ascii", "replace"))
                path = urlunsplit(("", "", parts.path or "/", parts.query, "")).encode()
                kept = [header for header in headers if not header.lower().startswith(HOP_HEADERS)]
                out_writer.write(
                    b"\r\n".join([b"%s %s HTTP/1.1" % (method, path), *kept, b"Connection: close", b"", b""])
                )
            sending = asyncio.create_task(_pipe(reader, out_writer))
            try:
                await _pipe(out_reader, writer)
            finally:
                sending.cancel()
        finally:
            out_writer.close()

    async def _resolve(self, url: str) -> tuple[str, int]:
        """Address and port to connect to. Raises AddressRefused."""
        check_url(url, self.allowed)
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 443)
        try:
            entries = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise AddressRefused("address: no such name") from None
        addresses = [str(entry[4][0]) for entry in entries]
        if f"{host}:{port}" not in self.allowed and not all(map(is_public, addresses)):
            raise AddressRefused("address: private host")
        return addresses[0], port


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy bytes until the reader ends; then end the writer."""
    with contextlib.suppress(OSError):
        while part := await reader.read(BLOCK_BYTES):
            writer.write(part)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
