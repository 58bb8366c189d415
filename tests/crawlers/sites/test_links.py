"""Where a page leads to."""

import pytest

from crawlers import markup
from crawlers.sites.links import following, links, routes

PAGE = "https://a.example/gallery"
CODE = '<script src="/app.js"></script>'


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<link rel="stylesheet next" href="/n">', ["/n"]),
        ('<map><area href="/a"></map>', ["/a"]),
        ('<iframe src="/i"></iframe><iframe src="f.htm"></iframe>', ["/i", "/f.htm"]),
        ('<iframe data-src="/i"></iframe><iframe src="about:blank" data-lazy-src="f.htm"></iframe>', ["/i", "/f.htm"]),
        ('<link rel="amphtml" href="/amp/"><a href="/amp/">fast</a><a href="/more/">more</a>', ["/more/"]),
        ('<iframe src="/i" data-src="/j"></iframe><img data-src="/k">', ["/i"]),
        ('<frameset><frame src="/i"><frame src="f.htm"></frameset>', ["/i", "/f.htm"]),
        ('<object data="/o.html" type="text/html"></object><embed src="/e">', ["/o.html", "/e"]),
        ('<select><option value="/w">w</option><option value="red">r</option></select>', ["/w"]),
        ("<p onclick=\"location='/c'\">c</p>", ["/c"]),
        ('<p onclick="window.location.assign(&quot;/d&quot;)">c</p>', ["/d"]),
        ("<a href=\"javascript:void(window.open('/p'))\">p</a>", ["/p"]),
        ("<a href=\"#\" onClick=\"MM_openBrWindow('cake1.htm','cake','width=600')\">c</a>", ["/cake1.htm"]),
        ("<a href=\"javascript:popup('show.php?pid=3&amp;full=1')\">c</a>", ["/show.php?pid=3&full=1"]),
        ("<b onclick=\"$.post('vote.php?id=3'); showDialog('delete.php?id=3'); open('Bild 1')\">c</b>", []),
        ("<body onload=\"popup('offer.htm')\">c</body>", []),
        ('<tr data-href="/row"><td>x</td></tr><img data-url="/product/1">', ["/row"]),
        ('<form action="/f"><input type="search" name="q"><button>go</button></form>', []),
        ('<form method="post" action="/f"><select name="a"><option value="1"></select></form>', []),
        ('<form action="/f?x=1"><input type="radio" name="k" value="1"><input type="radio" name="k" value="2"></form>',
         ["/f?k=1", "/f?k=2"]),
        ('<form action="/"><input type="search" name="s"><input type="hidden" name="type" value="product"></form>', []),
        ('<form><select name="orderby"><option value="price"></select><input type="hidden" name="p" value="1"></form>',
         ["/gallery?p=1"]),
        ('<form><select name="go"><option value="">-</option><option value="/w">w</option></select></form>', ["/w"]),
        ('<form action="/cart"><select name="a"><option value="1"></select></form>', []),
        ('<a rel="noopener nofollow" href="/n">n</a><a download href="/d">d</a>', []),
        ("<script>nav.innerHTML = '<a href=\\\"/s.html\\\">s</a><a href=\\\"${u}\\\">';</script>", ["/s.html"]),
        ('<a href="#top">t</a><a href="#/no-application">n</a>', []),
        (f'<a href="#/r">r</a><a href="/g#!/s">s</a><a href="#top">t</a>{CODE}', ["/gallery#/r", "/g#!/s"]),
        ("<meta http-equiv=\"refresh\" content=\"30; URL='/later'\">", ["/later"]),
    ],
)  # fmt: skip
def test_each_way_to_lead_to_a_page(html: str, expected: list[str]) -> None:
    found = links(html, PAGE)
    assert [url.removeprefix("https://a.example") for url in found] == expected


@pytest.mark.parametrize(
    ("html", "is_next"),
    [
        ('<a href="/n" rel="next">2</a>', True),
        ('<a href="/n">Next \u00bb</a>', True),
        ('<a href="/n"><b>N\u00e4chste</b> Seite</a>', True),
        ('<a href="/n" aria-label="Next page"><i></i></a>', True),
        ('<a href="/n">Next day delivery</a>', False),
        ('<a href="/n">weiter</a>', False),  # of a teaser
    ],
)
def test_what_is_called_the_next_page(html: str, is_next: bool) -> None:
    assert following(markup.read(html), PAGE) == ({"https://a.example/n"} if is_next else set())


def test_queries_are_in_the_encoding_of_the_page() -> None:
    """F31; what the encoding does not know is written in UTF-8, as is every path."""
    page = markup.read('<a href="/ü?n=ü">l</a><a href="/c?n=你">c</a>')
    page.encoding = "iso-8859-1"
    assert links(page, PAGE) == ["https://a.example/%C3%BC?n=%FC", "https://a.example/c?n=%E4%BD%A0"]


def test_a_fragment_is_a_route_where_it_names_no_place() -> None:
    """F10: of an application that listens for changes of the fragment."""
    page = markup.read('<h2 id="prices">Prices</h2>')
    names = [f"{PAGE}#wedding", f"{PAGE}#prices", "https://a.example/other#wedding", PAGE]
    assert routes(names, page, PAGE) == [f"{PAGE}#wedding"]
