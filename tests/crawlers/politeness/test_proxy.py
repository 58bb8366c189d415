"""The browser's only way out: a proxy that connects to nothing."""

import asyncio

import pytest
from crawling import text

from crawlers.politeness.proxy import ClosedProxy
from simulator.server import Scripted, Server


@pytest.mark.parametrize("request_line", ["GET {url}/ HTTP/1.1", "CONNECT {host} HTTP/1.1", "POST {url}/b HTTP/1.1"])
def test_every_request_is_refused(request_line: str) -> None:
    """Plain requests and tunnels (WebSockets, HTTPS) alike; no connection is made."""
    server = Server(Scripted({"/": text("secret")}))

    async def ask() -> tuple[str, int]:
        proxy = ClosedProxy()
        await proxy.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
        writer.write(f"{request_line.format(url=server.url, host=server.address)}\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await proxy.stop()
        return answer.decode(), proxy.refused

    answer, refused = asyncio.run(ask())
    server.stop()
    assert answer.startswith("HTTP/1.1 403 Forbidden")
    assert refused == 1
    assert server.log == []


def test_a_client_that_says_nothing_or_too_much_is_let_go() -> None:
    async def ask() -> bytes:
        proxy = ClosedProxy()
        await proxy.start()
        port = int(proxy.url.rpartition(":")[2])
        _, silent = await asyncio.open_connection("127.0.0.1", port)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x" * 100_000)
        try:
            answer = await asyncio.wait_for(reader.read(), 10)
        except ConnectionError:
            answer = b""
        await proxy.stop()
        silent.close()
        writer.close()
        return answer

    assert asyncio.run(ask()) == b""
