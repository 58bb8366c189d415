"""The kinds of pages that once lost photos: each is a host of one crawl, judged by what that host was asked."""

import base64
import functools
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from crawling import html, photo, site
from PIL import Image
from sqlalchemy import select

from crawlers.collect import crawl_apart
from crawlers.sites.messages import CrawlOptions
from dataset.catalog.tables import images, outcomes
from dataset.project import Project
from simulator.server import Answer, Scripted, Server

FULL, MIDDLE, SMALL, TINY = 1200, 640, 320, 120
Reply = Callable[[dict[str, str]], Answer]  # to a request with these headers


@functools.cache
def drawn(number: int, width: int = FULL) -> Answer:
    """A photo at this width; another photo for each number."""
    picture = Image.open(io.BytesIO(photo(number))).convert("RGB")
    out = io.BytesIO()
    picture.resize((width, width * picture.height // picture.width)).save(out, "JPEG", quality=80)
    return Answer(body=out.getvalue(), content_type="image/jpeg")


def shown(number: int, width: int = FULL) -> Reply:
    """The same, drawn when it is asked for."""
    return lambda _headers: drawn(number, width)


@dataclass(frozen=True)
class Kind:
    """A page, and what stands behind its addresses. full: what must be stored. also: what may be asked besides.
    inline: how many photos stand in the page itself.

    There is no address of a picture that the host is asked for in vain, unless `also` has it.
    """

    page: str
    full: dict[str, Reply]
    other: dict[str, Any] = field(default_factory=dict)
    also: frozenset[str] = frozenset()
    inline: int = 0

    @property
    def answers(self) -> dict[str, Any]:
        return {"/": html(self.page), **self.full, **self.other}


def kind(
    page: str, full: dict[str, Reply], other: dict[str, Any] | None = None, also: str = "", inline: int = 0
) -> Kind:
    return Kind(page, full, other or {}, frozenset(also.split()), inline)


def each(template: str, count: int = 6) -> str:
    """The template for each number from 1 on; `#` stands for it."""
    return "\n".join(template.replace("#", str(number)) for number in range(1, count + 1))


def photos(template: str, count: int = 6, width: int = FULL) -> dict[str, Reply]:
    return {template.replace("#", str(number)): shown(number, width) for number in range(1, count + 1)}


WORDS = "Our cakes are made to order, every day of the week. " * 5
PRODUCTS = (
    "var products = [" + ",".join(f'{{"image": "images/cake{n}.jpg", "name": "x.jpg"}}' for n in range(1, 5))
    + "]; var icon = 'img/arrow-left.png', s = \"loader.gif\";"
)  # fmt: skip
STYLES = (
    ".hero{background:url(../img/hero.jpg)} .other-page{background:url(/img/other.jpg)}"
    ' .hero i{background:url("sprite.png")}'
)
IMPORTED = (
    "@import 'deeper.css'; .band:not(.no-photo, .x:nth-child(2)){background:url(../../img/band.jpg)}"
    " p.a:is(.b, .c){background:url(/img/b.jpg)} .d:not(.a){background:url(/img/d.jpg)}"
)
NEXT = json.dumps('{"gallery":[{"src":"/n1.jpg"},{"src":"/n2.jpg"}]}')
KINDS: dict[str, Kind] = {
    "F1 a picture written as HTML": kind(
        each('<picture><source srcset="/b#-2000.jpg 1200w"><img src="/b#-t.jpg"></picture>'),
        photos("/b#-2000.jpg"), photos("/b#-t.jpg", width=240), "/b1-t.jpg",
    ),
    "F1 with a placeholder as data:": kind(
        each('<picture><source media="(min-width:1px)" srcset="/b#.jpg"><img src="data:image/gif;base64,R0lGOD">'
            '</picture>'),
        photos("/b#.jpg"),
    ),
    "F1 a picture for each screen": kind(
        each('<picture><source media="(max-width: 799px)" srcset="/m#.jpg"><source media="(min-width: 800px)" '
            'srcset="/w#.jpg"><img src="/t#.jpg"></picture>', 4)
        + each('<picture><source media="(min-width:1200px)" data-srcset="/w1#.jpg"><source media="(min-width:37.5em)" '
            'data-srcset="/t1#.jpg"><img data-src="/m1#.jpg"></picture>', 4)
        + each('<picture><source media="(width &lt;= 480px)" srcset="/m2#.jpg"><source media="(width &lt; 900px)" '
            'srcset="/t2#.jpg"><img src="/w2#.jpg"></picture>', 4),
        {f"/w{n}.jpg": shown(n) for n in (1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24)},
        {f"/{size}{n}.jpg": shown(n, width) for n in (1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24)
         for size, width in (("m", SMALL), ("t", MIDDLE))},
        "/m1.jpg /t1.jpg /m11.jpg /t11.jpg /m21.jpg /t21.jpg",
    ),
    "F1 sources that say nothing": kind(
        each('<picture><source srcset="/m#.jpg"><source srcset="/w#.jpg"><img src="/t#.jpg"></picture>', 4),
        photos("/w#.jpg", 4), {**photos("/m#.jpg", 4, SMALL), **photos("/t#.jpg", 4, MIDDLE)}, "/m1.jpg /t1.jpg",
    ),
    "F2 a placeholder that all share": kind(
        each('<img src="/img/blank.png" data-src="/p/#.jpg" data-fallback="/f.png" data-loading="/l.gif" '
            'data-link="/cart">'),
        photos("/p/#.jpg"), {"/img/blank.png": shown(90, 600), "/f.png": shown(91, 600), "/l.gif": shown(92, 600)},
    ),
    "F2 all link one picture": kind(each('<a href="/sale.jpg"><img src="/p/#.jpg"></a>'), photos("/p/#.jpg")),
    "F3 parameters that name the photo": kind(
        each('<img src="/image?h=ab#">', 3) + each('<img src="/f.jpg?w=4#">', 3) + '<img src="/f.jpg?q=red">'
        + each('<img src="/i?crop=a#">', 2),
        {**photos("/image?h=ab#", 3), **{f"/f.jpg?w=4{n}": shown(n + 3) for n in (1, 2, 3)}, "/f.jpg?q=red": shown(7),
         **{f"/i?crop=a{n}": shown(n + 10) for n in (1, 2)}},
    ),
    "F4 a guess from a thumbnail": kind(
        '<img src="/new.jpg" srcset="/new.jpg 1200w, /old-300x200.jpg 300w">',
        {"/new.jpg": shown(1)}, {"/old.jpg": shown(2), "/old-300x200.jpg": shown(2, 300)},
    ),
    "F5 a thumbnail in a data- attribute": kind(
        each('<img src="/s/#.jpg" data-thumb="/s/#_t.jpg">'), photos("/s/#.jpg"), photos("/s/#_t.jpg", width=TINY),
            "/s/1_t.jpg"
    ),
    "F5 sizes in data- attributes": kind(
        each('<img data-small="/s#.jpg" data-large="/l#.jpg">', 3), photos("/l#.jpg", 3), photos("/s#.jpg", 3,
            SMALL), "/s1.jpg"
    ),
    "F5 names that say nothing": kind(
        each('<img data-a="/a#.jpg" data-b="/b#.jpg" src="/c#.jpg">', 4), photos("/b#.jpg", 4),
        {**photos("/a#.jpg", 4, SMALL), **photos("/c#.jpg", 4, MIDDLE)}, "/a1.jpg /c1.jpg",
    ),
    "F5 an offer under 200 pixels": kind(
        '<a href="/tiny.jpg"><img src="/large.jpg"></a>', {"/large.jpg": shown(1)}, {"/tiny.jpg": shown(1, TINY)},
        "/tiny.jpg"
    ),
    "F6 a parameter that a script needs": kind(
        each('<img src="/image.php?id=#&amp;w=1200">', 4), photos("/image.php?id=#&w=1200", 4),
        {f"/image.php?id={n}": shown(n, TINY) for n in range(1, 5)},
    ),
    "F6 a default size of 320 pixels": kind(
        each('<img src="/p#.jpg?w=1200">', 4), photos("/p#.jpg?w=1200", 4), {f"/p{n}.jpg": shown(n,
            SMALL) for n in range(1, 5)},
        "/p1.jpg /p2.jpg",
    ),
    "F12 the full size is elsewhere": kind(
        '<ul><li data-src="/full/1.jpg"><img src="/t/1.jpg"></li></ul><a data-fancybox data-src="/full/2.jpg"><img '
        'src="/t/2.jpg">'
        '</a><a data-pswp-src="/full/3.jpg" href="#"><img src="/t/3.jpg"></a><a '
        'href="javascript:open(\'/full/4.jpg\')">'
        '<img src="/t/4.jpg"></a><img src="/t/5.jpg" onclick="show(\'/full/5.jpg\')"><map><area href="/full/6.jpg">'
        '</map>'
        '<figure><a href="/view?img=/full/7.jpg"><img src="/t/7.jpg"></a></figure>',
        photos("/full/#.jpg", 7), photos("/t/#.jpg", 7, SMALL), "/t/1.jpg /t/2.jpg /t/3.jpg /t/4.jpg /t/5.jpg "
            "/t/7.jpg /view?img=/full/7.jpg",
    ),
    "F12 a link that is the JPEG": kind(each('<a href="/photo/#">cake</a>', 3) + "<p>" + "word " * 40,
    photos("/photo/#", 3)),
    "F13 attributes of other elements": kind(
        """<div data-settings='{"slideshow":[{"id":1,"url":"\\/e1.jpg"},{"id":2,"url":"\\/e2.jpg"}]}'></div>"""
        '<a data-thumbnail="/e3.jpg">x</a><div data-src="/e4.jpg"></div><div data-setbg="/e5.jpg"></div>'
        '<section data-image-src="/e6.jpg"></section><div '
        'data-page="{&quot;props&quot;:{&quot;image&quot;:&quot;/e7&quot;}}">'
        '</div><astro-island props="{&quot;a&quot;:[0,&quot;/e8.jpg&quot;]}"></astro-island><div x-data="{i: '
        '\'/e9.jpg\'}"></div>',
        {**photos("/e#.jpg", 6), "/e7": shown(7), "/e8.jpg": shown(8), "/e9.jpg": shown(9)},
    ),
    "F13 elements and metas": kind(
        '<link rel="preload" as="image" href="/a1.jpg"><link rel="image_src" href="/a2.jpg"><link rel="icon" '
        'href="/i.png">'
        '<meta name="twitter:image:src" content="/a3.jpg"><meta property="og:image:url" content="/a4.jpg">'
        '<meta name="og:image" content="/a5.jpg"><meta itemprop="image" content="/a6.jpg"><body background="/a7.jpg">'
        '<img ng-src="/a8.jpg"><img v-lazy="\'/a9.jpg\'"><video poster="/a10.jpg"></video><svg><image '
        'href="/a11.jpg"/></svg>'
        '<input type="image" src="/a12.jpg"><object data="/a13.jpg"></object><table><td '
        'background="/a14.jpg">x</table>',
        photos("/a#.jpg", 14),
    ),
    "F14 JSON and scripts": kind(
        f'<script>var a = ["images/j1.jpg"], b = `images/j2.jpg`, c = "/my cake.jpg"; self.__next_f.push([1, {NEXT}]);'
        ' // don\'t\nvar d = {"image": "/media/77", "title": "holiday.jpg"}, e = {"type": "image/jpeg"};</script>'
        '<script type="application/ld+json">{"@type": "Product", "photo": "/j3.jpg", "image": {"url": "/j4"}, '
        '"logo": "/l.png",}'
        "</script><img data-interchange=\"[/s5.jpg, small], [/j5.jpg, (large)]\"><div data-json='{\"src\": "
        "\"rel/j6.jpg\"}'></div>",
        {"/images/j1.jpg": shown(1), "/images/j2.jpg": shown(2), "/my%20cake.jpg": shown(3), "/n1.jpg": shown(4),
         "/n2.jpg": shown(5), "/media/77": shown(6), "/j3.jpg": shown(7), "/j4": shown(8), "/j5.jpg": shown(9),
         "/rel/j6.jpg": shown(10)},
        {"/s5.jpg": shown(9, SMALL), "/my cake.jpg": shown(3)}, "/s5.jpg",
    ),
    "F14 names of Wix": kind(
        '<img src="/media/a_1~mv2.jpg/v1/fill/w_147,h_110,blur_2/x.jpg"><script>{"mediaUrl":"a_2~mv2.jpg"}</script>'
        "<div data-image-info='{\"imageData\":{\"uri\":\"a_3~mv2.jpg\"}}'></div>",
        photos("/media/a_#~mv2.jpg", 3), {"/media/a_1~mv2.jpg/v1/fill/w_147,h_110,blur_2/x.jpg": shown(1, 147)},
        "/media/a_1~mv2.jpg/v1/fill/w_147,h_110,blur_2/x.jpg",
    ),
    "F15 the grammar of srcset": kind(
        '<img srcset="/a.jpg, /b.jpg 2x"><img srcset="/c.jpg 1200w 900h, /d.jpg 300w">',
        {"/b.jpg": shown(1), "/c.jpg": shown(2)}, {"/a.jpg": shown(1, MIDDLE), "/d.jpg": shown(2, 300)}, "/a.jpg",
    ),
    "F16 words that name photos": kind(
        "".join(f'<img src="/{name}.jpg">' for name in ("brownie", "brownie_small", "brownie_large", "tray-30x40",
        "tray-40x60",
                                                        "poster-200x300", "poster-300x400")),
        {f"/{name}.jpg": shown(n) for n, name in enumerate(("brownie", "brownie_small", "brownie_large", "tray-30x40",
                                                            "tray-40x60", "poster-200x300", "poster-300x400"))},
    ),
    "F16 a folder of Cloudinary": kind(
        '<img src="/image/upload/my_cakes/a.jpg"><img src="/image/upload/w_300,c_fill/q_auto/b_1/b.jpg">',
        {"/image/upload/my_cakes/a.jpg": shown(1), "/image/upload/b_1/b.jpg": shown(2)},
        {"/image/upload/w_300,c_fill/q_auto/b_1/b.jpg": shown(2, 300)}, "/image/upload/w_300,c_fill/q_auto/b_1/b.jpg",
    ),
    "F17 a server that reads headers": kind(
        '<img src="/h.jpg">', {"/h.jpg": shown(1)},
        {"/h.jpg": lambda headers: drawn(1) if "text/html" not in headers.get("accept",
            "") and headers.get("referer", "").endswith("/")
         else html("<p>no</p>")},
    ),
    "F25 photos in the page": kind(
        "".join(f'<img src="data:image/jpeg;base64,{base64.b64encode(drawn(n, MIDDLE).body).decode()}">' for n in (1,
        2))
        + '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">',
        {},
        inline=2,
    ),
    "F30 status 203": kind('<img src="/o.jpg">', {"/o.jpg": lambda _headers: Answer(203, drawn(1).body, "image/jpeg")}),
    "F34 CSS": kind(
        '<style>.a{background:url(/cake(1).jpg)}.b{background:url(/my\\ cake.jpg)}</style><i class="a"></i>'
        '<div style="background-image:url(/x.jpg), url(\'/y.jpg\')"></div>',
        {"/cake(1).jpg": shown(1), "/my%20cake.jpg": shown(2), "/x.jpg": shown(3), "/y.jpg": shown(4)},
            {"/my cake.jpg": shown(2)},
    ),
    "F35 addresses of pages": kind(
        each('<img data-url="/product/#" data-href="/p?id=#" data-permalink="/x/#" data-id="a/#" src="/p#.jpg">', 3),
        photos("/p#.jpg", 3),
    ),
    "F36 a thumbnail beside its link": kind(
        '<img src="a-thumb.JPG"><a href="a.JPG">large</a>', {"/a.JPG": shown(1)}, {"/a-thumb.JPG": shown(1, SMALL)},
        "/a-thumb.JPG"
    ),
    "addresses without extension": kind(
        '<img src="c.jfif"><img src="/images/a b.jfif"><img src="photo?id=3">',
        {"/c.jfif": shown(1), "/images/a%20b.jfif": shown(2), "/photo?id=3": shown(3)}, {"/images/a b.jfif": shown(2)},
    ),
    "a script file": kind(
        f'<div id="list"><p>{WORDS}</p></div><script src="/js/products.js"></script>'
        '<script src="/js/jquery.min.js"></script>',
        photos("/images/cake#.jpg", 4),
        {"/js/products.js": Answer(body=PRODUCTS.encode(), content_type="text/javascript")},
    ),
    "a style sheet": kind(
        '<link rel="stylesheet" href="/css/site.css"><div class="hero">x</div>',
        {"/img/hero.jpg": shown(1)},
        {"/css/site.css": Answer(body=STYLES.encode(), content_type="text/css")},
    ),
    "a style sheet that imports one": kind(
        '<link rel="stylesheet" href="/css/main.css"><div class="band">x</div><p class="a b">x</p>',
        {"/img/band.jpg": shown(1), "/img/b.jpg": shown(2)},
        {"/css/main.css": Answer(body=b'@import url("parts/more.css"); .x{color:red}', content_type="text/css"),
         "/css/parts/more.css": Answer(body=IMPORTED.encode(), content_type="text/css")},
        "/css/main.css /css/parts/more.css",
    ),
    "a folder that is a size": kind(
        each('<img src="/images/size/w600/a#.jpg">'), photos("/images/a#.jpg"),
        photos("/images/size/w600/a#.jpg", width=MIDDLE), "/images/size/w600/a1.jpg",
    ),
    "an original in a place of its own": kind(
        each('<a href="/p#"><img src="/image/cache/catalog/a#-300x300.jpg"></a>', 4) + WORDS,
        photos("/image/catalog/a#.jpg", 4),
        {**photos("/image/cache/catalog/a#-300x300.jpg", 4, SMALL), **photos("/image/cache/catalog/a#-500x500.jpg", 4,
            MIDDLE), **{f"/p{n}": html(f'<img src="/image/cache/catalog/a{n}-500x500.jpg">' + WORDS) for n in range(1,
                5)}},
        "/image/cache/catalog/a1-300x300.jpg /image/cache/catalog/a1-500x500.jpg /p1 /p2 /p3 /p4",
    ),
    "a guess that brings another picture": kind(
        each('<img src="/wp-content/uploads/c#-640x480.jpg">', 12),
        photos("/wp-content/uploads/c#-640x480.jpg", 12, MIDDLE),
        {f"/wp-content/uploads/c{n}.jpg": shown(99) for n in range(1, 13)},
        " ".join(f"/wp-content/uploads/c{n}.jpg" for n in range(1, 13)),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Crawled:
    """One crawl of all kinds. servers: by kind."""

    servers: dict[str, Server]
    project: Project
    report: Any

    def asked(self, name: str) -> list[str]:
        return [hit.path for hit in self.servers[name].log]


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    servers = {name: Server(Scripted(one.answers)) for name, one in KINDS.items()}
    starts = [f"{server.url}/" for server in servers.values()]
    project = site(tmp_path_factory.mktemp("kinds"), *starts, allowed=[server.address for server in servers.values()])
    finished = crawl_apart(project, project.settings.sources[0], CrawlOptions(min_delay_s=0.0), lambda *_: None)
    yield Crawled(servers, project, finished.report)
    project.close()
    for server in servers.values():
        server.stop()


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_every_photo_is_asked_for_and_nothing_else(crawl: Crawled, name: str) -> None:
    """What the host was asked for: each photo, once, and no address of anything that is no photo of the page."""
    wanted = KINDS[name]
    pages = {
        "/",
        "/robots.txt",
        "/sitemap.xml",
        "/js/products.js",
        "/css/site.css",
        "/.well-known/tdmrep.json",
        "/ai.txt",
    }
    # The browser shows the first page of a template, and so loads its libraries.
    asked = [path for path in crawl.asked(name) if path not in pages and not path.endswith(".min.js")]
    assert set(wanted.full) - set(asked) == set()
    assert set(asked) - set(wanted.full) - wanted.also == set()
    assert len(asked) == len(set(asked))


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_every_photo_is_stored_at_its_full_size(crawl: Crawled, name: str) -> None:
    url = crawl.servers[name].url
    with crawl.project.catalog.read() as connection:
        rows = connection.execute(
            select(outcomes.c.fetched_url, images.c.width).join(images, images.c.sha256 == outcomes.c.sha256)
        ).all()
    kept = {row.fetched_url.removeprefix(url): row.width for row in rows if row.fetched_url.startswith(f"{url}/")}
    inline = {address for address in kept if "#sha256=" in address}
    assert set(kept) - inline == set(KINDS[name].full)
    assert len(inline) == KINDS[name].inline
