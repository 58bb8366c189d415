"""Which mentions of a page are one photo, and what is asked for it first."""

from pathlib import Path
from typing import Any

import pytest
from crawling import crawled, html, photo, site, stored
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.sites.discovery import candidates, with_their_folders
from crawlers.sites.reading.identity import MAX_UNPROVEN
from crawlers.sites.reading.lessons import MAX_FAILURES_AT_HOST, MAX_WAITING
from crawlers.sites.reading.mentions import Evidence
from simulator.server import Answer, Scripted, Server, resized

PAGE = "https://a.example/g/"


def offers(page: str) -> list[list[str]]:
    photos = with_their_folders(candidates(page, PAGE))
    return [[url.removeprefix("https://a.example") for url in one.offers] for one in photos]


@pytest.mark.parametrize(
    ("page", "photos"),
    [
        # One photo.
        ('<img src="/c-300x200.jpg" srcset="/c-300x200.jpg 300w"><img src="/c.jpg">', [["/c.jpg", "/c-300x200.jpg"]]),
        ('<img src="/t.jpg" data-full="/f.jpg"><noscript><img src="/t.jpg"></noscript>', [["/f.jpg", "/t.jpg"]]),
        ('<a href="/f.jpg"><img src="/t.jpg"></a><img src="/f.jpg">', [["/f.jpg", "/t.jpg"]]),
        ('<a href="/f.jpg"><img src="/m.jpg"></a><a href="/f.jpg"><img src="/t.jpg"></a>', [["/f.jpg", "/m.jpg",
            "/t.jpg"]]),
        ('<img src="/thumbs/a.jpg"><a href="/full/a.jpg">x</a>', [["/full/a.jpg", "/thumbs/a.jpg"]]),
        ('<script>x = {"thumb": "/t.jpg", "large": "/l.jpg"}</script>', [["/l.jpg", "/t.jpg"]]),
        ("<script>x = [{src: '/f.jpg', msrc: '/t.jpg', w: 1600, h: 1200}]</script>", [["/f.jpg", "/t.jpg"]]),
        ('<script>x = {"url_sq": "/q.jpg", "url_o": "/o.jpg"}</script>', [["/q.jpg", "/o.jpg"]]),
        ('<i data-x=\'[{"srct": "/t.jpg", "src": "/f.jpg"}]\'></i>', [["/f.jpg", "/t.jpg"]]),
        ('<script>x = [{"src": "/a.jpg", "width": 1400, "srcSet": [{"src": "/a4.jpg", "width": 400},'
         ' {"src": "/a8.jpg", "width": 800}]}]</script>', [["/a.jpg", "/a8.jpg", "/a4.jpg"]]),
        ('<script>x = {derivatives: [{w: 792, url: "_data/1-me.jpg"}, {w: 1400, url: "up/1.jpg"}]}</script>'
         '<img src="_data/1-me.jpg">', [["/g/up/1.jpg", "/g/_data/1-me.jpg"]]),
        ('<i data-set=\'{"d": "/d.jpg", "320": "/s.jpg", "640": "/m.jpg"}\'></i>', [["/d.jpg", "/s.jpg", "/m.jpg"]]),
        ('<img src="/c1.jpg" srcset="/c1.jpg 300w, /c2.jpg 600w"><picture>'
         '<source srcset="/c2.webp 600w, /c3.webp 1400w"><img srcset="/c2.jpg 600w, /c3.jpg 1200w"></picture>',
         [["/c3.webp", "/c3.jpg", "/c2.jpg", "/c2.webp", "/c1.jpg"]]),
        ('<div style="background: url(/a1.jpg); background: image-set(url(/a1.jpg) 1x, url(/a2.jpg) 2x)"></div>',
         [["/a2.jpg", "/a1.jpg"]]),
        ('<img src="/media/1~mv2_d_3000_2000_s_2.jpg/v1/fill/w_9,h_9/x.jpg" data-info=\'{"uri": '
         '"1~mv2_d_3000_2000_s_2.jpg"}\'>',
         [["/media/1~mv2_d_3000_2000_s_2.jpg", "/media/1~mv2_d_3000_2000_s_2.jpg/v1/fill/w_9,h_9/x.jpg"]]),
        ('<img src="/x/thumbnails/a.jpg"><img src="/x/large/a.jpg">',
         [["/x/large/a.jpg", "/x/a.jpg", "/x/thumbnails/a.jpg"]]),
        ('<img src="/s/a.jpg"><img src="/m/a.jpg"><a href="/hi-res/a.png">a</a>',
         [["/hi-res/a.png", "/s/a.jpg", "/m/a.jpg"]]),
        ('<a href="/a.jpg"><span style="background: url(/a-s.jpg)"></span></a>', [["/a.jpg", "/a-s.jpg"]]),
        ('<img src="/x/a.jpg"><img src="/x/b.jpg"><script>p = ["a.jpg", "b.jpg"]</script>',
         [["/x/a.jpg", "/g/a.jpg"], ["/x/b.jpg", "/g/b.jpg"]]),
        # Several.
        ('<script>x = {"thumbnails": [{"url": "/a.jpg", "width": 120}, {"url": "/b.jpg", "width": 130}]}</script>',
         [["/a.jpg"], ["/b.jpg"]]),
        ('<script>x = {"variants": [{"src": "/a.jpg", "width": 700}, {"src": "/b.jpg", "width": 800}]}</script>',
         [["/a.jpg"], ["/b.jpg"]]),
        ('<img src="/a-200x300.jpg"><img src="/a-300x400.jpg">', [["/a-200x300.jpg"], ["/a-300x400.jpg"]]),
        ('<img src="/a.jpg"><img src="/a-300x400.jpg">', [["/a.jpg"], ["/a-300x400.jpg"]]),
        ('<img src="/a_small.jpg"><img src="/a_large.jpg">', [["/a_small.jpg"], ["/a_large.jpg"]]),
        ('<script>x = {"url1": "/a.jpg", "url2": "/b.jpg"}</script>', [["/a.jpg"], ["/b.jpg"]]),
        ('<script>x = {"srcA": "/a.jpg", "srcB": "/b.jpg"}</script>', [["/a.jpg"], ["/b.jpg"]]),
        ('<script>x = {"url": "/a.jpg", "authorUrl": "/b.jpg"}</script>', [["/a.jpg"], ["/b.jpg"]]),
        ('<script>x = {"image": "/a.jpg", "photo": "/b.jpg"}</script>', [["/a.jpg"], ["/b.jpg"]]),
        ('<img src="/a.jpg" data-hover="/b.jpg">', [["/a.jpg"], ["/b.jpg"]]),
        ('<img src="/x.png" data-src="/a.jpg"><img src="/x.png" data-src="/b.jpg">', [["/a.jpg"], ["/b.jpg"]]),
        ('<img src="/x.png"><img src="/x.png" data-src="/a.jpg"><img src="/x.png" data-src="/b.jpg">', [["/a.jpg"],
            ["/b.jpg"]]),
        ('<div data-before="/a.jpg" data-after="/b.jpg"></div>', [["/a.jpg"], ["/b.jpg"]]),
        ('<img src="/a.jpg" onmouseover="this.src=\'/b.jpg\'" onmouseout="this.src=\'/a.jpg\'">',
         [["/a.jpg"], ["/b.jpg"]]),
        ('<img src="/small/a.jpg"><img src="/large/b.jpg">', [["/small/a.jpg"], ["/large/b.jpg"]]),
        ('<img src="/red/a.jpg"><img src="/blue/a.jpg">', [["/red/a.jpg"], ["/blue/a.jpg"]]),
        ('<img src="/x/a.jpg"><script>p = ["a.jpg", "b.jpg"]</script>', [["/x/a.jpg"], ["/g/a.jpg"], ["/g/b.jpg"]]),
        # None.
        ('<a href="/page"><b data-url="/b"></b></a><link rel="icon" href="/i.png"><script src="/a.js"></script>', []),
    ],
)  # fmt: skip
def test_what_is_one_photo(page: str, photos: list[list[str]]) -> None:
    assert offers(page) == photos


def test_an_address_keeps_its_evidence() -> None:
    """Named with its width, named, guessed: in this order of trust."""
    sizes = 'src="/wp-content/a-300x200.jpg" srcset="/wp-content/a-768x512.jpg 768w"'
    page = f'<img {sizes} data-zoom="/wp-content/a-zoom.jpg">'
    (one,) = candidates(page, PAGE)
    assert [(offer.url.rpartition("/")[2], offer.evidence) for offer in one.tries] == [
        ("a-zoom.jpg", Evidence.NAMED),
        ("a-768x512.jpg", Evidence.WIDTH),
        ("a-300x200.jpg", Evidence.NAMED),
        ("a.jpg", Evidence.GUESS),
    ]


def test_a_general_rule_is_tied_to_a_host_by_its_widths() -> None:
    """What a srcset of one page proves holds on later pages of the crawl."""
    proven: set[str] = set()
    (before,) = candidates('<img src="/b-300x200.jpg">', PAGE, proven=proven)
    candidates('<img srcset="/a-300x200.jpg 300w">', PAGE, proven=proven)
    (after,) = candidates('<img src="/b-300x200.jpg">', PAGE, proven=proven)
    assert before.named_url == "https://a.example/b-300x200.jpg"
    assert after.named_url == after.image_url == before.image_url == "https://a.example/b.jpg"


def jpeg(number: int, width: int) -> Answer:
    return Answer(body=resized(photo(number), width), content_type="image/jpeg")


def test_names_that_differ_stay_apart_on_different_pages(tmp_path: Path) -> None:
    """Two pages show posters in two sizes of print: what a rule makes of both is an original of neither."""
    answers: dict[str, Any] = {
        "/": html('<img src="/poster-200x300.jpg"><a href="/two">two</a>'),
        "/two": html('<img src="/poster-300x400.jpg">'),
        "/poster-200x300.jpg": jpeg(1, 480),
        "/poster-300x400.jpg": jpeg(2, 480),
    }
    server = Server(Scripted(answers))
    project = site(tmp_path, f"{server.url}/", allowed=[server.address])
    report = crawled(project)
    server.stop()
    assert report.outcomes == {"stored": 2}
    assert report.candidates == 2
    assert len(stored(project)) == 2


def test_first_photos_teach_what_the_others_cost(tmp_path: Path) -> None:
    """A gallery whose originals are there costs nothing more, one whose originals are gone a few requests."""
    there = "".join(f'<img src="/wp-content/uploads/t{n}-300x225.jpg">' for n in range(8))
    gone = "".join(f'<div><img data-src="/wp-content/g{n}-400x300.jpg"></div>' for n in range(8))
    answers: dict[str, Any] = {"/": html(there, gone)}
    for n in range(8):
        answers |= {
            f"/wp-content/uploads/t{n}.jpg": jpeg(n, 480),
            f"/wp-content/uploads/t{n}-300x225.jpg": jpeg(n, 300),
        }
        answers[f"/wp-content/g{n}-400x300.jpg"] = jpeg(20 + n, 400)
    server = Server(Scripted(answers))
    report = crawled(site(tmp_path, f"{server.url}/", allowed=[server.address]))
    server.stop()
    asked = [hit.path for hit in server.log if hit.path.startswith("/wp-content/")]
    assert report.outcomes == {"stored": 16}
    assert len(asked) <= 16 + MAX_WAITING
    assert {f"/wp-content/uploads/t{n}.jpg" for n in range(8)} <= set(asked)


@pytest.mark.long
def test_guesses_that_nothing_speaks_for_cost_little(tmp_path: Path) -> None:
    """Thumbnails in three templates, whose originals are not where they might be: a few requests for the whole host."""
    templates = ('<img src="{}">', '<img data-src="{}">', '<div style="background-image:url({})"></div>')
    names = [f"/g/thumbs/c{n}_300x225_thumb.jpg" for n in range(24)]
    shown = "".join(templates[n % 3].format(name) for n, name in enumerate(names))
    answers: dict[str, Any] = {"/": html(shown), **{name: jpeg(n, 300) for n, name in enumerate(names)}}
    server = Server(Scripted(answers))
    report = crawled(site(tmp_path, f"{server.url}/", allowed=[server.address]))
    server.stop()
    asked = [hit.path for hit in server.log if hit.path.startswith("/g/")]
    assert report.outcomes == {"stored": 24}
    assert set(names) <= set(asked)
    assert len(asked) - len(names) <= MAX_UNPROVEN * (MAX_FAILURES_AT_HOST + 1)


NAMES = st.sampled_from(
    ["/a.jpg", "/b.jpg", "/a-300x200.jpg", "/wp-content/a-300x200.jpg", "/wp-content/a.jpg", "/x.png", "/c?w=1"]
)
PAIRS = st.sampled_from(
    ['<img src="{}" data-src="{}">', '<a href="{}"><img src="{}"></a>', '<img src="{}" data-thumb="{}">']
)
ELEMENTS = st.tuples(PAIRS, NAMES, NAMES).map(lambda one: one[0].format(one[1], one[2]))


@settings(max_examples=500, deadline=None)
@given(st.lists(ELEMENTS, max_size=6))
def test_no_photo_is_asked_for_twice(elements: list[str]) -> None:
    """Whatever elements share: first addresses differ, so no download answers for two photos of a page."""
    found = candidates("".join(elements), PAGE)
    first = [one.image_url for one in found]
    assert len(first) == len(set(first))
