"""Addresses that are never connected to."""

import pytest

from crawlers.politeness.public_addresses import check_url, is_public
from crawlers.politeness.refusals import AddressRefused


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://a.example/x", "http://127.0.0.1/", "http://169.254.169.254/latest",
        "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://0x7f.1/", "http://2130706433/", "http://127.1/",
        "http://localhost/", "http://localhost./", "http://10.0.0.1/", "http://192.168.1.1/", "http://0.0.0.0/",
        "http://printer.local/", "http://", "http://a:b@127.0.0.1/", "http://x:99999/",
    ],
)  # fmt: skip
def test_private_addresses_are_refused(url: str) -> None:
    """In every notation a browser would take."""
    with pytest.raises(AddressRefused):
        check_url(url, {"127.0.0.1:8101"})


@pytest.mark.parametrize("url", ["https://a.example/x", "http://93.184.215.14/", "http://127.0.0.1:8101/x"])
def test_public_and_listed_addresses_pass(url: str) -> None:
    """Listed means by exact host and port."""
    check_url(url, {"127.0.0.1:8101"})


def test_addresses_inside_others_are_seen() -> None:
    """6to4 and mapped addresses carry private ones."""
    assert not is_public("2002:7f00:1::")
    assert is_public("2606:4700::1111")
