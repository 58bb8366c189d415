"""web/gate/visitors.py and web/gate/listening.py: addresses and names, without a server."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from foundation.settings import Settings, WebSection
from foundation.settings_file import load
from web.gate.listening import Listening, Names, url_of
from web.gate.visitors import Proxies, limit_key, parse_address


def scope(client: str, **headers: str) -> dict[str, object]:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "scheme": "http", "client": (client, 1), "server": ("10.0.0.1", 8090), "headers": raw}


@pytest.mark.parametrize(
    ("client", "forwarded", "address"),
    [
        ("10.0.0.7", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.7", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.7", "203.0.113.9, 10.0.0.8", "203.0.113.9"),  # two proxies of ours
        ("10.0.0.7", "203.0.113.9, nonsense", "10.0.0.7"),
        ("10.0.0.7", "127.0.0.1", "127.0.0.1"),
        ("10.0.0.7", "::ffff:203.0.113.9", "203.0.113.9"),
        ("10.0.0.7", "", "10.0.0.7"),
        ("10.0.0.7", "203.0.113.1, " + "10.0.0.8, " * 1000, "10.0.0.8"),
        ("::ffff:10.0.0.7", "203.0.113.9", "203.0.113.9"),
        ("203.0.113.5", "127.0.0.1", "203.0.113.5"),  # no proxy of ours
    ],
)
def test_only_configured_proxies_say_who_asks(client: str, forwarded: str, address: str) -> None:
    """Security 14."""
    visitor = Proxies(["10.0.0.0/24"]).visitor(scope(client, x_forwarded_for=forwarded))
    assert str(visitor.address) == address
    assert not visitor.is_direct


def test_without_proxies_the_connection_says_who_asks() -> None:
    visitor = Proxies([]).visitor(scope("127.0.0.1", host="localhost", x_forwarded_host="evil.example"))
    assert (str(visitor.address), visitor.host, visitor.scheme) == ("127.0.0.1", "localhost", "http")
    assert Proxies([]).visitor(scope("testclient")).address is None


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::1", True),
    ],
)
def test_a_site_of_ipv6_counts_as_one_visitor(one: str, other: str, is_one: bool) -> None:
    """Security 12: 2^64 addresses are no more than one."""
    assert (limit_key(parse_address(one)) == limit_key(parse_address(other))) is is_one


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:8090"), ("::1", "http://[::1]:8090"), ("Host.Example", "http://host.example:8090"),
     ("::ffff:192.0.2.1", "http://192.0.2.1:8090")],
)  # fmt: skip
def test_an_address_is_written_as_a_browser_takes_it(host: str, url: str) -> None:
    assert url_of(host, 8090) == url


def test_the_names_of_a_service() -> None:
    """Security 14: where it listens, this machine's names, its public and its reviewers' address, and no other."""
    web = {"public_url": "https://Game.example.org/"}
    review = {"pictures_url": "http://pictures.example.org:8090"}
    settings = Settings.model_validate({"web": web, "review": review})
    names = Names(settings, Listening("192.0.2.7", 8090))
    asked = scope("203.0.113.9")
    for host in ("192.0.2.7:8090", "localhost", "game.example.org", "pictures.example.org:1", "10.0.0.1:8090"):
        assert names.has(host, asked), host
    for host in ("", "example.org", "game.example.org.evil.example", "10.0.0.2", "game.example.org:x", "[::2]"):
        assert not names.has(host, asked), host
    assert names.base_url(asked) == "https://game.example.org"
    assert Names(Settings(), Listening("0.0.0.0", 8090)).base_url(asked) == "http://10.0.0.1:8090"
    assert Names(Settings(), Listening("192.0.2.7", 80)).base_url(asked) == "http://192.0.2.7"


@pytest.mark.parametrize(
    "web",
    [
        {"public_url": "game.example.org"}, {"public_url": "ftp://game.example.org"},
        {"public_url": "https://game.example.org/path"}, {"public_url": "https://user@game.example.org"},
        {"public_url": "https://game.example.org:port"}, {"trusted_proxies": ["proxy"]},
        {"trusted_proxies": ["10.0.0.0/99"]}, {"public_pages": "yes"}, {"unknown": 1},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(web: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WebSection.model_validate(web)


def test_settings_may_come_from_variables(tmp_path: Path) -> None:
    """Lists are separated by commas, as everywhere."""
    path = tmp_path / "isitcake.toml"
    path.write_text("")
    environ = {"ISITCAKE_WEB_TRUSTED_PROXIES": "10.0.0.7, 10.1.0.0/16", "ISITCAKE_WEB_PUBLIC_PAGES": "true"}
    web = load(path, environ).web
    assert (web.trusted_proxies, web.public_pages, web.public_url) == (["10.0.0.7", "10.1.0.0/16"], True, "")
