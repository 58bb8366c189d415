"""Bodies of responses from a real server are read up to a limit."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from foundation.downloads import TooLarge, TooSlow, read_body

LONG = b"x" * 400_000


class _Bodies(BaseHTTPRequestHandler):
    finish: threading.Event

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        if self.path == "/slow":
            while not self.finish.wait(0.01):  # a few bytes at a time, until the client leaves
                try:
                    self.wfile.write(LONG[:70_000])
                except OSError:
                    return
        else:
            self.wfile.write(LONG)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(_Bodies, "finish", threading.Event(), raising=False)
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Bodies)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    _Bodies.finish.set()
    http.shutdown()
    thread.join()
    http.server_close()


def test_a_body_within_the_limit_is_complete(server: str) -> None:
    """Progress is reported while it comes; the last report is its length."""
    counts: list[int] = []
    with requests.get(f"{server}/long", stream=True, timeout=10) as response:
        assert read_body(response, len(LONG), progress=counts.append) == LONG
    assert counts == sorted(counts)
    assert len(counts) > 1
    assert counts[-1] == len(LONG)


def test_a_longer_body_is_refused_before_its_end(server: str) -> None:
    counts: list[int] = []
    with (
        requests.get(f"{server}/long", stream=True, timeout=10) as response,
        pytest.raises(TooLarge, match="over 0 MB"),
    ):
        read_body(response, 100_000, progress=counts.append)
    assert max(counts) <= 100_000


def test_a_body_without_end_is_given_up_after_the_time_limit(server: str) -> None:
    with (
        requests.get(f"{server}/slow", stream=True, timeout=10) as response,
        pytest.raises(TooSlow, match="not complete after"),
    ):
        read_body(response, 10**12, max_s=0.05)
