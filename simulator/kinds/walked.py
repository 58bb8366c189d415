"""Kinds about where a crawl goes: links, actions, depth, other hosts, sessions. No page needs a browser."""

import itertools
import re

from simulator.kinds.kind import Kind, Written, photo
from simulator.server import Answer

WORDS = "<p>" + "Cakes for every day of the year, made to order, with fruit, cream and a little patience. " * 3 + "</p>"
_visitors = itertools.count(1)


def _with_session(_headers: dict[str, str]) -> Answer:
    """A page whose links carry a new session at each request, under a name that only this shop knows."""
    value = f"{next(_visitors):04}f3a9c0de77b1"
    links = "".join(f'<a href="/p{n}?visit={value}">{n}</a><img src="/{n}.jpg">' for n in range(1, 9))
    return Answer(body=f'<a href="/?visit={value}">home</a>{links}'.encode())


def _php_session(_headers: dict[str, str]) -> Answer:
    value = f"{next(_visitors):032x}"
    return Answer(body=f'<a href="/b;jsessionid={value}?PHPSESSID={value}">b</a><img src="/1.jpg">'.encode())


FORM = (
    '<form action="/find"><input type="hidden" name="v" value="7"><select name="kind">'
    '<option value="wedding">w</option><option value="birthday">b</option></select><button>Show</button></form>'
)
ACTIONS = (
    *(f'<a rel="nofollow" href="/?add-to-cart={n}">buy</a>' for n in range(8)),
    *(f'<a href="{path}">x</a>' for path in (
        "/wishlist/?add=3", "/logout", "/account/login.php", "/index.php?action=logout", "/shop?remove_item=4",
        "/a.avi", "/a.pptx", "/a.exe", "/a.tar.gz", "/film.webm", "/list.xlsx", "/?replytocom=5", "/warenkorb/",
        "/?share=facebook", "/wp-login.php?redirect_to=x",
    )),
    '<a href="/price-list" download>save</a>',
)  # fmt: skip
CHAIN: dict[str, Written] = {
    "/": WORDS + '<a href="/one">1</a>',
    "/one": WORDS + '<a href="/two">2</a>',
    "/two": WORDS + '<a href="/three">3</a><img src="/2.jpg">',
    "/three": WORDS + '<img src="/3.jpg">',
}
SORRY = Answer(body=photo("f24-one-picture-for-every-address /0.jpg"), content_type="image/jpeg")
SITEMAP = Answer(
    body=b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>@/hidden.html</loc></url></urlset>'
)


def _sitemap(headers: dict[str, str]) -> Answer:
    return Answer(body=SITEMAP.body.replace(b"@", f"http://{headers['host']}".encode()), content_type="text/xml")


def _latin1(text: str) -> Answer:
    return Answer(body=text.encode("latin-1"), content_type="text/html; charset=iso-8859-1")


WALKED: tuple[Kind, ...] = (
    Kind(
        "F11", "frames",
        {
            "/": '<frameset cols="20%,80%"><frame src="menu.html"><frame src="main.html"></frameset>',
            "/menu.html": '<a href="/wedding.html" target="main">wedding</a>',
            "/main.html": '<img src="/1.jpg">',
            "/wedding.html": WORDS + '<iframe src="/inner.html"></iframe><iframe src="{other}/"></iframe>',
            "/inner.html": '<img src="/2.jpg"><object data="/deep.html" type="text/html"></object>',
            "/deep.html": '<img src="/3.jpg">',
        },
        ["/1.jpg", "/2.jpg", "/3.jpg"], settings="depth = 2",
    ),
    Kind(
        "F19", "sitemap of a home page",
        {"/": WORDS + '<img src="/1.jpg">', "/hidden.html": '<img src="/2.jpg">', "/sitemap.xml": _sitemap},
        ["/1.jpg", "/2.jpg"],
    ),
    Kind("F20", "a page beyond the depth", CHAIN, ["/2.jpg"], not_asked="/three", note="depth 2: 1 page further"),
    Kind("F20", "a depth of its own", CHAIN, ["/2.jpg", "/3.jpg"], settings="depth = 3"),
    Kind(
        "F20", "pages of its own",
        {"/": "".join(f'<a href="/{n}">{n}</a>' for n in range(9)) + '<img src="/a.jpg">',
         **{f"/{n}": WORDS for n in range(9)}},
        ["/a.jpg"], settings="pages = 4", at_most=4, note="stopped at 4 pages; raise `pages`",
    ),
    Kind(
        "F20", "pages that are skipped",
        {"/": '<a href="/blog/1">1</a><a href="/g?sort=price">s</a><a href="/g">g</a><a href="/shop/old.html">o</a>',
         "/blog/1": '<img src="/no.jpg">', "/g": '<img src="/1.jpg">', "/shop/old.html": '<img src="/no2.jpg">'},
        ["/1.jpg"], settings='skip = ["/blog/", "*?sort=", "/*old.html$"]', not_asked="blog|sort|old",
    ),
    Kind(
        "series", "a next page whose address says nothing",
        {"/": WORDS + '<a href="/list?c-a">list</a>',
         **{f"/list?c-{one}": f'<img src="/{one}.jpg"><a rel="next" href="/list?c-{after}">next</a>'
            for one, after in itertools.pairwise("abcdefg")}},
        [f"/{one}.jpg" for one in "abcdef"],
    ),
    Kind(
        "F21", "a link to another host",
        {"/": '<img src="/1.jpg"><a href="/go">go</a><a href="/later">later</a>',
         "/go": Answer(302, headers={"Location": "{other}/"}),
         "/later": '<meta http-equiv="refresh" content="0; url={other}/">'},
        ["/1.jpg"], note="leads to another host",
    ),
    Kind(
        "F21", "a start page that moved", {"/": Answer(301, headers={"Location": "{other}/"})}, [],
        note="leads to another host", status="unhealthy",
    ),
    Kind(
        "F24", "one picture for every address",
        {"/": "".join(f'<img src="/{n}.jpg">' for n in range(12)), **{f"/{n}.jpg": SORRY for n in range(1, 12)}},
        ["/0.jpg"], note="the same picture", status="unhealthy",
    ),
    Kind(
        "F26", "actions and binaries",
        {"/": WORDS + "".join(ACTIONS) + '<img src="/1.jpg"><a href="/cakes.php?cat=2">c</a>',
         "/cakes.php?cat=2": '<img src="/2.jpg">'},
        ["/1.jpg", "/2.jpg"],
        not_asked=r"cart|wish|log|action=|remove|\.(avi|pptx|exe|gz|webm|xlsx)|reply|waren|share|price", at_most=2,
    ),
    Kind(
        "F12", "a link that is a photo", {"/": WORDS + '<a href="/photo/1">see</a><a href="/get/2">get</a>',
                                         "/get/2": Answer(body=b"PK", content_type="application/zip")},
        ["/photo/1"],
    ),
    Kind(
        "F29", "a session in every link",
        {"/": _with_session, **{f"/p{n}": _with_session for n in range(1, 9)}},
        [f"/{n}.jpg" for n in range(1, 9)], at_most=9,
    ),
    Kind("F29", "a session that programs write", {"/": _php_session, "/b": _php_session,
                                                 "*": _php_session}, ["/1.jpg"], at_most=2),
    Kind(
        "F31", "a query in a Latin-1 page",
        {"/": _latin1('<img src="/s.php?n=grüß"><a href="k.html?x=süß">k</a>'),
         "/k.html?x=s%FC%DF": '<img src="/2.jpg">'},
        ["/s.php?n=gr%FC%DF", "/2.jpg"],
    ),
    Kind(
        "F32", "other ways to lead to a page",
        {
            "/": '<link rel="next" href="/next"><div onclick="window.location.href = \'/clicked\'">c</div>'
                 '<select onchange="location = this.value"><option value="">-</option>'
                 '<option value="/chosen">c</option>'
                 '</select><map name="m"><area shape="rect" coords="0,0,9,9" href="/area"></map>'
                 '<a href="javascript:window.open(\'/opened\')">o</a><tr data-href="/row"><td>r</td></tr>'
                 '<meta http-equiv="refresh" content="60; url=/refreshed">' + FORM + WORDS,
            **{f"/{name}": f'<img src="/{name}.jpg">' for name in ("next", "clicked", "chosen", "area", "opened", "row",
                                                                   "refreshed")},
            "/find?v=7&kind=wedding": '<img src="/wedding.jpg">',
            "/find?v=7&kind=birthday": '<img src="/birthday.jpg">',
        },
        [f"/{name}.jpg" for name in ("next", "clicked", "chosen", "area", "opened", "row", "refreshed", "wedding",
                                     "birthday")],
    ),
)  # fmt: skip
assert all(re.compile(kind.not_asked) for kind in WALKED)  # noqa: S101  a mistake in a pattern is found at once
