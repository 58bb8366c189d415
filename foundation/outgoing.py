"""HTTP requests to the outside that Scrapy and the browser do not make: photo APIs, `predict`, weights.

The address that is connected to is the one that was checked: each connection resolves its host, judges every numeric
address, and connects to one of those. Proxies and passwords of the environment (http_proxy, ~/.netrc) are not used.
"""

import socket
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter
from urllib3 import connectionpool, poolmanager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from foundation.addresses import Refused, check_url, checked_addresses
from foundation.downloads import read_body

TIMEOUT_S = 30.0  # without a byte
MAX_REDIRECTS = 5


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
    """Requests under one user agent. allowed: private host:port that may be asked all the same."""

    def __init__(self, user_agent: str, allowed: Set[str] = frozenset()) -> None:
        self.allowed = allowed
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, no password by accident
        self._session.headers["User-Agent"] = user_agent
        adapter = _CheckedAdapter(allowed)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)

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
        Raises Refused, TooLarge, TooSlow, requests.RequestException.
        """
        secrets = dict(secret_headers or {})
        first = check_url(url, self.allowed)
        for _ in range(MAX_REDIRECTS + 1):
            sent = {**(headers or {}), **secrets}
            with self._session.get(
                url, headers=sent, timeout=limits.timeout_s, allow_redirects=False, stream=True
            ) as response:
                target = response.headers.get("Location") if response.is_redirect else None
                if target is None:
                    body = read_body(response, limits.max_bytes, limits.max_s, _counting(response, progress))
                    return Answer(url, response.status_code, response.headers, body)
            url = urljoin(url, target)
            if (there := check_url(url, self.allowed)) != first:
                secrets = {}
                if there.scheme == "http" and first.scheme == "https":
                    raise Refused("address: a redirect from https to http")
        raise requests.TooManyRedirects(f"more than {MAX_REDIRECTS} redirects")

    def close(self) -> None:
        self._session.close()


def _counting(response: requests.Response, progress: Callable[[int, int], None] | None) -> Callable[[int], None] | None:
    """`progress` with the length of the body filled in."""
    if progress is None:
        return None
    length = response.headers.get("Content-Length", "")
    return lambda done: progress(done, int(length) if length.isdecimal() else 0)


class _CheckedAdapter(HTTPAdapter):
    """Connects to addresses that were checked when the connection is made."""

    def __init__(self, allowed: Set[str]) -> None:
        self._allowed = allowed
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        allowed = self._allowed

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self, allowed)

        class Encrypted(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self, allowed)

        class PlainPool(connectionpool.HTTPConnectionPool):
            ConnectionCls = Plain

        class EncryptedPool(connectionpool.HTTPSConnectionPool):
            ConnectionCls = Encrypted

        manager: poolmanager.PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}


def _connect(connection: HTTPConnection, allowed: Set[str]) -> socket.socket:
    """A socket to the first numeric address that answers. Raises Refused, and urllib3's errors."""
    timeout = connection.timeout if isinstance(connection.timeout, int | float) else TIMEOUT_S
    reason: OSError = OSError("no address")
    for number in checked_addresses(connection.host, connection.port or 80, allowed):
        try:
            return socket.create_connection((number, connection.port or 80), timeout)
        except TimeoutError as error:
            raise ConnectTimeoutError(connection, f"{connection.host} did not answer in {timeout:.0f} s") from error
        except OSError as error:
            reason = error
    raise NewConnectionError(connection, f"cannot connect to {connection.host}: {reason}") from reason
