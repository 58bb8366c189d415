"""Web addresses: one reading of them, and which may be connected to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.network.addresses import Address, Refused, check_url, checked_addresses, is_public, parse

PRIVATE = [
    "http://127.0.0.1/", "http://127.1/", "http://0x7f.1/", "http://0x7f000001/", "http://2130706433/",
    "http://017700000001/", "http://0177.0.0.1/", "http://127.0.0.1./", "http://[::1]/", "http://[::]/",
    "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::127.0.0.1]/", "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b::10.0.0.1]/", "http://[64:ff9b:1::1]/", "http://[::ffff:0:127.0.0.1]/", "http://[fec0::1]/",
    "http://[fe80::1]/", "http://[fc00::1]/", "http://[2002:7f00:1::]/", "http://[2002:0a00:1::1]/",
    "http://[2001:0:53aa:64c:0:7a6f:80ff:fffe]/", "http://[2001:db8::1]/", "http://[3fff::1]/", "http://[ff02::1]/",
    "http://[2a00::5efe:10.0.0.1]/", "http://[2a00::200:5efe:127.0.0.1]/", "http://0.0.0.0/", "http://0/",
    "http://10.1.2.3/", "http://172.16.0.1/", "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/", "http://198.18.0.1/", "http://192.0.0.8/", "http://224.0.0.1/", "http://255.255.255.255/",
    "http://localhost/", "http://LOCALHOST./", "http://a.localhost/", "http://printer.local/", "http://x.internal/",
    "http://router.home.arpa/", "http://home.arpa/", "http://[::5db8:d822]/",
    "http://１２７.0.0.1/", "http://127。0。0。1/", "http://①②⑦.0.0.1/",
]  # fmt: skip
ODD = [
    "", "x", "http:", "http://", "http:///x", "http:/a.example/", "//a.example/", "ftp://a.example/", "file:///etc/passwd",
    "javascript:alert(1)", "http://a.example\\@b.example/", "http://127.0.0.1:80\\@93.184.216.34/", "http://u@a.example/",
    "http://u:p@a.example/", "http://a.example%2f@b.example/", "http://a%2eexample/", "http://a.example\t/",
    "http://a.exa\nmple/", "http://a.example /", " http://a.example/", "http://a.example:0/", "http://a.example:65536/",
    "http://a.example:x/", "http://a.example:8080:80/", "http://[::1/", "http://::1/", "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/", "http://a..example/", "http://.a.example/", "http://-/", "http://256.1.1.1/",
    "http://1.2.3.4.5/", "http://0x.1.2.3.4.5/", "http://1.2.3.08/", "http://a,b/", "http://" + "a" * 300 + ".example/",
    "http://a.example/" + "x" * 9000, "http://a.example\x00/", "http://[v1.x]/", "http://a.example\u200b\\/",
    "http://a.example:８０/", "http://1_2.0.0.1/", "http://0o17.0.0.1/", "http://0x7_f.1/",
    "http://a.example:/", "http://" + "ä" * 5000 + "/", "http://[::1%251]/", "http://a.example:80@b.example/",
]  # fmt: skip


@pytest.mark.parametrize("url", PRIVATE)
def test_private_addresses_are_refused_in_any_notation(url: str) -> None:
    with pytest.raises(Refused, match="private host"):
        check_url(url)


@pytest.mark.parametrize("url", ODD)
def test_addresses_that_can_be_read_in_two_ways_are_refused(url: str) -> None:
    with pytest.raises(Refused):
        check_url(url)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://www.thelondonbaker.com/cakes?x=1#y", Address("https", "www.thelondonbaker.com", 443)),
        ("http://A.Example:8080", Address("http", "a.example", 8080)),
        ("https://bäcker.example/ä.jpg", Address("https", "xn--bcker-gra.example", 443)),
        ("http://93.184.216.34/", Address("http", "93.184.216.34", 80)),
        ("http://[2606:2800:220:1:248:1893:25c8:1946]:81/", Address("http", "2606:2800:220:1:248:1893:25c8:1946", 81)),
        ("https://a.example/user@host/x\\y", Address("https", "a.example", 443)),
        ("https://my_shop.example/a", Address("https", "my_shop.example", 443)),
        ("http://[64:ff9b::5db8:d822]/", Address("http", "64:ff9b::5db8:d822", 80)),
        ("HTTPS://a.example/", Address("https", "a.example", 443)),
    ],
)
def test_public_addresses_are_read(url: str, address: Address) -> None:
    assert check_url(url) == address


def test_what_is_allowed_is_one_port_of_one_host() -> None:
    """A listed host:port, not the other ports of that host."""
    allowed = {"127.0.0.1:8101", "[::1]:8102", "shop.local:80"}
    assert check_url("http://127.0.0.1:8101/a", allowed).port == 8101
    assert check_url("http://[::1]:8102/", allowed).host == "::1"
    assert check_url("http://shop.local/", allowed).host == "shop.local"
    for url in ("http://127.0.0.1:8102/", "http://[::1]/", "http://shop.local:8080/", "http://localhost:8101/"):
        with pytest.raises(Refused):
            check_url(url, allowed)
    assert checked_addresses("127.0.0.1", 8101, allowed) == ["127.0.0.1"]
    with pytest.raises(Refused):
        checked_addresses("127.0.0.1", 8102, allowed)


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "::1", "[::1]", "0x7f.1", "ip6-localhost", "2130706433", "::ffff:7f00:1", "127.0.0.1."],
)
def test_a_name_that_leads_to_this_machine_is_refused_when_it_is_connected_to(host: str) -> None:
    with pytest.raises(Refused):
        checked_addresses(host, 80)


@given(st.ip_addresses(v=4))
def test_an_address_carried_by_another_is_as_public_as_itself(ip: object) -> None:
    """Mapped, compatible, NAT64, 6to4."""
    number = int(ip)  # type: ignore[call-overload]
    public = is_public(str(ip))
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    for carrier in (f"::ffff:{high}:{low}", f"64:ff9b::{high}:{low}", f"2002:{high}:{low}::1"):
        assert is_public(carrier) == public
    assert not is_public(f"fe80::{high}:{low}")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Never another error; what is read has a plain host."""
    for url in (text, f"http://{text}", f"http://a.example:{text}/", f"https://{text}.example/"):
        try:
            address = parse(url)
        except Refused:
            continue
        assert address.host.isascii()
        assert 1 <= address.port <= 65535
