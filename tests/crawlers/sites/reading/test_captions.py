"""The text that is kept with a photo: what describes it, wherever the page writes that."""

import pytest

from crawlers.sites.discovery import candidates

PAGE = "https://a.example/g/"
THUMB = '<img src="/t.jpg" alt="">'


@pytest.mark.parametrize(
    ("page", "texts"),
    [
        (f'<figure><a href="/1.jpg">{THUMB}</a><figcaption>Three <b>tiers</b></figcaption></figure>', ["Three tiers"]),
        (f'<a href="/1.jpg" data-caption="Fruit &lt;b&gt;tart&lt;/b&gt;" title="T">{THUMB}</a>', ["Fruit tart"]),
        (f'<a href="/1.jpg" title="Fruit tart">{THUMB}</a>', ["Fruit tart"]),
        (f'<a href="/1.jpg" class="glightbox" data-title="Fruit tart">{THUMB}</a>', ["Fruit tart"]),
        (f'<li data-src="/1.jpg" data-sub-html="&lt;h4&gt;Fish &amp;amp; chips&lt;/h4&gt;">{THUMB}</li>',
         ["Fish & chips"]),
        (f'<li data-src="/1.jpg" data-sub-html="#c">{THUMB}</li><p id="c">By its name</p>', ["By its name"]),
        (f'<li data-src="/1.jpg" data-sub-html=".caption">{THUMB}</li>', [""]),
        ('<dl><dt><img src="/1.jpg" aria-describedby="no d"></dt></dl><dd id="d">Described</dd>', ["Described"]),
        (f'<div class="wp-caption">{THUMB}<p class="wp-caption-text">Fruit tart</p></div>', ["Fruit tart"]),
        ('<div style="background:url(/1.jpg)" data-title="Fruit tart"></div>', ["Fruit tart"]),
        ('<img src="/1.jpg" data-description="Fruit tart">', ["Fruit tart"]),
        ('<a href="/1.jpg" data-caption="false" data-hide-title="true"><img src="/t.jpg"></a>', [""]),
        # What an element says of its own picture comes first, on whichever of a photo's elements it stands.
        ('<figure><img src="/1.jpg" alt="Tart"><figcaption>Caption</figcaption></figure>', ["Tart"]),
        ('<a href="/1.jpg" data-caption="IMG_1">x</a><img src="/1.jpg" alt="Tart">', ["Tart"]),
        ('<a href="/1.jpg" aria-label="Open"></a><img src="/t.jpg" data-full="/1.jpg" alt="Tart">', ["Tart"]),
        # What is about several photos is about none of them.
        ('<figure><img src="/1.jpg"><img src="/2.jpg"><img src="/3.jpg"><figcaption>All</figcaption></figure>',
         ["", "", ""]),
        ('<figure><figure><img src="/1.jpg"><figcaption>One</figcaption></figure><figure><img src="/2.jpg"></figure>'
         "<figcaption>All</figcaption></figure>", ["One", ""]),
    ],
)  # fmt: skip
def test_a_photo_has_its_caption(page: str, texts: list[str]) -> None:
    assert [one.alt for one in candidates(page, PAGE)] == texts


@pytest.mark.parametrize(
    ("script", "texts"),
    [
        ('[{src:"1.jpg",title:"Lemon cake"},{src:"2.jpg"}]', ["Lemon cake", ""]),
        ('[{alt:"Pavlova",src:"1.jpg"}]', ["Pavlova"]),
        ("[{'src':'1.jpg','alt':'Carrot cake'}]", ["Carrot cake"]),
        ('{"title":"","src":"1.jpg"}', [""]),
        ('{"title":"Title","alt_text":"Alt","src":"1.jpg"}', ["Alt"]),
        ('{"src":"1.jpg","caption":"T\\u00f6rtchen &amp; <b>Kuchen<\\/b>"}', ["T\u00f6rtchen & Kuchen"]),
        ('{"id":1,"metaData":{"title":"Title","alt":"Alt","link":{"type":"none"}},"mediaUrl":"1.jpg"}', ["Alt"]),
        ('{"a":{"src":"1.jpg","title":"One"},"b":{"src":"2.jpg","title":"Two"},"src":"3.jpg"}', ["One", "Two", ""]),
        ('{"a":{"title":"One"},"b":{"title":"Two"},"src":"1.jpg"}', [""]),
        # HTML in a script: nobody knows which text is whose.
        ("""function f() { e.innerHTML = '<img src="1.jpg" alt="One"><img src="2.jpg" alt="Two">' }""", ["", ""]),
    ],
)
def test_a_photo_of_a_script_has_the_text_of_its_object(script: str, texts: list[str]) -> None:
    """Before the address or after it, one word or several, in the object or in the only one inside that has a text."""
    assert [one.alt for one in candidates(f"<script>x = {script}</script>", PAGE)] == texts


def test_a_caption_is_bounded() -> None:
    (one,) = candidates(f'<figure><img src="/1.jpg"><figcaption>{"word " * 100_000}</figcaption></figure>', PAGE)
    assert one.alt.startswith("word word")
    assert len(one.alt) <= 1_000
