"""The browser's only way out: a forward proxy that connects to public addresses and to listed hosts.

A check before the browser resolves a name can be fooled by a name that resolves differently the second
time; here the address that was checked is the one connected to.
"""

import asyncio
import contextlib
import socket
from urllib.parse import urlsplit, urlunsplit

from crawlers.politeness.public_addresses import DEFAULT_PORTS, Refused, check_url, is_public

CHUNK = 1 << 16
MAX_HEAD = 1 << 16
CONNECT_TIMEOUT_S = 20.0
HOP_HEADERS = (b"proxy-connection:", b"proxy-authorization:", b"connection:", b"keep-alive:")


class GuardProxy:
    """HTTP/1.1 forward proxy on loopback: CONNECT, and plain requests in absolute form, one per connection."""

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
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=MAX_HEAD)

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
        except Refused as refused:
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
        """Address and port to connect to. Raises Refused."""
        check_url(url, self.allowed)
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 443)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Refused("address: no such name") from None
        addresses = [str(entry[4][0]) for entry in found]
        if f"{host}:{port}" not in self.allowed and not all(map(is_public, addresses)):
            raise Refused("address: private host")
        return addresses[0], port


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until one side ends; then the other is told."""
    with contextlib.suppress(OSError):
        while part := await reader.read(CHUNK):
            writer.write(part)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
