"""Behaviours 11 to 17 of docs/crawling.md: every photo, once, at its original size, for as little as it takes."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from crawling import crawled, html, jpeg, outcome_by_name, photo, site, stored, text
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from crawlers import markup
from crawlers.politeness import optout
from crawlers.sites import discovery, links, sitemaps
from crawlers.sites.originals import absolute, originals, without_view
from dataset.catalog.tables import outcomes, sightings
from foundation.network.addresses import Refused, check_url
from simulator.server import Answer, Scripted, Server, resized

PAGE = "https://a.example/g/p.html"
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACw="


def test_11_one_photo_offered_everywhere_is_one_candidate_the_largest(tmp_path: Path) -> None:
    """data: src, lazy attributes, noscript, srcset, picture, CSS, og:image, JSON-LD, sitemap: one request."""
    page = html(
        '<meta property="og:image" content="/c-1200x800.jpg">',
        '<script type="application/ld+json">{"@type": "ImageObject", "contentUrl": "/c.jpg"}</script>',
        f'<img src="{PIXEL}" data-src="/c-300x200.jpg" data-lazy-src="/c-300x200.jpg"'
        ' data-srcset="/c-300x200.jpg 300w, /c-768x512.jpg 768w">',
        '<noscript><img src="/c-300x200.jpg"></noscript>',
        '<picture><source srcset="/c-1024x683.jpg 1024w"><img src="/c-300x200.jpg"></picture>',
        "<div style=\"background-image:url('/c-150x150.jpg')\"></div>",
    )
    listed = (
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
        'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"><url><loc>{0}/</loc>'
        "<image:image><image:loc>{0}/c.jpg</image:loc></image:image></url></urlset>"
    )
    answers: dict[str, Any] = {"/": page, "/c.jpg": jpeg()}
    server = Server(Scripted(answers))
    answers["/sitemap.xml"] = Answer(body=listed.format(server.url).encode(), content_type="text/xml")
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    report = crawled(project)
    server.stop()
    assert report.candidates == 1
    assert [hit.path for hit in server.log if hit.is_image] == ["/c.jpg"]
    assert stored(project) == {hashlib.sha256(photo()).hexdigest()}


def test_11_sitemaps_name_pages_and_photos_that_links_do_not(tmp_path: Path) -> None:
    """Pages below the start page, and photos that only a script would show."""
    answers: dict[str, Any] = {
        "/gallery": html("<p>Our cakes, and many more of them inside, for every day of the year.</p>"),
        "/gallery/hidden": html("<p>Nothing to see without scripts, but the sitemap knows what stands here.</p>"),
        "/a.jpg": jpeg(1),
        "/b.jpg": jpeg(2),
    }
    server = Server(Scripted(answers))
    image = "<i:image><i:loc>{}</i:loc></i:image>"
    entries = "".join(
        f"<url><loc>{server.url}{path}</loc>{image.format(server.url + name)}</url>"
        for path, name in (("/gallery", "/a.jpg"), ("/gallery/hidden", "/b.jpg"), ("/blog/other", "/c.jpg"))
    )
    answers["/pages.xml"] = Answer(body=f'<urlset xmlns="s" xmlns:i="i">{entries}</urlset>'.encode())
    answers["/index.xml"] = Answer(
        body=f"<sitemapindex><sitemap><loc>{server.url}/pages.xml</loc></sitemap></sitemapindex>".encode()
    )
    answers["/robots.txt"] = text(f"User-agent: *\nSitemap: {server.url}/index.xml\n")
    project = site(tmp_path, f"{server.url}/gallery", allowed=[server.address])
    report = crawled(project)
    server.stop()
    assert report.outcomes == {"stored": 2}
    assert "/blog/other" not in {hit.path for hit in server.log}


def test_12_addresses_that_are_no_addresses_never_end_the_crawl(tmp_path: Path) -> None:
    """Empty, broken, spaced, pasted srcset, IDN, base: each is the right address or left out."""
    page = html(
        '<base href="/deep/er/">',
        '<img src=""><img src="http://[broken/x.jpg"><img src="javascript:x.jpg"><img srcset=", ,">',
        '<img src="../my cake+1.jpg"><img src="/b-1.jpg 300w, /b.jpg 1200w"><img src="//127.0.0.1:1/other.jpg">',
    )
    answers: dict[str, Any] = {"/": page, "/deep/my cake+1.jpg": jpeg(1), "/b.jpg": jpeg(2)}
    server = Server(Scripted(answers))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    report = crawled(project)
    server.stop()
    assert report.outcomes == {"stored": 2, "rejected": 1}
    assert "/deep/my%20cake+1.jpg" in {hit.path for hit in server.log}
    assert outcome_by_name(project)["other.jpg"] == ("rejected", "address: private host")


def scrolling(pages: str) -> Answer:
    return html(
        '<div id="gallery"></div><script>let n = 0, busy = false;',
        "async function more() { if (busy) return; busy = true;",
        f"  const names = await (await fetch('{pages}?page=' + ++n)).json();",
        "  for (const name of names) { const i = document.createElement('img'); i.src = name;",
        "    i.style.height = '900px'; document.getElementById('gallery').append(i); }",
        "  busy = names.length === 0; }",
        "addEventListener('scroll', () => {",
        "  if (scrollY + innerHeight > document.body.scrollHeight - 300) more(); }); more();</script>",
    )


def test_13_a_gallery_filled_by_scrolling_comes_complete(tmp_path: Path) -> None:
    """All of it, though only the first part is there at load."""
    answers: dict[str, Any] = {"/": scrolling("/list")}
    for page in range(1, 8):
        names = [f"/{page}{n}.jpg" for n in range(3)] if page < 7 else []
        answers[f"/list?page={page}"] = Answer(body=json.dumps(names).encode(), content_type="application/json")
        answers |= {name: jpeg(page * 10 + n) for n, name in enumerate(names)}
    server = Server(Scripted(answers))
    report = crawled(site(tmp_path, f"{server.url}/", allowed=[server.address]))
    server.stop()
    assert report.outcomes == {"stored": 18}
    assert report.notes == []


def test_13_a_load_more_button_is_pressed(tmp_path: Path) -> None:
    script = (
        "<script>let n = 0; function add() { for (let k = 0; k < 2 && n < 6; k++) {"
        " const i = document.createElement('img'); i.src = '/' + n++ + '.jpg'; document.body.append(i); }"
        " if (n >= 6) document.querySelector('button').remove(); } add();</script>"
    )
    page = html("<p>Cakes</p><button onclick='add()'>Load more</button>", script)
    server = Server(Scripted({"/": page, **{f"/{n}.jpg": jpeg(n) for n in range(6)}}))
    report = crawled(site(tmp_path, f"{server.url}/", allowed=[server.address]))
    server.stop()
    assert report.outcomes == {"stored": 6}


class Endless:
    """A page that grows for ever with the same photo, and a calendar without end."""

    def answer(self, path: str, query: str, headers: dict[str, str]) -> Answer:
        if path == "/":
            return scrolling("/list")
        if path == "/list":
            return Answer(body=b'["/a.jpg"]', content_type="application/json")
        if path == "/a.jpg":
            return jpeg()
        if match := re.fullmatch(r"/calendar/(\d+)", path):
            number = int(match[1])
            return html(f'<img src="/a.jpg"><a href="/calendar/{number + 1}">next</a><a href="/day/{number}">day</a>')
        return html("<p>A day like any other in the life of a bakery, with nothing to see on it.</p>")


def test_13_endless_pages_end_at_caps_and_say_so(tmp_path: Path) -> None:
    server = Server(Endless())
    report = crawled(site(tmp_path, f"{server.url}/", f"{server.url}/calendar/1", allowed=[server.address]))
    server.stop()
    assert report.outcomes == {"stored": 1}
    assert any("scrolls, it still grew" in note for note in report.notes)
    assert any(note.startswith("series left after 10 pages") for note in report.notes)
    assert len([hit for hit in server.log if hit.path.startswith("/calendar/")]) < 20


def test_14_embedded_json_needs_no_browser(tmp_path: Path, monkeypatch: Any) -> None:
    """A page whose script carries its photos is read over HTTP alone."""
    monkeypatch.setenv("ISITCAKE_BROWSER", "/nowhere/chromium")
    photos = json.dumps({"photos": [{"src": f"/media/{n}.jpg"} for n in range(4)]}).replace("/media", "\\/media")
    page = f'<div id="__next"></div><script id="__NEXT_DATA__" type="application/json">{photos}</script>'
    server = Server(Scripted({"/": html(page), **{f"/media/{n}.jpg": jpeg(n) for n in range(4)}}))
    report = crawled(site(tmp_path, f"{server.url}/", allowed=[server.address]))
    server.stop()
    assert report.outcomes == {"stored": 4}


def test_14_the_browser_fetches_no_picture(tmp_path: Path) -> None:
    """Image bodies move once, over HTTP, though the browser shows the page."""
    answers: dict[str, Any] = {"/": scrolling("/list"), "/list?page=1": Answer(body=b'["/a.jpg", "/b.jpg"]')}
    answers |= {"/list?page=2": Answer(body=b"[]"), "/a.jpg": jpeg(1), "/b.jpg": jpeg(2)}
    server = Server(Scripted(answers))
    crawled(site(tmp_path, f"{server.url}/", allowed=[server.address]))
    server.stop()
    assert sorted(hit.path for hit in server.log if hit.is_image) == ["/a.jpg", "/b.jpg"]


def test_15_links_are_followed_inside_the_site_to_a_depth(tmp_path: Path) -> None:
    """Two links deep; other hosts are not visited, their images are collected."""
    cdn = Server(Scripted({"/x.jpg": jpeg(9)}))
    other = Server(Scripted({"/": html('<img src="/no.jpg">')}))
    chain: dict[str, Any] = {
        "/": html(f'<a href="/one">1</a><a href="{other.url}/">friends</a><img src="{cdn.url}/x.jpg">'),
        "/one": html('<a href="/two">2</a><img src="/1.jpg">'),
        "/two": html('<a href="/three">3</a><img src="/2.jpg">'),
        "/three": html('<img src="/3.jpg">'),
        "/1.jpg": jpeg(1), "/2.jpg": jpeg(2), "/3.jpg": jpeg(3),
    }  # fmt: skip
    server = Server(Scripted(chain))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address, cdn.address, other.address])
    crawled(project)
    for stopped in (server, cdn, other):
        stopped.stop()
    assert set(outcome_by_name(project)) == {"x.jpg", "1.jpg", "2.jpg"}
    assert other.log == []
    assert "/three" not in {hit.path for hit in server.log}


def test_16_five_sizes_on_three_pages_are_one_fetch_and_three_sightings(tmp_path: Path) -> None:
    """One request for the original, one blob."""
    sizes = ["-150x150", "-300x200", "-768x512", "-1024x683", ""]
    links = '<a href="/2">2</a><a href="/3">3</a>'
    answers: dict[str, Any] = {
        "/": html(links, f'<img src="/c{sizes[0]}.jpg" srcset="/c{sizes[1]}.jpg 300w, /c{sizes[2]}.jpg 768w">'),
        "/2": html(f'<img src="/c{sizes[3]}.jpg">'),
        "/3": html(f'<img src="/c{sizes[4]}.jpg">'),
        "/c.jpg": jpeg(),
    }
    server = Server(Scripted(answers))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    report = crawled(project)
    server.stop()
    assert report.outcomes == {"stored": 1}
    assert [hit.path for hit in server.log if hit.is_image] == ["/c.jpg"]
    with project.catalog.read() as connection:
        pages = set(connection.execute(select(sightings.c.page_url)).scalars())
    assert pages == {f"{server.url}{path}" for path in ("/", "/2", "/3")}


def test_16_where_the_original_is_gone_or_small_the_largest_variant_is_kept(tmp_path: Path) -> None:
    """A 404 or a smaller picture behind the original's address: the page's own variant, and the ledger says so."""
    small = Answer(body=resized(photo(2), 220), content_type="image/jpeg")
    answers: dict[str, Any] = {
        "/": html('<img src="/gone-600x400.jpg"><img srcset="/tiny-300x200.jpg 300w, /tiny-600x400.jpg 600w">'),
        "/gone-600x400.jpg": Answer(body=resized(photo(1), 600), content_type="image/jpeg"),
        "/tiny.jpg": small,
        "/tiny-600x400.jpg": Answer(body=resized(photo(2), 600), content_type="image/jpeg"),
    }
    server = Server(Scripted(answers))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    assert crawled(project).outcomes == {"stored": 2}
    server.log.clear()
    crawled(project)
    server.stop()
    with project.catalog.read() as connection:
        won = set(connection.execute(select(outcomes.c.fetched_url).where(outcomes.c.outcome == "stored")).scalars())
    assert won == {f"{server.url}/gone-600x400.jpg", f"{server.url}/tiny-600x400.jpg"}
    # What won last time is asked first: no second round over addresses that are gone.
    assert {hit.path for hit in server.log if hit.is_image} == {"/gone-600x400.jpg", "/tiny-600x400.jpg"}


def test_17_small_things_are_rejected_and_names_decide_nothing(tmp_path: Path) -> None:
    """Icons, badges and single pixels go with a reason; a large photo named logo stays."""
    answers: dict[str, Any] = {
        "/": html(
            '<img src="/logo.svg"><img src="/dot.gif" width="1" height="1"><img src="/badge.jpg">'
            '<img src="/wedding-logo-cake.jpg"><link rel="icon" href="/favicon.ico">'
        ),
        "/badge.jpg": Answer(body=resized(photo(2), 120), content_type="image/jpeg"),
        "/wedding-logo-cake.jpg": jpeg(1),
    }
    server = Server(Scripted(answers))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    crawled(project)
    server.stop()
    assert outcome_by_name(project) == {
        "logo.svg": ("rejected", "drawing: SVG or icon file"),
        "dot.gif": ("rejected", "one pixel"),
        "badge.jpg": ("rejected", "too small: shorter side under 200 px"),
        "wedding-logo-cake.jpg": ("stored", ""),
    }
    assert "/logo.svg" not in {hit.path for hit in server.log}


URL_TEXT = st.text(st.sampled_from("abc019:/?#&=%.,-_@[]\\ \n\t+~'\"{}<>()xw\u00e4\u202e\u0000"), max_size=60)
PRIVATE = st.sampled_from(
    ["http://127.0.0.1", "//[::1]", "http://2130706433", "http://0x7f.1", "https://localhost.", "http://10.1.2.3:80"]
)
ADDRESS = st.one_of(URL_TEXT, st.tuples(PRIVATE, URL_TEXT).map("/".join), st.text(max_size=40))
MARKUP = st.tuples(
    st.sampled_from(
        ["<img src='{}'>", '<img srcset="{} 300w, x 2x">', "<img data-src={}>", "<style>a{{b:url({})}}</style>",
         "<script>{{'a': '{}'}}</script>", '<script type="application/ld+json">{{"image": "{}"}}</script>',
         "<meta property='og:image' content='{}'>", "<a href='{}'>", "<base href='{}'>", "<noscript>{}</noscript>",
         "<meta name=robots content='{}'>"]
    ),
    ADDRESS,
).map(lambda pair: pair[0].format(pair[1]))  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(MARKUP, st.text(max_size=30)), max_size=12).map("".join), ADDRESS)
def test_any_page_is_read_without_a_crash_and_leads_nowhere_private(page: str, address: str) -> None:
    """Whatever stands in a page: candidates and links are http(s), and the guard refuses all that is private."""
    photos = discovery.candidates(page, PAGE)
    discovery.placeholders(page)
    links.grows(markup.read(page))
    links.is_shell(markup.read(page))
    optout.of_page(page)
    sitemaps.parse(page.encode("utf-8", "surrogatepass"))
    addresses = [offer for candidate in photos for offer in candidate.offers] + links.links(page, PAGE)
    for url in [*addresses, *originals(address, PAGE), absolute(address, PAGE) or PAGE]:
        try:
            check_url(url)
        except Refused:
            continue
        assert url.startswith(("http://", "https://"))
        host = url.split("/")[2].rpartition("@")[2].lower()
        assert not re.match(r"(127\.|10\.|\[::1\]|localhost|0x7f|2130706433)", host)


def test_17_an_address_that_is_signed_for_each_view_is_one_photo(tmp_path: Path) -> None:
    """Three pages show two photos, each time with another signature or moment."""

    def page(number: int) -> Answer:
        signed = f"X-Amz-Date=2026110{number}T000000Z&X-Amz-Signature=ab{number}"
        return html(
            "<p>Our cakes, and many more of them inside, for every day of the year.</p>",
            f'<img src="/1.jpg?{signed}"><img src="/2.jpg?size=large&t=17000001{number:02}">',
            *(f'<a href="/{n}">{n}</a>' for n in range(1, 4)),
        )

    answers: dict[str, Any] = {"/": page(0), **{f"/{n}": page(n) for n in range(1, 4)}}
    answers |= {"/1.jpg": jpeg(1), "/2.jpg": jpeg(2)}
    server = Server(Scripted(answers))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    crawled(project)
    server.stop()
    assert len(stored(project)) == 2
    asked = sorted(hit.path.partition("?")[0] for hit in server.log if hit.is_image)
    assert asked == ["/1.jpg", "/2.jpg"]


def test_17_what_names_a_photo_stays_in_its_name() -> None:
    assert (
        without_view("https://a.example/1.jpg?id=7&Expires=1700000123&Signature=a%2Fb")
        == "https://a.example/1.jpg?id=7"
    )
    for url in (
        "https://a.example/photo?sig=1700000123",
        "https://a.example/1.jpg?v=12",
        "https://a.example/1.jpg?token=ab",
    ):
        assert without_view(url) == url
