"""The proxy that all connections of the browser go through."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from crawling import text

from crawlers.politeness.proxy import GuardProxy
from simulator.server import Scripted, Server


@contextlib.asynccontextmanager
async def started(*allowed: str) -> AsyncIterator[GuardProxy]:
    proxy = GuardProxy(frozenset(allowed))
    await proxy.start()
    yield proxy
    await proxy.stop()


async def answer(proxy: GuardProxy, request: str) -> str:
    """What the proxy answers to one request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
    writer.write(request.encode())
    await writer.drain()
    content = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return content.decode()


def test_a_listed_host_is_reached_by_both_ways() -> None:
    """A plain request in absolute form, and a tunnel."""
    server = Server(Scripted({"/a": text("hello")}))

    async def ask() -> tuple[str, str]:
        async with started(server.address) as proxy:
            plain = await answer(proxy, f"GET {server.url}/a HTTP/1.1\r\nHost: {server.address}\r\n\r\n")
            inner = f"GET /a HTTP/1.1\r\nHost: {server.address}\r\nConnection: close\r\n\r\n"
            tunnel = await answer(proxy, f"CONNECT {server.address} HTTP/1.1\r\n\r\n{inner}")
            return plain, tunnel

    plain, tunnel = asyncio.run(ask())
    server.stop()
    assert plain.startswith("HTTP/1.1 200 OK")
    assert plain.endswith("hello")
    assert tunnel.startswith("HTTP/1.1 200 Connection established")
    assert tunnel.endswith("hello")


@pytest.mark.parametrize("host", ["localhost:{port}", "127.0.0.1:{port}", "no-such-baker.invalid:80"])
@pytest.mark.parametrize("request_line", ["GET http://{host}/ HTTP/1.1", "CONNECT {host} HTTP/1.1"])
def test_other_private_hosts_are_refused(host: str, request_line: str) -> None:
    """No connection is made; the browser gets 403."""
    server = Server(Scripted({"/": text("secret")}))
    address = host.format(port=server.address.rpartition(":")[2])

    async def ask() -> str:
        async with started() as proxy:
            return await answer(proxy, f"{request_line.format(host=address)}\r\n\r\n")

    refusal = asyncio.run(ask())
    server.stop()
    assert refusal.startswith("HTTP/1.1 403 Forbidden")
    assert "X-Reason: address: " in refusal
    assert server.log == []
