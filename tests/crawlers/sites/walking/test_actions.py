"""What is not asked for: actions, files that are no pages, and what a source skips."""

import pytest

from crawlers.sites.walking.actions import is_action, is_binary, is_skipped


@pytest.mark.parametrize(
    ("path", "acts"),
    [
        ("/cart", True), ("/en/cart/", True), ("/cart.html", True), ("/cart-cakes", False), ("/logout", True),
        ("/user/sign-out", True), ("/?add-to-cart=3", True), ("/g?add_to_wishlist=9&_wpnonce=1", True),
        ("/g?page=2&add=1", True), ("/g?address=1", False), ("/index.php?action=logout", True),
        ("/index.php?action=gallery", False), ("/index.php?do=address", False), ("/wp-admin/x", True),
        ("/feed/", True), ("/feeding-the-5000", False), ("/post?replytocom=4", True), ("/g?like=1", True),
        ("/account-of-our-work", False), ("/warenkorb", True), ("/wish%6Cist/", True),
        ("/node/1/printable/print", True), ("/printable-cakes/1", False),
    ],
)  # fmt: skip
def test_an_action_is_known_by_whole_words(path: str, acts: bool) -> None:
    assert is_action(f"https://a.example{path}") is acts


@pytest.mark.parametrize(
    ("path", "binary"),
    [
        ("/a.avi", True), ("/a.PPTX", True), ("/a.exe", True), ("/a.tar.gz", True), ("/a.webm?x=1", True),
        ("/menu.pdf", True), ("/a.woff2", True), ("/a.html", False), ("/a.php", False), ("/a.aspx", False),
        ("/our.cakes", False), ("/v1.5/cakes", False), ("/a?file=b.zip", False), ("/baker.com", False),
    ],
)  # fmt: skip
def test_a_file_is_known_by_its_ending(path: str, binary: bool) -> None:
    assert is_binary(f"https://a.example{path}") is binary


@pytest.mark.parametrize(
    ("pattern", "path", "skipped"),
    [
        ("/blog/", "/blog/1", True), ("/blog/", "/our/blog/1", False), ("*/blog/", "/our/blog/1", True),
        ("*?sort=", "/g?sort=price", True), ("*?sort=", "/g?page=2", False), ("/*.html$", "/a/b.html", True),
        ("/*.html$", "/a/b.html?x", False), ("/" + "*a" * 100 + "$", "/" + "a" * 5000 + "b", False),
    ],
)  # fmt: skip
def test_skip_is_matched_as_in_robots_txt(pattern: str, path: str, skipped: bool) -> None:
    assert is_skipped(f"https://a.example{path}", [pattern]) is skipped
