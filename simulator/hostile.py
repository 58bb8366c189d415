"""Servers that attack their clients or are broken. They use raw sockets, because no HTTP library behaves like this."""

import contextlib
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

JPEG = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
Behaviour = Callable[[socket.socket], None]


class HostileServer:
    """A server on 127.0.0.1.

    behaviours: what it does, by path; other paths get 404. certificate: PEM file, for HTTPS. log: paths of requests.
    """

    def __init__(self, behaviours: dict[str, Behaviour], certificate: Path | None = None) -> None:
        self.behaviours = behaviours
        self.log: list[str] = []
        self._context: ssl.SSLContext | None = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._stopped = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        """host:port"""
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://{self.address}"

    def stop(self) -> None:
        self._stopped.set()
        self._socket.close()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.closing(connection):
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head and (part := connection.recv(4096)):
                head += part
            if not head:
                return
            path = head.split(b" ")[1].decode("latin-1")
            self.log.append(path)
            self.behaviours.get(path, not_found)(connection)
            with contextlib.suppress(OSError):
                connection.close()


def not_found(connection: socket.socket) -> None:
    """404."""
    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def says(body: bytes, content_type: str = "text/html", *headers: str) -> Behaviour:
    """Sends an ordinary answer."""

    def answer(connection: socket.socket) -> None:
        lines = [f"Content-Type: {content_type}", f"Content-Length: {len(body)}", "Connection: close", *headers]
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return answer


def redirects(target: str) -> Behaviour:
    """Redirects to `target`."""

    def answer(connection: socket.socket) -> None:
        head = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())

    return answer


def hangs(_connection: socket.socket) -> None:
    """Accepts the request and never answers."""
    time.sleep(600)


def resets(connection: socket.socket) -> None:
    """Resets the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def drips(connection: socket.socket) -> None:
    """Sends a picture at one byte a second."""
    connection.sendall(JPEG + b"Content-Length: 100000\r\n\r\n")
    for _ in range(600):
        connection.sendall(b"\xff")
        time.sleep(1)


def endless_headers(connection: socket.socket) -> None:
    """Sends headers without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(100_000_000):
        connection.sendall(f"X-{number}: {'x' * 200}\r\n".encode())


def lies_about_length(body: bytes) -> Behaviour:
    """Announces twice the length that it sends."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(JPEG + f"Content-Length: {len(body) * 2}\r\nConnection: close\r\n\r\n".encode() + body)

    return answer


def floods(connection: socket.socket) -> None:
    """Sends five gigabytes without an announced length."""
    connection.sendall(JPEG + b"Connection: close\r\n\r\n")
    for _ in range(5 * 1024):
        connection.sendall(bytes(1024 * 1024))


def promises_a_flood(connection: socket.socket) -> None:
    """Sends five gigabytes, as it announces."""
    connection.sendall(JPEG + f"Content-Length: {5 << 30}\r\n\r\n".encode())
    for _ in range(5 * 1024):
        connection.sendall(bytes(1024 * 1024))


def compression_bomb(connection: socket.socket) -> None:
    """Sends 400 MB of zeros, compressed to a thousandth."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = b"".join([*(packer.compress(bytes(1024 * 1024)) for _ in range(400)), packer.flush()])
    head = f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + head + body)


def huge_png(side_px: int = 13_000) -> bytes:
    """A PNG of some 20 KB that decodes to side_px squared pixels (169 million by default)."""
    header = side_px.to_bytes(4, "big") * 2 + b"\x01\x00\x00\x00\x00"  # one bit per pixel

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    rows = zlib.compress(b"".join(_rows(side_px)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _rows(side_px: int) -> Iterator[bytes]:
    return (bytes(1 + (side_px + 7) // 8) for _ in range(side_px))
