"""The webhook against a small server that stands in for Label Studio and refuses every request."""

import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from projects import asking

from dataset.project import Project
from web.webhook import Waker

DEADLINE_S = 30


class Studio(ThreadingHTTPServer):
    """Its first request waits until `is_released` is set. Every request is answered with 401."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Refusing)
        self.is_asked = threading.Event()
        self.is_released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Refusing(BaseHTTPRequestHandler):
    server: Studio

    def do_GET(self) -> None:
        self.server.is_asked.set()
        self.server.is_released.wait(DEADLINE_S)
        self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def studio() -> Iterator[Studio]:
    server = Studio()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.is_released.set()
    server.shutdown()
    server.server_close()
    thread.join(DEADLINE_S)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "web.webhook"]


def test_a_failed_pull_is_logged_and_the_next_call_pulls_again(
    collected: Project, studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    studio.is_released.set()
    waker = Waker(asking(collected, studio.url, "webhook"))
    with caplog.at_level(logging.INFO, logger="web.webhook"):
        waker.wake()
        waker.wake()
    assert len(warnings(caplog)) == 2
    assert all("refuses the key" in text for text in warnings(caplog))


def test_calls_during_a_pull_cause_one_more_pull(
    collected: Project, studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    """Five calls while the first pull is running: two pulls in all, and none of the five has to wait."""
    waker = Waker(asking(collected, studio.url, "webhook"))
    with caplog.at_level(logging.INFO, logger="web.webhook"):
        first = threading.Thread(target=waker.wake)
        first.start()
        assert studio.is_asked.wait(DEADLINE_S)
        for _ in range(5):
            waker.wake()
        assert warnings(caplog) == []
        studio.is_released.set()
        first.join(DEADLINE_S)
    assert not first.is_alive()
    assert len(warnings(caplog)) == 2
