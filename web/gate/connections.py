"""Connections on the wire: how many may stand, and how long each may keep the server waiting.

uvicorn's own limit of concurrency is not used: while idle connections stand, it refuses everybody, /health too. Here
the connection that has kept us waiting longest makes room for the next.
"""

import contextlib
import resource
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Protocol

MOST_FILES = 65_536  # descriptors that we ask the system for; more are never used
RESERVED_FILES = 128  # for the catalog, pictures that are sent, worker processes, and the libraries
LEAST_CONNECTIONS = 16  # even where the system gives very few descriptors
MOST_CONNECTIONS = 4096  # of about 20 KB each; 300 players with six connections each are 1,800
WAITING_OF_ADDRESS = 1024  # connections of one address that keep us waiting: a class behind one address has so many
SOCKET_SHARE = 0.75  # of all connections that may be WebSockets
BACKLOG_SHARE = 4  # one in so many descriptors is for connections that the system accepts before we look at them
MOST_BACKLOG = 512


def raise_file_limit() -> int:
    """Raise the number of descriptors to what the system allows. Returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # some systems promise more than they give
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return MOST_FILES if soft == resource.RLIM_INFINITY else soft


class Connection(Protocol):
    """One connection that can be closed at once. peer: its address; empty if the address may have any number."""

    peer: str

    def drop(self) -> None: ...


@dataclass
class Connections:
    """All connections of one server.

    most: HTTP and WebSockets together. most_sockets: WebSockets. backlog: how many the system may accept before we have
    looked at them.
    """

    most: int
    most_sockets: int
    backlog: int = MOST_BACKLOG
    _standing: set[Connection] = field(default_factory=set)
    _sockets: set[Connection] = field(default_factory=set)
    _waiting: "OrderedDict[Connection, None]" = field(default_factory=OrderedDict)  # the longest first
    _waiting_of: dict[str, "OrderedDict[Connection, None]"] = field(default_factory=dict)  # the same, by address

    @classmethod
    def for_files(cls, files: int) -> "Connections":
        """As many as fit into so many descriptors."""
        spare = max(LEAST_CONNECTIONS, files - RESERVED_FILES)
        backlog = min(MOST_BACKLOG, spare // BACKLOG_SHARE)
        most = min(MOST_CONNECTIONS, spare - 2 * backlog)  # two queues may be accepted before one is looked at
        return cls(most, int(most * SOCKET_SHARE), backlog)

    def enter(self, connection: Connection) -> bool:
        """A new connection. Returns False if there is no room and nobody can make any: close it."""
        if len(self._standing) >= self.most and not self._make_room(self._waiting):
            return False
        self._standing.add(connection)
        self.wait(connection)
        return True

    def enter_socket(self, connection: Connection) -> bool:
        """A WebSocket that takes the place of an HTTP connection. Returns False if there are too many."""
        if len(self._sockets) >= self.most_sockets:
            return False
        self._standing.add(connection)
        self._sockets.add(connection)
        return True

    def leave(self, connection: Connection) -> None:
        self._standing.discard(connection)
        self._sockets.discard(connection)
        self.work(connection)

    def wait(self, connection: Connection) -> None:
        """The connection keeps us waiting from now on: for a request, the rest of one, or that it reads our answer."""
        if connection in self._waiting or connection not in self._standing:
            return
        self._waiting[connection] = None
        if connection.peer:
            own = self._waiting_of.setdefault(connection.peer, OrderedDict())
            own[connection] = None
            if len(own) > WAITING_OF_ADDRESS:
                self._make_room(own)

    def work(self, connection: Connection) -> None:
        """The connection waits for us from now on."""
        self._waiting.pop(connection, None)
        if own := self._waiting_of.get(connection.peer):
            own.pop(connection, None)
            if not own:
                del self._waiting_of[connection.peer]

    def _make_room(self, waiting: "OrderedDict[Connection, None]") -> bool:
        """Drop the connection that has kept us waiting longest."""
        oldest = next(iter(waiting), None)
        if oldest is None:
            return False
        self.leave(oldest)
        oldest.drop()
        return True
