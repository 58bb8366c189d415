"""The simulated Hub as an HTTP server on loopback. Tests judge by its log and by what it keeps."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from simulator.hub.api import Hub
from simulator.hub.requests import Request


class HubServer:
    """Serves a Hub on a free port of 127.0.0.1. log: method and path of each request, in order."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.log: list[str] = []
        owner, one_at_a_time = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(
                    self.command, self.path, unquote(parts.path), dict(parse_qsl(parts.query)), headers, self._body()
                )
                with one_at_a_time:
                    owner.log.append(f"{self.command} {parts.path}")
                    reply = owner.hub.answer(request)
                self.send_response(reply.status)
                self.send_header("Content-Length", str(len(reply.body)))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else reply.body)

            do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  names of the standard library

            def _body(self) -> bytes:
                if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = []
                while size := int(self.rfile.readline().partition(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

            def log_message(self, *args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.hub.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return self.hub.url

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
