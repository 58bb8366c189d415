"""What a page shows besides its content is not asked for; photos that look a little like it are."""

import pytest

from crawlers.sites.discovery import candidates
from crawlers.sites.reading.furniture import is_furniture_address, names_furniture

PAGE = "https://a.example/cakes"
CAKE = '<img src="/cake.jpg" alt="A cake">'


@pytest.mark.parametrize(
    "html",
    [
        '<a class="custom-logo-link" rel="home" href="/"><img src="/sweet.png" class="custom-logo"></a>',
        '<div id="logo"><a href="https://a.example/index.php"><img src="/sweet.png"></a></div>',
        '<header><a href="/"><img src="/sweet.png"></a></header>',
        '<div class="site-header"><a href="/"><img src="/sweet.png"></a></div>',
        '<a href="/"><img src="/our-logo.png"></a>',
        '<ol><li><img class="avatar avatar-60 photo" src="//g.example/ab12?s=300"></li></ol>',
        '<img class="author-profile-image" src="/jane.jpg">',
        '<div class="testimonial__image"><img src="/ann.jpg"></div>',
        '<div class="user-picture" style="background-image:url(/ann.jpg)"></div>',
        '<footer><img src="/cards.png" alt="Secure payment"></footer>',
        '<footer><a href="https://reviews.example/us"><img src="/stars.png"></a></footer>',
        '<a href="/offer" rel="sponsored"><img src="/offer.jpg"></a>',
        '<ins class="adsbygoogle"><img src="/offer.jpg"></ins>',
        '<img src="/img/placeholder/small_image.jpg">',
        '<img src="/no_image-250x250.png"><meta property="og:image" content="/no_image-250x250.png">',
        '<img src="/shop/woocommerce-placeholder-416x416.png">',
        '<img src="/button.gif" width="18" height="13">',
        '<img src="/maps/api/staticmap?center=Berlin&amp;size=600x300"><img class="qr-code" src="/chart?chs=300x300">',
        '<h1 class="logo"><img src="/sweet.png?w=300"></h1><meta property="og:image" content="https://b.example/x/sweet.png">',
    ],
)
def test_furniture_is_rejected_with_a_reason(html: str) -> None:
    kept = [one.image_url for one in candidates(f"<body>{html}<p>{CAKE}</p></body>", PAGE) if not one.rejected]
    assert kept == ["https://a.example/cake.jpg"]


@pytest.mark.parametrize(
    "html",
    [
        '<img src="/wedding-logo-cake.jpg">',
        '<div class="logo-cakes"><img src="/1.jpg" alt="Cake with a logo"></div>',
        '<div class="product-card has-logo"><a href="/cakes/1"><img src="/1.jpg"></a></div>',
        '<header class="hero"><img src="/1.jpg" alt="Wedding cakes"></header>',
        '<article><header><a href="/"><img src="/1.jpg"></a></header></article>',
        '<article><footer><img src="/1.jpg" alt="Our award"></footer></article>',
        '<a href="/"><img src="/1.jpg"></a>',
        '<header><a href="#"><img src="/1.jpg"></a></header>',
        '<div class="card-footer"><a href="https://b.example/"><img src="/1.jpg"></a></div>',
        "<footer>"
        + "".join(f'<a href="https://feed.example/p/{n}"><img src="/{n}.jpg"></a>' for n in range(3))
        + "</footer>",
        '<div class="gallery-placeholder"><img class="gallery-placeholder__image" src="/1.jpg"></div>',
        '<body class="wp-custom-logo author"><img src="/1.jpg"></body>',
        '<div class="logo"><img src="/sweet.svg">' + "<p><b>text</b></p>" * 30 + '<img src="/1.jpg"></div>',
        '<img src="/placeholder.png" data-src="/1.jpg">',
        '<svg viewBox="0 0 9 9"><image href="/1.jpg" width="9" height="9"/></svg>',
    ],
)
def test_content_that_looks_like_furniture_is_kept(html: str) -> None:
    found = candidates(html, PAGE)
    assert [one.rejected for one in found if not one.image_url.endswith(".svg")] == [""] * (3 if "feed" in html else 1)


def test_a_photo_that_is_also_shown_as_content_is_kept() -> None:
    """A script that names a logo says nothing of it; an image of the page, or a link to it, does."""
    logo = '<div class="logo"><img src="/a.png"></div>'
    (told,) = candidates(f'{logo}<script>var x = {{"image": "/a.png"}}</script>', PAGE)
    (shown,) = candidates(f'{logo}<p><img src="/a.png"></p>', PAGE)
    (linked,) = candidates(f'{logo}<p><a href="/a.png">Our cake</a></p>', PAGE)
    assert told.rejected
    assert not shown.rejected
    assert not linked.rejected


@pytest.mark.parametrize(
    ("token", "expected"),
    [("header-logo--center", True), ("navbar-brand", True), ("w-nav-brand", True), ("logo-cake", False),
     ("payment-icons", True), ("avatar-60", True), ("by-user", False), ("no-logo", False), ("gallery", False)],
)  # fmt: skip
def test_names(token: str, expected: bool) -> None:
    assert names_furniture(token) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/img/logo-1620000000.jpg", True), ("/Logo2.png", True), ("/i/ProductDefault.gif", True),
     ("/avatars/1.jpg", True), ("/logo-cake.jpg", False), ("/logos-and-more/1.jpg", False),
     ("/cakes/default.jpg", False), ("/blank-cake.jpg", False), ("/wp-content/plugins/x/timthumb.php", False),
     ("/noimagination.jpg", False)],
)  # fmt: skip
def test_addresses(path: str, expected: bool) -> None:
    assert is_furniture_address(f"https://a.example{path}") is expected
