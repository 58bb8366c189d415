"""A host that must not be asked: it listens, and logs whoever comes."""

import socket
import threading


class ThirdParty:
    """A port of this machine, TCP and UDP. log: the first bytes of each connection and datagram.

    answers: whether it is an HTTP server with a robots.txt that forbids everything; otherwise it says nothing.
    """

    def __init__(self, answers: bool) -> None:
        self.log: list[bytes] = []
        self.answers = answers
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self._tcp.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))
        for listen in (self._accept, self._receive):
            threading.Thread(target=listen, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._tcp.accept()
            except OSError:
                return
            connection.settimeout(5)
            with connection:
                try:
                    head = connection.recv(4096)
                except OSError:
                    head = b"(nothing)"
                self.log.append(head.partition(b"\r\n")[0][:60])
                if self.answers:
                    body = b"User-agent: *\nDisallow: /\n"
                    connection.sendall(
                        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"
                        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
                    )

    def _receive(self) -> None:
        while True:
            try:
                self.log.append(b"UDP " + self._udp.recv(2048)[:20])
            except OSError:
                return

    def stop(self) -> None:
        for listener in (self._tcp, self._udp):
            listener.close()
