"""web/gate/gate.py: names, origins and proxies, asked of a real `isitcake serve`."""

import socket

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from simulator.web_service import Serve, Serving
from web.game.play_endpoints import STARTS

PUBLIC = "https://game.example.org"
MORE_ROUNDS = STARTS + 60  # than one address may begin in a minute; some time passes meanwhile


@pytest.fixture(scope="module")
def public(serve: Serve) -> Serving:
    """A service behind a proxy of this machine, at another address."""
    return serve(f'public_url = "{PUBLIC}"\ntrusted_proxies = ["127.0.0.2"]')


def through_proxy(serving: Serving) -> httpx.Client:
    """A client whose connections come from the trusted proxy."""
    return httpx.Client(base_url=serving.url, transport=httpx.HTTPTransport(local_address="127.0.0.2"), timeout=60)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.nip.io", "evil.example:80", "0.0.0.0", "[::2]", "a b", "@127.0.0.1"]
)
@pytest.mark.parametrize("path", ["/", "/health", "/play", "/static/play.js"])
def test_another_name_is_refused(serving: Serving, host: str, path: str) -> None:
    """Security 14: DNS rebinding gives an attacker's name our address."""
    answer = httpx.get(serving.url + path, headers={"Host": host})
    assert answer.status_code == 421
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1234", "[::1]", "LOCALHOST"])
def test_names_of_this_machine_are_ours(serving: Serving, host: str) -> None:
    assert httpx.get(f"{serving.url}/health", headers={"Host": host}).status_code == 200


def test_the_public_name_is_ours(public: Serving) -> None:
    assert httpx.get(f"{public.url}/health", headers={"Host": "game.example.org"}).status_code == 200
    assert httpx.get(f"{public.url}/health", headers={"Host": "other.example.org"}).status_code == 421


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "{own}"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "https://127.0.0.1"}, 403),
        ({"Origin": "http://127.0.0.1.evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "text/plain; charset=application/json"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
    ],
)
def test_only_our_own_pages_change_anything(serving: Serving, headers: dict[str, str], status: int) -> None:
    """Security 14: a page of another site opens no room and starts no round."""
    sent = {"Content-Type": "application/json"} | {
        name: value.replace("{own}", serving.url) for name, value in headers.items()
    }
    for path in ("/play/rounds", f"/play/rounds/{'0' * 32}/0", "/show"):
        answer = httpx.post(serving.url + path, content=b"{}", headers=sent)
        expected = 409 if status == 200 and path.endswith("/0") else status
        assert answer.status_code == expected, (path, answer.text)


def test_a_photo_of_another_site_is_not_judged(serving: Serving) -> None:
    """Security 14: its type may be anything, so the origin alone tells."""
    headers = {"Origin": "https://evil.example", "Content-Type": "image/png"}
    assert httpx.post(f"{serving.url}/playground/judge", content=b"x", headers=headers).status_code == 403


def test_sockets_of_another_site_are_refused(serving: Serving) -> None:
    """Security 14: with a reason; our own page and programs may connect."""
    code = httpx.post(f"{serving.url}/show", json={}).json()["code"]
    url = f"ws://127.0.0.1:{serving.port}/show/{code}/ws"
    for origin in ("http://evil.example", "null", f"https://127.0.0.1:{serving.port}"):
        with pytest.raises(InvalidStatus) as refused:
            connect(url, origin=origin)  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403
        assert b"another site" in refused.value.response.body
    with pytest.raises(InvalidStatus, match="421"):
        connect(url.replace("127.0.0.1", "evil.example"), sock=socket.create_connection(("127.0.0.1", serving.port)))
    with connect(url, origin=serving.url), connect(url):  # type: ignore[arg-type]
        pass


@pytest.mark.parametrize(
    "headers",
    [{}, {"Host": "localhost"}, {"X-Forwarded-Host": "evil.example"}, {"X-Forwarded-Proto": "https"},
     {"Forwarded": "host=evil.example"}],
)  # fmt: skip
def test_printed_addresses_come_from_the_socket(serving: Serving, headers: dict[str, str]) -> None:
    """Security 14: no header of a request gets into links and QR codes."""
    room = httpx.post(f"{serving.url}/show", json={}, headers=headers).json()
    assert room["address"] == f"{serving.url}/join/{room['code']}"


def test_printed_addresses_are_the_public_ones(public: Serving) -> None:
    """Security 14: as configured."""
    room = httpx.post(f"{public.url}/show", json={}, headers={"Origin": PUBLIC}).json()
    assert room["address"] == f"{PUBLIC}/join/{room['code']}"


def test_forwarded_addresses_of_anybody_are_not_believed(public: Serving) -> None:
    """Security 14: another X-Forwarded-For each time is still one visitor."""
    with httpx.Client(base_url=public.url, timeout=60) as client:
        assert begun(client, "8.8.{}.1") == {422, 429}


def begun(client: httpx.Client, forwarded: str) -> set[int]:
    """Statuses of many rounds that are begun. forwarded: the X-Forwarded-For of each, by its number."""
    headers = [{"X-Forwarded-For": forwarded.format(n)} for n in range(MORE_ROUNDS)]
    return {client.post("/play/rounds", json={"nickname": "<"}, headers=each).status_code for each in headers}


def test_forwarded_addresses_of_a_configured_proxy_are_believed(public: Serving) -> None:
    """Security 14: of those, the last that is no proxy: what stands before it are the visitor's own words."""
    with through_proxy(public) as proxy:
        assert begun(proxy, "198.51.100.{}") == {422}
        assert begun(proxy, "198.51.100.{}, 203.0.113.9") == {422, 429}
        assert begun(proxy, "2001:db8:1:2::{:x}") == {422, 429}
        headers = {"X-Forwarded-Host": "game.example.org", "X-Forwarded-Proto": "https", "Origin": PUBLIC}
        assert proxy.post("/show", json={}, headers=headers).status_code == 200
        assert proxy.get("/health", headers={"X-Forwarded-Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize("path", ["/health", "/play", "/", "/unknown", "/static/play.js", "/why/x", "/show/AAAA/0.jpg"])
def test_every_answer_has_the_headers(serving: Serving, path: str) -> None:
    """No script inside a page, no frame around it, no guessed types, no address told to others."""
    for headers in ({}, {"Accept": "text/html"}):
        answer = httpx.get(serving.url + path, headers=headers, timeout=60)
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "cache-control" in answer.headers
        assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/unknown", 404), ("GET", f"/why/{'0' * 64}", 404), ("DELETE", "/play", 405),
     ("GET", "/show/AAAA/x.jpg", 422)],
)  # fmt: skip
def test_errors_are_pages_for_browsers_and_json_for_programs(
    serving: Serving, method: str, path: str, status: int
) -> None:
    """Security 15."""
    page = httpx.request(method, serving.url + path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert '<nav aria-label="Pages">' in page.text
    program = httpx.request(method, serving.url + path)
    assert program.status_code == status
    assert program.json()["detail"]


def test_a_service_at_every_address_answers_for_the_one_that_was_asked(serve: Serve) -> None:
    """Security 14: phones of the same network use the address of this machine, and the QR code has it."""
    everywhere = serve(host="0.0.0.0")
    own = address_of_this_machine()
    url = f"http://{own}:{everywhere.port}"
    assert httpx.get(f"{url}/health").status_code == 200
    assert httpx.post(f"{url}/show", json={}).json()["address"].startswith(f"{url}/join/")
    assert httpx.get(f"{everywhere.url}/health", headers={"Host": own}).status_code == (
        200 if own == "127.0.0.1" else 421
    )


def address_of_this_machine() -> str:
    """An address of an interface, without a packet being sent; loopback where there is no other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
