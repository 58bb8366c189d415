"""HTTP requests to the outside that Scrapy does not make: photo APIs, `predict`, weights.

The address that is connected to is the one that was checked: each connection resolves its host, judges every numeric
address, and connects to one of those. Proxies, passwords and certificates of the environment (http_proxy, ~/.netrc,
REQUESTS_CA_BUNDLE) are not used, and no cookie is kept.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter
from urllib3 import connectionpool, poolmanager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from foundation.network.addresses import Refused, check_url, checked_addresses
from foundation.network.downloads import TooLarge, TooSlow, read_body

TIMEOUT_S = 30.0  # without a byte
MAX_REDIRECTS = 5  # as many as RFC 9309 asks for robots.txt, and as a crawl follows
MAX_NUMBERS_TRIED = 4  # numeric addresses of one host: each may take the whole time-out
Failures = (Refused, TooLarge, TooSlow, requests.RequestException)  # all that a request may raise


@dataclass(frozen=True)
class Answer:
    """What an address answered. url: after redirects. headers: names in any case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Limits:
    """max_bytes: of the body, decompressed. max_s: from the request to the body's end, for each hop."""

    max_bytes: int
    max_s: float = 600.0
    timeout_s: float = TIMEOUT_S


class Outgoing:
    """Requests under one user agent, one at a time. allowed: private host:port that may be asked all the same."""

    def __init__(self, user_agent: str, allowed: Set[str] = frozenset()) -> None:
        self.allowed = allowed
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, no password by accident
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers["User-Agent"] = user_agent
        self._adapter = _CheckedAdapter(allowed)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, self._adapter)

    def get(
        self,
        url: str,
        limits: Limits,
        headers: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Answer:
        """Ask an address and follow its redirects, each hop checked.

        secret_headers: sent to the first host only. progress: bytes so far, bytes in all (0: unknown).
        Raises what Failures lists.
        """
        url = url.replace(" ", "%20")
        secrets = dict(secret_headers or {})
        first = check_url(url, self.allowed)
        for _ in range(MAX_REDIRECTS + 1):
            answer, target = self._hop(url, limits, {**(headers or {}), **secrets}, progress)
            if answer is not None:
                return answer
            url = target
            if (there := check_url(url, self.allowed)) != first:
                secrets = {}
                if there.scheme == "http" and first.scheme == "https":
                    raise Refused("address: a redirect from https to http")
        raise requests.TooManyRedirects(f"more than {MAX_REDIRECTS} redirects")

    def hop(
        self, url: str, limits: Limits, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> tuple[Answer | None, str]:
        """One request: the answer, or the address that it redirects to. Raises what Failures lists.

        For who must read the robots.txt of the next host before the next hop.
        """
        url = url.replace(" ", "%20")
        check_url(url, self.allowed)
        return self._hop(url, limits, headers or {}, None, method)

    def close(self) -> None:
        self._session.close()

    def _hop(
        self,
        url: str,
        limits: Limits,
        headers: Mapping[str, str],
        progress: Callable[[int, int], None] | None,
        method: str = "GET",
    ) -> tuple[Answer | None, str]:
        """One request: the answer, or where it redirects to."""
        options: dict[str, Any] = {"timeout": limits.timeout_s, "allow_redirects": False, "stream": True}
        with self._adapter.at_most(limits.max_s):
            try:
                response = self._session.request(method, url, headers=dict(headers), **options)
                with response:
                    target = self._session.get_redirect_target(response)
                    if target is not None:
                        return None, urljoin(url, target.replace(" ", "%20"))
                    body = read_body(response, limits.max_bytes, limits.max_s, _counting(response, progress))
            except requests.RequestException:
                raise
            except ValueError:  # requests reads the target of a redirect even where it does not follow
                raise Refused("address: malformed redirect") from None
        return Answer(url, response.status_code, response.headers, body), ""


def _counting(response: requests.Response, progress: Callable[[int, int], None] | None) -> Callable[[int], None] | None:
    """`progress` with the length of the body filled in."""
    if progress is None:
        return None
    length = response.headers.get("Content-Length", "")
    total = int(length) if length.isascii() and length.isdecimal() else 0
    return lambda done: progress(done, total)


class _CheckedAdapter(HTTPAdapter):
    """Connects to addresses that were checked when the connection is made, and ends requests that take too long."""

    def __init__(self, allowed: Set[str]) -> None:
        self._allowed = allowed
        self._socket: socket.socket | None = None  # of the request that waits for its answer
        self._ends_at = float("inf")  # seconds of the monotonic clock
        super().__init__()

    @contextlib.contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """Run one request. Raises TooSlow once the time is over, also for headers or chunks that drip.

        A socket's time-out is too little for that: it starts anew with each byte.
        """
        over = threading.Event()

        def cut() -> None:
            over.set()
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # the reading thread sees the end

        timer = threading.Timer(seconds, cut)
        timer.daemon = True
        self._socket, self._ends_at = None, time.monotonic() + seconds
        timer.start()
        try:
            yield
        except requests.RequestException as error:
            if over.is_set():
                raise TooSlow(f"not complete after {seconds:.0f} s") from error
            raise
        finally:
            timer.cancel()
            self._socket = None
        if over.is_set():
            raise TooSlow(f"not complete after {seconds:.0f} s")

    def waits(self, connection: HTTPConnection) -> None:
        """Note which connection the request uses, a new one or a kept one. Raises TooSlow."""
        self._socket = connection.sock
        if time.monotonic() > self._ends_at:
            raise TooSlow("no connection in time")

    def connect(self, connection: HTTPConnection) -> socket.socket:
        """A socket to the first numeric address that answers. Raises Refused, and urllib3's errors."""
        timeout = connection.timeout if isinstance(connection.timeout, int | float) else TIMEOUT_S
        port = connection.port or connection.default_port or 0
        reason: OSError = OSError("no address")
        for number in checked_addresses(connection.host, port, self._allowed)[:MAX_NUMBERS_TRIED]:
            try:
                made = socket.create_connection((number, port), timeout)
            except OSError as error:
                reason = error
                continue
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return made
        if isinstance(reason, TimeoutError):
            raise ConnectTimeoutError(connection, f"{connection.host} did not answer in {timeout:.0f} s") from reason
        raise NewConnectionError(connection, f"cannot connect to {connection.host}: {reason}") from reason

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        adapter = self

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return adapter.connect(self)

            def getresponse(self) -> Any:
                adapter.waits(self)
                return super().getresponse()

        class Encrypted(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return adapter.connect(self)

            def getresponse(self) -> Any:
                adapter.waits(self)
                return super().getresponse()

        class PlainPool(connectionpool.HTTPConnectionPool):
            ConnectionCls = Plain

        class EncryptedPool(connectionpool.HTTPSConnectionPool):
            ConnectionCls = Encrypted

        manager: poolmanager.PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}
