"""What one address may do with rooms and sockets, at a real `isitcake serve`."""

import base64
import json
import os
import random
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Close
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from simulator.web_service import Serve, Serving, until
from web.game.room import MOST_HOSTS, PLAYERS_OF_ADDRESS
from web.game.room_endpoints import OPENINGS
from web.game.rooms import ROOMS_OF_ADDRESS

Room = dict[str, str]
RECEIVE_S = 30
BOMB_BYTES = 15_000_000
GROWTH_MB = 60  # that twenty bombs may cost


@pytest.fixture(scope="module")
def rooms(serve: Serve) -> Serving:
    """A service for rooms alone. Each test comes from an address of its own."""
    return serve()


@pytest.fixture
def address(request: pytest.FixtureRequest) -> str:
    """An address of this machine that no other test uses."""
    return f"127.0.{1 + zlib.crc32(request.node.nodeid.encode()) % 250}.{random.randrange(1, 250)}"


@pytest.fixture
def client(rooms: Serving, address: str) -> Iterator[httpx.Client]:
    transport = httpx.HTTPTransport(local_address=address)
    with httpx.Client(base_url=rooms.url, transport=transport, timeout=RECEIVE_S) as own:
        yield own


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


Connect = Callable[[Room], Connection]


@pytest.fixture
def screen(rooms: Serving, address: str, stack: ExitStack) -> Connect:
    """Opens a socket of a room from the test's address."""

    def opened(room: Room) -> Connection:
        raw = socket.create_connection(("127.0.0.1", rooms.port), timeout=RECEIVE_S, source_address=(address, 0))
        url = f"ws://127.0.0.1:{rooms.port}/show/{room['code']}/ws"
        return stack.enter_context(connect(url, sock=raw, compression=None))

    return opened


def ask(screen: Connection, **message: Any) -> dict[str, Any]:
    screen.send(json.dumps(message))
    return dict(json.loads(screen.recv(RECEIVE_S)))


def closed(screen: Connection) -> Close:
    """Why the server closes the socket."""
    with pytest.raises(ConnectionClosed) as error:
        list(iter(lambda: screen.recv(RECEIVE_S), None))
    assert error.value.rcvd is not None
    return error.value.rcvd


def opened_room(client: httpx.Client) -> Room:
    answer = client.post("/show", json={"pictures": 1})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_one_address_keeps_no_rooms_from_others(rooms: Serving, client: httpx.Client) -> None:
    """Security 12: rooms that nobody is in make room for newer ones of the same address; then there is a wait."""
    statuses = [client.post("/show", json={}).status_code for _ in range(OPENINGS + 20)]
    assert statuses[:OPENINGS] == [200] * OPENINGS
    assert statuses[-1] == 429
    assert httpx.post(f"{rooms.url}/show", json={}).status_code == 200


def test_rooms_in_use_of_one_address_are_few(client: httpx.Client, screen: Connect) -> None:
    """Security 12: the answer says what to do."""
    for _ in range(ROOMS_OF_ADDRESS):
        room = opened_room(client)
        ask(screen(room), kind="host", token=room["host"])
    answer = client.post("/show", json={})
    assert answer.status_code == 429
    assert "in use" in answer.json()["detail"]


def test_a_conference_behind_one_address_fits_into_one_room(client: httpx.Client, screen: Connect) -> None:
    """Security 12: 400 players of one address join; the next one is told why not. Others may still join."""
    room = opened_room(client)
    host = screen(room)
    ask(host, kind="host", token=room["host"])
    for number in range(PLAYERS_OF_ADDRESS):
        assert ask(screen(room), kind="join", nickname=f"Player {number}")["you"]["name"] == f"Player {number}"
    assert ask(screen(room), kind="join", nickname="One more") == {
        "refused": "too many players of your network are in this room"
    }
    with connect(f"ws://127.0.0.1:{httpx.URL(client.base_url).port}/show/{room['code']}/ws") as other:
        assert ask(other, kind="join", nickname="Ann")["players"] == PLAYERS_OF_ADDRESS + 1


def test_players_who_leave_and_come_anew_are_limited(client: httpx.Client, rooms: Serving, address: str) -> None:
    """Security 12: a socket that joins, leaves and joins without its token makes no thousand players."""
    room = opened_room(client)
    refused = 0
    for _ in range(PLAYERS_OF_ADDRESS + 5):
        raw = socket.create_connection(("127.0.0.1", rooms.port), source_address=(address, 0))
        url = f"ws://127.0.0.1:{rooms.port}/show/{room['code']}/ws"
        with connect(url, sock=raw, compression=None) as screen:
            refused += "refused" in ask(screen, kind="join", nickname="Ann")
    assert refused == 5


def test_screens_of_the_host_are_few(client: httpx.Client, screen: Connect) -> None:
    """Security 12: thirty hosts make no thirty copies, nor does one that says so thirty times."""
    room = opened_room(client)
    for _ in range(MOST_HOSTS):
        assert ask(screen(room), kind="host", token=room["host"])["phase"] == "lobby"
    more = screen(room)
    more.send(json.dumps({"kind": "host", "token": room["host"]}))
    assert closed(more).code == 4429


def test_one_screen_has_one_role(client: httpx.Client, screen: Connect) -> None:
    room = opened_room(client)
    twice = screen(room)
    ask(twice, kind="host", token=room["host"])
    twice.send(json.dumps({"kind": "host", "token": room["host"]}))
    assert closed(twice).code == 4403


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x00\x01", 4400),
        (b"", 4400),
        (b'{"kind": "join"}', 4400),  # as a binary frame
        ('{"kind": "join", "nickname": "\\ud800"}', 4400),
        ('{"kind": "host", "token": "\\udfff"}', 4400),
        ("[" * 4000, 4400),
        ('{"kind": {"a": 1}}', 4400),
        ('{"kind": "join", "kind": "host"}', 4400),
        ('{"kind": 1e999}', 4400),
        ('{"kind": NaN}', 4400),
        ("", 4403),
        ('{"kind": null}', 4403),
        ('{"kind": true}', 4403),
        ("é" * 5000, 4429),
        ("x" * 20_000, 1009),
    ],
)
def test_frames_that_no_page_sends_close_the_socket(
    rooms: Serving, client: httpx.Client, screen: Connect, sent: str | bytes, code: int
) -> None:
    """Security 13: with a code, and a reason; nothing is a traceback."""
    strange = screen(opened_room(client))
    strange.send(sent)
    reason = closed(strange)
    assert reason.code == code
    assert reason.reason
    assert "Traceback" not in rooms.printed()
    assert "Exception" not in rooms.printed()


@pytest.mark.parametrize(
    "message",
    [{"slot": True, "answer": "cake"}, {"slot": "0", "answer": "cake"}, {"slot": 0.0, "answer": "cake"},
     {"slot": 0, "answer": 1}, {"slot": None, "answer": "cake"}, {"answer": "cake"}, {}],
)  # fmt: skip
def test_answers_of_a_wrong_type_close_the_socket(client: httpx.Client, screen: Connect, message: Any) -> None:
    """Security 13: true is no picture number 1."""
    player = screen(opened_room(client))
    ask(player, kind="join", nickname="Ann")
    player.send(json.dumps({"kind": "answer", **message}))
    assert closed(player).code == 4400


def test_text_that_is_not_utf8_closes_the_socket(
    rooms: Serving, client: httpx.Client, address: str, stack: ExitStack
) -> None:
    """Security 13: as RFC 6455 says, and without a traceback."""
    raw = shaken(rooms, opened_room(client), address, stack)
    raw.sendall(frame(0x81, b"\xff\xfe"))
    assert close_code(raw) == 1007
    assert "Traceback" not in rooms.printed()
    assert "UnicodeDecodeError" not in rooms.printed()


def test_compression_is_not_spoken(rooms: Serving, client: httpx.Client, address: str, stack: ExitStack) -> None:
    """Security 12: twenty sockets send 15 KB that would become 15 MB each; it costs nothing."""
    room = opened_room(client)
    before = resident_mb(rooms)
    bomb = zlib.compressobj(wbits=-15)
    content = bomb.compress(bytes(BOMB_BYTES)) + bomb.flush(zlib.Z_SYNC_FLUSH)
    sockets = [shaken(rooms, room, address, stack, extensions=True) for _ in range(20)]
    for raw in sockets:
        raw.sendall(frame(0xC1, content[:-4]))
    assert {close_code(raw) for raw in sockets} == {1002}
    assert resident_mb(rooms) - before < GROWTH_MB


def test_pings_that_nobody_reads_the_answers_of_cost_nothing(
    rooms: Serving, client: httpx.Client, address: str, stack: ExitStack
) -> None:
    """Security 12: a flood of control frames closes the socket."""
    raw = shaken(rooms, opened_room(client), address, stack)
    flood = frame(0x89, bytes(120)) * 100
    with pytest.raises(OSError, match=r"reset|pipe"):
        list(iter(lambda: raw.sendall(flood), "never"))
    until(lambda: httpx.get(f"{rooms.url}/health").is_success)


def test_sockets_of_one_address_are_limited(
    rooms: Serving, client: httpx.Client, address: str, stack: ExitStack
) -> None:
    """Security 12: above them the handshake is refused with a reason; others may still connect."""
    room = opened_room(client)
    statuses = [handshake(rooms, room, address, stack)[1] for _ in range(460)]
    assert statuses.count(101) == 450
    assert statuses[-1] == 429
    with connect(f"ws://127.0.0.1:{rooms.port}/show/{room['code']}/ws") as other:
        assert ask(other, kind="join", nickname="Ann")["players"] == 1


def test_a_socket_must_say_whose_it_is(client: httpx.Client, screen: Connect) -> None:
    """Security 12: one that says nothing is closed."""
    reason = closed(screen(opened_room(client)))
    assert reason.code == 4408


def test_a_room_that_is_not_there_says_so(rooms: Serving) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{rooms.port}/show/QQQQ/ws")
    assert b"no such room" in refused.value.response.body


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"seconds": 1e999}', 400),
        (b'{"pictures": 1e999}', 400),
        (b'{"pictures": -1e999}', 400),
        (b'{"seconds": NaN}', 400),
        (b"[" * 4000, 400),
        (b'{"a":' * 600, 400),
        (b'{"pictures": ' + b"9" * 4000 + b"}", 400),
        (b'{"pictures": "10"}', 422),
        (b'{"seconds": "nan"}', 422),
        (b'{"pictures": true}', 422),
        (b'{"pictures": [1]}', 400),
        (b'{"pictures": 1, "pictures": 2}', 400),
        (b"\xff\xfe", 400),
        (b" " * 5000, 413),
        (b'{"pictures": -5}', 200),
        (b'{"pictures": 2.5}', 200),
        (b"", 200),
    ],
)
def test_whatever_asks_for_a_room_gets_a_clear_answer(client: httpx.Client, body: bytes, status: int) -> None:
    """Security 13: never a 500."""
    answer = client.post("/show", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text


def test_a_screen_that_reads_nothing_delays_nobody_twice(
    rooms: Serving, client: httpx.Client, screen: Connect, address: str, stack: ExitStack
) -> None:
    """Security 12: the game goes on for the others."""
    room = opened_room(client)
    host, ann = screen(room), screen(room)
    ask(host, kind="host", token=room["host"])
    ask(ann, kind="join", nickname="Ann")
    deaf = shaken(rooms, room, address, stack)
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    deaf.sendall(frame(0x81, b'{"kind": "join", "nickname": "Deaf"}'))
    host.send(json.dumps({"kind": "next"}))
    state: dict[str, Any] = {}
    while state.get("phase") != "question":
        state = json.loads(ann.recv(RECEIVE_S))
    assert state["slot"] == 0


def handshake(
    rooms: Serving, room: Room, address: str, stack: ExitStack, *, extensions: bool = False
) -> tuple[socket.socket, int]:
    """A raw socket after its request for a WebSocket, and the status of the answer."""
    raw = stack.enter_context(
        socket.create_connection(("127.0.0.1", rooms.port), timeout=RECEIVE_S, source_address=(address, 0))
    )
    extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n" if extensions else ""
    key = base64.b64encode(os.urandom(16)).decode()
    raw.sendall(
        f"GET /show/{room['code']}/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{extension}\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += raw.recv(1)
    assert b"permessage-deflate" not in answer
    return raw, int(answer.split()[1])


def shaken(rooms: Serving, room: Room, address: str, stack: ExitStack, *, extensions: bool = False) -> socket.socket:
    raw, status = handshake(rooms, room, address, stack, extensions=extensions)
    assert status == 101
    return raw


def frame(head: int, content: bytes) -> bytes:
    """A frame of a client, masked with zeros."""
    length = len(content)
    size = bytes([0x80 | length]) if length < 126 else bytes([0x80 | 126]) + length.to_bytes(2, "big")
    return bytes([head]) + size + bytes(4) + content


def close_code(raw: socket.socket) -> int:
    """The code of the close frame that the server sends."""
    received = b""
    while part := raw.recv(4096):
        received += part
        if received[:1] == b"\x88" and len(received) >= 4:
            break
    return int.from_bytes(received[2:4], "big")


def resident_mb(serving: Serving) -> float:
    threading.Event().wait(0)
    return float(psutil.Process(serving.process.pid).memory_info().rss) / 1e6
