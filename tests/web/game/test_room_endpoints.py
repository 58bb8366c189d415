"""Rooms over real sockets, and in a real browser: web/game/room_endpoints.py and web/game/room_sockets.py."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from dataset.project import Project

Served = tuple[str, Project]
RECEIVE_S = 20


def test_a_room_with_two_players(
    served: Served, browser: Browser, count_plays: Callable[[], int], console_of: Callable[[Page], list[str]]
) -> None:
    """A host and two phones: the same picture, live counts, the truth when time is over, and a winner."""
    url, _ = served
    before = count_plays()
    host = browser.new_page()
    console = console_of(host)
    host.goto(f"{url}/show")
    host.fill("#pictures", "2")
    host.fill("#seconds", "20")
    host.get_by_role("button", name="Open the room").click()
    expect(host.locator("#code")).to_have_text(re.compile(r"^[A-Z]{4}$"))
    assert host.evaluate("document.getElementById('qr').naturalWidth > 50")
    code = host.locator("#code").inner_text()
    phones = [joined(browser, f"{url}/join/{code}", name) for name in ("Ann", "Ben")]
    expect(host.locator("#players")).to_have_text("2 players")
    assert httpx.get(f"{url}/show/{code}/0.jpg").status_code == 404  # not shown yet
    for number in range(2):
        host.locator("#go").click()
        for choice, phone in enumerate(phones):
            expect(phone.locator("#choices")).to_be_visible()
            phone.locator("#choices button:visible").nth(choice).tap()
        expect(host.locator("#verdict")).to_contain_text("It is ")
        for phone in phones:
            expect(phone.locator("#verdict")).to_contain_text("it is ")
        expect(host.locator("#bars li")).to_have_count(2)
        assert httpx.get(f"{url}/show/{code}/{number}.jpg").status_code == 200
        assert httpx.get(f"{url}/show/{code}/{number + 1}.jpg").status_code == 404
    host.locator("#go").click()
    expect(host.locator("#finish")).to_be_visible()
    expect(host.locator("#final li")).to_have_count(4)
    expect(phones[0].locator("#verdict")).to_contain_text("The end. You are number ")
    assert count_plays() == before + 4
    assert console == []
    for page in (host, *phones):
        page.close()


def test_an_answer_that_gets_lost_is_asked_for_again(served: Served, browser: Browser) -> None:
    """A phone that slept, or changed networks, has a socket that looks open: nothing comes back, and it joins again."""
    url, _ = served
    host = browser.new_page()
    host.goto(f"{url}/show")
    host.fill("#pictures", "1")
    host.fill("#seconds", "60")
    host.get_by_role("button", name="Open the room").click()
    expect(host.locator("#code")).to_have_text(re.compile(r"^[A-Z]{4}$"))
    phone = browser.new_page()
    sockets: list[WebSocketRoute] = []

    def lose(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        server, is_lost = socket.connect_to_server(), len(sockets) == 1
        socket.on_message(lambda text: None if is_lost and '"answer"' in str(text) else server.send(text))

    phone.route_web_socket(re.compile("/ws$"), lose)
    phone.goto(f"{url}/join/{host.locator('#code').inner_text()}")
    phone.get_by_role("button", name="Join").click()
    expect(phone.locator("#verdict")).to_contain_text("You joined the room")
    host.locator("#go").click()
    choice = phone.locator("#choices button").first
    choice.click()
    expect(phone.locator("#verdict")).to_contain_text("You answered")
    expect(choice).to_be_enabled()  # once it has joined again
    choice.click()
    expect(host.locator("#verdict")).to_contain_text("It is ")
    assert len(sockets) == 2
    for page in (host, phone):
        page.close()


def joined(browser: Browser, address: str, name: str) -> Page:
    phone = browser.new_context(viewport={"width": 375, "height": 667}, has_touch=True, is_mobile=True).new_page()
    phone.goto(address)
    phone.fill("#nickname", name)
    phone.get_by_role("button", name="Join").tap()
    expect(phone.locator("#verdict")).to_contain_text("You joined the room")
    return phone


@pytest.fixture
def room(web: httpx.Client) -> dict[str, str]:
    """What the host gets when the room opens."""
    return dict(web.post("/show", json={"pictures": 1}).json())


@pytest.fixture
def socket_url(served: Served, room: dict[str, str]) -> str:
    return f"{served[0].replace('http', 'ws')}/show/{room['code']}/ws"


def ask(socket: Connection, message: Any) -> Any:
    """Send a message and return the answer."""
    socket.send(message if isinstance(message, str) else json.dumps(message))
    return json.loads(socket.recv(RECEIVE_S))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("not JSON", 4400),
        ("[1]", 4400),
        ("x" * 5000, 4429),
        ('{"kind": "host", "token": "guessed"}', 4403),
        ('{"kind": "next"}', 4403),
        ('{"kind": "answer", "slot": 0, "answer": "cake"}', 4403),
        ('{"kind": "unknown"}', 4403),
    ],
)
def test_a_bad_message_closes_the_socket(socket_url: str, message: str, code: int) -> None:
    """Only the host goes on, and only players answer."""
    with connect(socket_url) as socket, pytest.raises(ConnectionClosed) as closed:
        ask(socket, message)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


def _flood(socket: Connection) -> None:
    """The end may come while messages are still sent, or after the answers to those before the limit."""
    for _ in range(100):
        socket.send(json.dumps({"kind": "answer", "slot": 0, "answer": "cake"}))
    list(iter(socket.recv, None))


def test_a_flood_of_messages_closes_the_socket(socket_url: str) -> None:
    with connect(socket_url) as socket:
        ask(socket, {"kind": "join", "nickname": "Ann"})
        with pytest.raises(ConnectionClosed) as closed:
            _flood(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4429


def test_a_player_is_told_why_an_answer_or_a_name_is_refused(socket_url: str, room: dict[str, str]) -> None:
    """After a bad nickname the player may try another one."""
    with connect(socket_url) as host, connect(socket_url) as phone:
        assert ask(host, {"kind": "host", "token": room["host"]})["phase"] == "lobby"
        assert "20 characters" in ask(phone, {"kind": "join", "nickname": "<b>"})["refused"]
        state = ask(phone, {"kind": "join", "nickname": "Ann"})
        assert state["you"]["name"] == "Ann"
        answer = ask(phone, {"kind": "answer", "slot": 0, "answer": "cake"})
        assert answer == {"taken": False, "slot": 0, "why": "too late"}
    with connect(socket_url) as phone:
        again = ask(phone, {"kind": "join", "nickname": "", "token": state["token"]})
        assert again["you"]["name"] == "Ann"
        assert again["players"] == 1


def test_other_sites_cannot_connect(served: Served, socket_url: str) -> None:
    """A page of another origin is refused, and so is a room that does not exist."""
    with pytest.raises(InvalidStatus, match="403"):
        connect(socket_url, origin="http://evil.example")  # type: ignore[arg-type]
    with connect(socket_url, origin=served[0]):  # type: ignore[arg-type]
        pass
    with pytest.raises(InvalidStatus, match="403"):
        connect(f"{served[0].replace('http', 'ws')}/show/ZZZZZ/ws")


def test_opening_a_room_checks_its_numbers(web: httpx.Client) -> None:
    """Numbers out of range are brought into it; what is no number is refused."""
    for fields in ({"seconds": "soon"}, {"pictures": None}):
        answer = web.post("/show", json=fields)
        assert (answer.status_code, answer.json()) == (422, {"detail": "seconds and pictures must be numbers"})
    room = web.post("/show", json={"seconds": 1000, "pictures": 1000}).json()
    with connect(f"{str(web.base_url).replace('http', 'ws')}/show/{room['code']}/ws") as host:
        state = ask(host, {"kind": "host", "token": room["host"]})
    assert (state["seconds"], state["pictures"]) == (60.0, 30)
    assert room["address"].endswith(f"/join/{room['code']}")


def test_the_entrance_asks_for_a_code_where_there_is_no_room(web: httpx.Client, room: dict[str, str]) -> None:
    assert f"Room <em>{room['code']}</em>" in web.get(f"/join/{room['code'].lower()}").text
    for code in ("ABC", "ABCDE", "1234"):
        answer = web.get(f"/join/{code}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/join")
    assert web.get("/show/ABCD/0.jpg").status_code == 404
    assert web.get(f"/show/{room['code']}/x.jpg").status_code == 422
