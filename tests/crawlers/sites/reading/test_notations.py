"""Whatever notation a page writes an address in, it is read; srcset as HTML defines it."""

import html
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.sites.discovery import candidates
from crawlers.sites.reading.notations import interchange, named_width, quoted_pictures, srcset
from crawlers.sites.reading.styles import css_pictures, css_urls

PAGE = "https://a.example/g/p.html"


@pytest.mark.parametrize(
    ("value", "entries"),
    [
        ("/a.jpg, /b.jpg 2x", [("/a.jpg", 0, 1), ("/b.jpg", 0, 2)]),
        ("/a.jpg 500w 750h", [("/a.jpg", 500, 1)]),
        ("/a.jpg 1x,/b.jpg 1.5x", [("/a.jpg", 0, 1), ("/b.jpg", 0, 1.5)]),
        ("  /a,b/w_1,h_2/c.jpg 100w , /d.jpg 200w", [("/a,b/w_1,h_2/c.jpg", 100, 1), ("/d.jpg", 200, 1)]),
        ("/a.jpg,\n\t/b.jpg", [("/a.jpg", 0, 1), ("/b.jpg", 0, 1)]),
        ("/a.jpg,/b.jpg", [("/a.jpg,/b.jpg", 0, 1)]),  # one address: no blank ends it
        ("/my cake.jpg 300w", [("/my cake.jpg", 300, 1)]),  # forbidden, and written
        ("/a.jpg (x, y) 2x, /b.jpg 3x", [("/b.jpg", 0, 3)]),
        (", ,", []),
        ("", []),
    ],
)
def test_srcset(value: str, entries: list[tuple[str, int, float]]) -> None:
    assert [(one.address, one.width_px, one.density) for one in srcset(value)] == entries


def addresses_by_the_standard(value: str) -> list[str]:
    """The addresses of https://html.spec.whatwg.org/multipage/images.html#parsing-a-srcset-attribute, said slowly."""
    found: list[str] = []
    at = 0
    while True:
        while at < len(value) and value[at] in " \t\n,":
            at += 1
        if at >= len(value):
            return found
        start = at
        while at < len(value) and value[at] not in " \t\n":
            at += 1
        address, words, word, inside = value[start:at], [], "", False
        if address.endswith(","):
            found.append(address.rstrip(","))
            continue
        while at < len(value):
            letter = value[at]
            at += 1
            if letter == "(":
                inside = True
            elif letter == ")" and inside:
                inside = False
            elif letter == "," and not inside:
                break
            elif letter in " \t\n" and not inside:
                words.append(word)
                word = ""
                continue
            word += letter
        words = [one for one in [*words, word] if one]
        if all(re.fullmatch(r"[0-9]+[wh]|[0-9]+(\.[0-9]+)?x", one) for one in words):
            found.append(address)


@settings(max_examples=1_000, deadline=None)
@given(st.lists(st.sampled_from(["/a", "b,c", " ", "\n", ",", ", ", " 1w", " 2x", " 1.5x", " 30h"]), max_size=12))
def test_srcset_is_read_as_the_standard_says(parts: list[str]) -> None:
    value = "".join(parts)
    assert [one.address for one in srcset(value)] == addresses_by_the_standard(value)


@pytest.mark.parametrize(
    ("style", "urls"),
    [
        ("url(/cake(1).jpg)", ["/cake(1).jpg"]),
        ("url(/my\\ cake.jpg)", ["/my cake.jpg"]),
        ("url( '/a b.jpg' ), url(\"/c.jpg\")", ["/a b.jpg", "/c.jpg"]),
        ("URL(/\\28 1\\29.jpg)", ["/(1).jpg"]),
        ("url(/a.jpg", []),
        ("url()", []),
        ("url(/a\\.jpg)", ["/a.jpg"]),
    ],
)
def test_css(style: str, urls: list[str]) -> None:
    assert list(css_urls(style)) == urls


@pytest.mark.parametrize(
    ("style", "pictures"),
    [
        ("url(/a.jpg), url(/b.jpg)", [[("/a.jpg", 1)], [("/b.jpg", 1)]]),
        (
            "image-set(url(/a.jpg) 1x, url( '/b.jpg' ) 2x);x:url(/c.jpg)",
            [[("/a.jpg", 1), ("/b.jpg", 2)], [("/c.jpg", 1)]],
        ),
        ('-webkit-image-set("/a.jpg" 96dpi, "/b.jpg" 192dpi)', [[("/a.jpg", 1), ("/b.jpg", 2)]]),
        ('image-set("/a.webp" type("image/webp") 2x, "/a.jpg" 1.5dppx)', [[("/a.webp", 2), ("/a.jpg", 1.5)]]),
        ("image-set('/a.jpg", []),
        ("image-set(", []),
    ],
)
def test_an_image_set_is_one_picture(style: str, pictures: list[list[tuple[str, float]]]) -> None:
    assert [[(one.address, one.density) for one in entries] for entries in css_pictures(style)] == pictures


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"image": "/media/77"}', ["/media/77"]),
        ('{"imageAlt": "/media/77", "link": "/page/1", "src": "/app.js", "icon": "fa/cake"}', []),
        ('{"image": {"url": "/a", "alt": "b"}}', ["/a"]),
        ('{"logo": {"url": "/logo.png"}, "photos": ["/1", "/2"]}', ["/1", "/2"]),
        ('[{"@type": "ImageObject", "contentUrl": "/1"}]', ["/1"]),
        ("don't; var a = ['/b.jpg']", ["/b.jpg"]),
        ("'/img/' + name + '.jpg'", []),
        ('"/img/mom\'s cake.jpg"', ["/img/mom's cake.jpg"]),
        ('{\\"src\\":\\"\\/a.jpg\\"}', ["/a.jpg"]),
        ('"\\u002Fa.jpg?x=1\\u0026y=2"', ["/a.jpg?x=1&y=2"]),
        ('{"type": "image/jpeg", "accept": ".jpg,.png", "name": "IMG_1.jpg", "title": "a.jpg"}', []),
        ("`images/${name}.jpg`", []),
        ("'/s/' + n + '-s.jpg 400w, /s/' + n + '.jpg 1400w'", []),
        ('{"srcset": "/a-s.jpg 400w, /a.jpg 1400w"}', ["/a-s.jpg 400w, /a.jpg 1400w"]),
        ('{"file": "uploads/a.jpg"}', ["uploads/a.jpg"]),
        ('{"file": "_data/a.jpg"}', ["_data/a.jpg"]),
        ("name + '-s.jpg'", []),
    ],
)
def test_strings(text: str, found: list[str]) -> None:
    assert [one.address for one in quoted_pictures(text)] == found


def test_sizes_of_one_photo_are_one_place() -> None:
    """Objects that hold the sizes of a photo belong to its object, and their keys say the size."""
    text = json.dumps(
        [{"sizes": {"thumbnail": {"url": "/t.jpg"}, "large": {"url": "/l.jpg"}}, "url": "/f.jpg"}, {"url": "/g.jpg"}]
    )
    found = list(quoted_pictures(text))
    assert len({one.place for one in found[:3]}) == 1
    assert found[3].place != found[0].place
    assert [one.key for one in found] == ["sizes thumbnail url", "sizes large url", "url", "url"]


def test_interchange() -> None:
    assert interchange("[/a.jpg, small], [/b.jpg, (large)]") == [("/a.jpg", "small"), ("/b.jpg", "large")]


@pytest.mark.parametrize(
    ("address", "width"),
    [
        ("/a-1024x768.jpg", 1024), ("/a_1200x.jpg", 1200), ("/a?w=640&h=2", 640), ("/a?width=320", 320),
            ("/w_300,h_2/a.jpg", 300),
        ("/s320/a.jpg", 320), ("/a=w300-h200", 300), ("/a-2024.jpg", 2024), ("/a.jpg?format=750w", 750), ("/a.jpg", 0),
    ],
)  # fmt: skip
def test_widths_in_addresses(address: str, width: int) -> None:
    assert named_width(address) == width


ADDRESS = st.builds(
    lambda folder, name, extension, query: f"/{folder}/{name}.{extension}{query}",
    st.text(st.sampled_from("abcxyz019_-"), min_size=1, max_size=8),
    st.text(st.sampled_from("abcxyz0_-~().%20"), min_size=2, max_size=10).filter(
        lambda name: (
            name[0].isalnum() and name[-1].isalnum() and "%" not in name and not re.search(r"-\d|_\d|\.(jp|pn)", name)
        )
    ),
    st.sampled_from(["jpg", "jpeg", "png", "webp", "avif", "JPG", "jfif"]),
    st.sampled_from(["", "?v=12", "?a=b&c=d"]),
)


def _attribute(value: object) -> str:
    """JSON as it stands between double quotes of an attribute."""
    return html.escape(json.dumps(value))


def _service(url: str) -> str:
    return f"/_next/image?url={url.replace('?', '%3F').replace('&', '%26')}&amp;w=640&amp;q=75"


PIXEL = "data:image/gif;base64,R0"
TEMPLATES = {
    "img": lambda url: f'<img src="{html.escape(url)}">',
    "lazy": lambda url: f'<img src="{PIXEL}" data-lazy-src="{html.escape(url)}">',
    "picture": lambda url: f'<picture><source srcset="{html.escape(url)} 800w"><img src="{PIXEL}"></picture>',
    "href": lambda url: f'<a href="{html.escape(url)}">x</a>',
    "any attribute": lambda url: f'<div data-anything="{html.escape(url)}">x</div>',
    "style": lambda url: f"<div style=\"background: url('{html.escape(url)}')\">x</div>",
    "JSON in an attribute": lambda url: f"<div data-x='{json.dumps({'a': [{'src': url}]})}'>x</div>",
    "escaped JSON in an attribute": lambda url: f'<div data-x="{_attribute({"image": url})}">x</div>',
    "JSON": lambda url: f'<script type="application/json">{json.dumps({"photos": [url]})}</script>',
    "slashes": lambda url: f"<script>x = {json.dumps([url]).replace('/', chr(92) + '/')}</script>",
    "JSON in JSON": lambda url: f"<script>x = {json.dumps(json.dumps({'photos': [{'src': url}]}))}</script>",
    "twice in JSON": lambda url: f"<script>x = {json.dumps(json.dumps(json.dumps([url])))}</script>",
    "backticks": lambda url: f"<script>x = `{url}`</script>",
    "onclick": lambda url: f"<b onclick=\"show('{html.escape(url)}')\">x</b>",
    "meta": lambda url: f'<meta property="og:image" content="{html.escape(url)}">',
    "noscript": lambda url: f'<noscript><img src="{html.escape(url)}"></noscript>',
    "template": lambda url: f'<template><img src="{html.escape(url)}"></template>',
    "inside another": lambda url: f'<img src="{_service(url)}">',
}
JUNK = st.sampled_from(
    [
        "",
        "<p>don't",
        "<script>if (a < b && c) { '</script>",
        "<div>",
        "</a></b>",
        "<table><td>",
        "<!-- x -->",
        "'",
        "{[",
    ]
)


@pytest.mark.slow  # hundreds of pages
@settings(max_examples=1_500, deadline=None)
@given(st.sampled_from(sorted(TEMPLATES)), ADDRESS, JUNK, JUNK)
def test_an_address_is_found_in_every_notation(template: str, url: str, before: str, after: str) -> None:
    """Whatever stands around it: the photo is a candidate, and nothing else of the page is."""
    page = f"{before}{TEMPLATES[template](url)}{after}"
    found = [photo.offers for photo in candidates(page, PAGE)]
    assert [f"https://a.example{url}" in offers for offers in found] == [True], page


@settings(max_examples=500, deadline=None)
@given(st.text(st.sampled_from("\\\"'`{}[]:,/.=ab jpg\n&;"), max_size=60), ADDRESS)
def test_strings_are_found_behind_anything(junk: str, url: str) -> None:
    """Quotes and brackets that do not match cost no more than what is next to them."""
    assert url in [one.address for one in quoted_pictures(f'{junk}\n;"a","b";"{url}"')] or junk.rstrip("\n").endswith(
        ("\\", "`", "'", '"')
    )
