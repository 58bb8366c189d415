"""Outgoing requests: what is connected is what was checked."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase

import pytest
import requests

from foundation.network.addresses import Refused
from foundation.network.downloads import TooLarge, TooSlow
from foundation.network.outgoing import Limits, Outgoing

SMALL = Limits(max_bytes=1000, max_s=2.0, timeout_s=2.0)


def drip(out: BufferedIOBase, part: bytes) -> None:
    """Send `part` again and again, for half a minute or until the client goes."""
    for _ in range(600):
        try:
            out.write(part)
            out.flush()
        except OSError:
            return
        if threading.Event().wait(0.05):
            return


class Server:
    """An HTTP server on this machine. log: path and headers of each request."""

    def __init__(self) -> None:
        self.log: list[tuple[str, dict[str, str]]] = []
        self.redirects: dict[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.log.append((self.path, dict(self.headers)))
                if target := outer.redirects.get(self.path):
                    self.send_response(302)
                    self.send_header("Location", target)
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("Set-Cookie", "seen=1")
                if self.path == "/slow-headers":
                    self.flush_headers()
                    drip(self.wfile, b"X-More: yes\r\n")
                if self.path == "/slow-chunk":
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    drip(self.wfile, b"0")
                self.end_headers()
                if self.path == "/drip":
                    drip(self.wfile, b"x")
                self.wfile.write(b"x" * (5000 if self.path == "/large" else 10))

            def log_message(self, *arguments: object) -> None:
                """Quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.block_on_close = False
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def host_port(self) -> str:
        return f"127.0.0.1:{self.http.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture
def private() -> Iterator[Server]:
    """A second server, which nobody allowed."""
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture
def outgoing(server: Server) -> Iterator[Outgoing]:
    made = Outgoing("isitcakebot/1 (+me@example.org)", {server.host_port})
    yield made
    made.close()


def test_an_allowed_host_answers_under_our_name(outgoing: Outgoing, server: Server) -> None:
    answer = outgoing.get(f"{server.url}/a", SMALL, {"X-More": "1"})
    assert (answer.status, answer.body) == (200, b"x" * 10)
    assert server.log[0][1]["User-Agent"] == "isitcakebot/1 (+me@example.org)"
    assert server.log[0][1]["X-More"] == "1"


@pytest.mark.parametrize(
    "target",
    ["http://{0}/", "http://{0}\\@93.184.216.34/", "http://93.184.216.34@{0}/", "//{0}/x", "http://localhost:{1}/",
     "http://0x7f.1:{1}/", "http://[::ffff:127.0.0.1]:{1}/", "file:///etc/passwd"],
)  # fmt: skip
def test_private_targets_are_never_reached(outgoing: Outgoing, server: Server, private: Server, target: str) -> None:
    """Neither directly nor by a redirect."""
    url = target.format(private.host_port, private.http.server_port)
    with pytest.raises(Refused):
        outgoing.get(url if "://" in url else f"http:{url}", SMALL)
    server.redirects["/go"] = url
    with pytest.raises(Refused):
        outgoing.get(f"{server.url}/go", SMALL)
    assert private.log == []


def test_a_name_that_changes_its_address_is_judged_when_it_is_connected(
    private: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: public when it is first asked for, private afterwards."""
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    real = socket.getaddrinfo

    def rebinding(host: str, port: int, *rest: object, **options: object) -> object:
        if host == "rebind.example":
            numbers = answers.pop(0) if len(answers) > 1 else answers[0]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port)) for number in numbers]
        return real(host, port, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    socket.getaddrinfo("rebind.example", 80)  # somebody checked before
    outgoing = Outgoing("x")
    with pytest.raises(Refused):
        outgoing.get(f"http://rebind.example:{private.http.server_port}/", SMALL)
    outgoing.close()
    assert private.log == []


def test_the_number_that_was_judged_is_the_one_that_is_connected(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Security 28: a name is resolved once, for the check and the connection; the second time it leads elsewhere."""
    port, asked, real = server.http.server_port, list[str](), socket.getaddrinfo

    def turning(host: str, *rest: object, **options: object) -> object:
        if host != "turns.example":
            return real(host, *rest, **options)  # type: ignore[arg-type]
        asked.append(host)
        number = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port))]

    monkeypatch.setattr(socket, "getaddrinfo", turning)
    outgoing = Outgoing("x", {f"turns.example:{port}"})
    with socket.create_server(("127.0.0.2", port)) as other:
        other.settimeout(0.1)
        assert outgoing.get(f"http://turns.example:{port}/a", SMALL).status == 200
        with pytest.raises(TimeoutError):
            other.accept()
    outgoing.close()
    assert [path for path, _ in server.log] == ["/a"]


def test_proxies_and_passwords_of_the_environment_are_not_used(
    server: Server, private: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, private.url)
    outgoing = Outgoing("x", {server.host_port})
    assert outgoing.get(server.url, SMALL).status == 200
    outgoing.close()
    assert private.log == []


def test_secrets_stay_with_the_first_host(server: Server, private: Server) -> None:
    outgoing = Outgoing("x", {server.host_port, private.host_port})
    server.redirects["/go"] = f"{private.url}/there"
    outgoing.get(f"{server.url}/go", SMALL, secret_headers={"Authorization": "Client-ID secret"})
    outgoing.close()
    assert server.log[0][1]["Authorization"] == "Client-ID secret"
    assert "Authorization" not in private.log[0][1]


def test_bodies_and_redirects_end(outgoing: Outgoing, server: Server) -> None:
    with pytest.raises(TooLarge):
        outgoing.get(f"{server.url}/large", SMALL)
    with pytest.raises(TooSlow):
        outgoing.get(f"{server.url}/drip", Limits(1_000_000, max_s=0.3))
    server.redirects["/loop"] = "/loop"
    with pytest.raises(requests.TooManyRedirects):
        outgoing.get(f"{server.url}/loop", SMALL)


@pytest.mark.parametrize("path", ["/slow-headers", "/slow-chunk", "/drip"])
def test_headers_and_chunks_that_drip_end_in_time(outgoing: Outgoing, server: Server, path: str) -> None:
    """A socket's time-out starts anew with each byte; the limit of the request does not."""
    began = time.monotonic()
    with pytest.raises(TooSlow):
        outgoing.get(f"{server.url}{path}", Limits(1_000_000, max_s=0.5, timeout_s=5))
    assert time.monotonic() - began < 3
    assert outgoing.get(f"{server.url}/a", SMALL).status == 200  # the next request is not disturbed


def test_no_cookie_is_kept_and_blanks_are_quoted(outgoing: Outgoing, server: Server) -> None:
    server.redirects["/a"] = "/two words.jpg"
    assert outgoing.get(f"{server.url}/a", SMALL).url == f"{server.url}/two%20words.jpg"
    assert all("Cookie" not in headers for _, headers in server.log)


@pytest.mark.parametrize("target", ["http://[", "http://[::1", "//[x/", "http://a b/"])
def test_a_malformed_redirect_is_refused(outgoing: Outgoing, server: Server, target: str) -> None:
    server.redirects["/go"] = target
    with pytest.raises(Refused):
        outgoing.get(f"{server.url}/go", SMALL)


def test_the_port_of_an_allowed_name_is_part_of_the_permission(server: Server, private: Server) -> None:
    """Security 4: `localhost:A` does not open `localhost:B`."""
    port = server.http.server_port
    outgoing = Outgoing("x", {f"localhost:{port}"})
    assert outgoing.get(f"http://localhost:{port}/", SMALL).status == 200
    with pytest.raises(Refused):
        outgoing.get(f"http://localhost:{private.http.server_port}/", SMALL)
    outgoing.close()
    assert private.log == []
