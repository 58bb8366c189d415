"""`isitcake serve`: the web service and the Prefect deployments in one process."""

import contextlib
import errno
import socket
import sys
import threading
import time
from collections.abc import Callable

import uvicorn

from dataset.opening import open_project
from foundation.environment import prefect_api_url
from foundation.errors import StageError
from foundation.settings import Settings
from isitcake.output import note
from labeling.picture_links import OTHER_KEY, fits_tasks
from web.app import create_app
from web.gate.connections import Connections, raise_file_limit
from web.gate.gate import HEAD_BYTES
from web.gate.listening import Listening, is_unspecified
from web.gate.log_lines import quiet_logs
from web.gate.protocols import FRAME_BYTES, guarded
from web.gate.visitors import Proxies
from web.pages.access import owner_link

START_S = 60.0  # for the server to begin; it opens the catalog before
KEEP_ALIVE_S = 5
# A thread that computes a report lets others on this often. They ask for each row of a query; with Python's 5 ms, pages
# of 20,000 images took 0.6 s beside a report.
SWITCH_S = 0.0005
SHUTDOWN_S = 5  # for answers that are under way
PING_S = 20.0  # a WebSocket whose other side is gone is closed after two of these


def start_web(settings: Settings, host: str, port: int) -> uvicorn.Server:
    """The web service in a thread of its own. It listens when this returns.

    Raises ConfigError for a secret that can be guessed, StageError where the address is not ours or the port is taken.
    """
    settings.require_strong_secrets()
    connections = Connections.for_files(raise_file_limit())
    sockets = _listen(host, port, connections.backlog)
    listening = Listening(host, port)
    http, websocket = guarded(connections, Proxies(settings.web.trusted_proxies))
    config = uvicorn.Config(
        create_app(open_project(settings), listening), host, port, http=http, ws=websocket, ws_max_size=FRAME_BYTES,
        ws_per_message_deflate=False,  # 15 KB of it become 15 MB, and our messages are small
        ws_ping_interval=PING_S, ws_ping_timeout=PING_S, h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=SHUTDOWN_S, backlog=connections.backlog,
        proxy_headers=False,  # the gate reads them, from [web] trusted_proxies
        server_header=False, log_level="warning", access_log=False,
    )  # fmt: skip
    quiet_logs()
    sys.setswitchinterval(SWITCH_S)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=(sockets,), daemon=True, name="web")
    thread.start()
    deadline = time.monotonic() + START_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise StageError(f"the web service at {listening.url} did not start; see the lines above")
        thread.join(0.01)
    return server


def serve_all(settings: Settings, host: str, port: int, report: Callable[[dict[str, str]], None] | None = None) -> None:
    """Serve until interrupted. Without a Prefect server there are no schedules, and a note says so.

    report: called with the addresses, by name, as soon as they answer.
    """
    server = start_web(settings, host, port)
    address = settings.web.public_url or Listening("127.0.0.1" if is_unspecified(host) else host, port).url
    note(f"pages and pictures at {address}")
    note(f"the game: {address}/play")
    _warn_of_another_key(settings)
    link = owner_link(settings, address, "/")
    if link:
        note(f"the report, for you alone: {link}")
    try:
        if report:
            report({"pages": address, "game": f"{address}/play", "owner": link or address})
        if not prefect_api_url():
            note("no schedules: they need a Prefect server; start one and set PREFECT_API_URL")
            threading.Event().wait()
        from flows.deployments import serve_deployments

        serve_deployments(settings.config_path, lambda: note("schedules and triggers are on"))
    finally:
        server.should_exit = True


def _warn_of_another_key(settings: Settings) -> None:
    """Say so where the pictures in Label Studio are signed with another key: each of them would answer 404."""
    project = open_project(settings, reads_only=True)
    if not fits_tasks(project):
        note(f"WARNING: {OTHER_KEY}")
    project.close()


def _listen(host: str, port: int, backlog: int) -> list[socket.socket]:
    """Sockets that listen at every address of the host, such as both of localhost. Raises StageError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise StageError(f"{host!r} is no address or name of this machine ({error}); see --host") from error
    sockets: list[socket.socket] = []
    problems: list[OSError] = []
    for family, _, _, _, address in dict.fromkeys(found):
        try:
            sockets.append(_listener(family, address, backlog))
        except OSError as error:
            problems.append(error)
    # A machine without IPv6 still names ::1 as localhost. A port that is taken at one of the addresses is a mistake.
    if not sockets or any(problem.errno == errno.EADDRINUSE for problem in problems):
        for listener in sockets:
            listener.close()
        raise _explained(problems[0], host, port) from problems[0]
    return sockets


def _listener(family: int, address: tuple[object, ...], backlog: int) -> socket.socket:
    with contextlib.ExitStack() as stack:
        # With the protocol named, asyncio sets TCP_NODELAY; else a page on a kept connection takes 40 ms more.
        listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(backlog)
        stack.pop_all()
    return listener


def _explained(error: OSError, host: str, port: int) -> StageError:
    if error.errno == errno.EADDRINUSE:
        return StageError(f"port {port} is taken; stop what listens there, or choose another with --port")
    if error.errno == errno.EACCES:
        return StageError(f"port {port} is for the system; choose one above 1023 with --port")
    return StageError(
        f"{host} is not an address of this machine ({error.strerror}); listen at 127.0.0.1, or at 0.0.0.0 for every "
        "address of it, with --host"
    )
