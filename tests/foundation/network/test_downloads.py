"""Bodies of answers, read up to a limit."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from foundation.network.downloads import TooLarge, TooSlow, read_body

CONTENT = bytes(range(256)) * 1000


class Bodies(BaseHTTPRequestHandler):
    """/plain, /chunked, /gzip (chunked too), /bomb: 50 MB of zeros as gzip, /drip: a byte every 20 ms, /cut."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        name = self.path[1:]
        body = {"gzip": gzip.compress(CONTENT), "bomb": gzip.compress(bytes(50_000_000))}.get(name, CONTENT)
        if name in ("gzip", "bomb"):
            self.send_header("Content-Encoding", "gzip")
        if name in ("chunked", "gzip"):
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for start in range(0, len(body), 5000):
                part = body[start : start + 5000]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if name == "drip":
            for byte in body:
                try:
                    self.wfile.write(bytes([byte]))
                except OSError:
                    return
                if threading.Event().wait(0.02):
                    return
        self.wfile.write(body[:1000] if name == "cut" else body)
        self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bodies)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", ["plain", "chunked", "gzip"])
def test_a_body_within_the_limit_comes_whole(url: str, name: str) -> None:
    """However it is sent."""
    seen: list[int] = []
    with requests.get(f"{url}/{name}", stream=True, timeout=5) as response:
        assert read_body(response, len(CONTENT), progress=seen.append) == CONTENT
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)


@pytest.mark.parametrize("name", ["plain", "chunked", "bomb"])
def test_a_longer_one_is_refused(url: str, name: str) -> None:
    """Counted after decompression."""
    with requests.get(f"{url}/{name}", stream=True, timeout=5) as response, pytest.raises(TooLarge):
        read_body(response, 100_000)


def test_one_that_drips_is_given_up(url: str) -> None:
    with requests.get(f"{url}/drip", stream=True, timeout=5) as response, pytest.raises(TooSlow):
        read_body(response, 10_000_000, max_s=0.2)


def test_one_that_is_cut_is_an_error(url: str) -> None:
    with requests.get(f"{url}/cut", stream=True, timeout=5) as response, pytest.raises(requests.RequestException):
        read_body(response, 10_000_000)
