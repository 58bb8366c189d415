"""Reads a page: where it links to, and whether scripts fill it.

Functions of the page alone: no network, no Scrapy. `html` is a page's text, or what crawlers.markup.read made of it.
Each of them goes over the page once; what they leave unread because a limit is reached, they note in Document.limits.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import accumulate, islice
from urllib.parse import urldefrag, urlencode, urlsplit

from crawlers import markup
from crawlers.markup import Document, Element
from crawlers.sites.discovery import embedded_photos
from crawlers.sites.originals import IMAGE_EXTENSION, absolute
from crawlers.sites.reading.scanner import base_of
from crawlers.sites.walking.actions import is_action, is_binary
from crawlers.sites.walking.calendars import DATE
from crawlers.sites.walking.hosts import HASH_ROUTE, site_host
from crawlers.sites.walking.templates import has_script

MAX_LINKS = 20_000  # of one page; a crawl reads 1,000 pages
MAX_FORM_PAGES = 40  # that the choices of one form lead to
MAX_FORM_FIELDS = 200  # of one form
MAX_HANDLER_CHARS = 5_000  # of an onclick that is looked at
MAX_SCRIPT_CHARS = 200_000  # of a script whose HTML is looked at for links
GROWING_SCRIPT = re.compile(  # adds photos when one scrolls or presses a button
    r"IntersectionObserver|infinite.?scroll|load.?more|addEventListener\(\s*[\"']scroll|onscroll", re.IGNORECASE
)
MORE_BUTTON = re.compile(r"^\s*(load|show|view|see) more\b", re.IGNORECASE)
MIN_EMBEDDED_PHOTOS = 3  # with so many in its JSON, a page needs no browser
MORE_BUTTON_PARTS, MORE_BUTTON_CHARS = 20, 200  # text nodes of a button, and characters of each, that are looked at
MIN_WORDS = 30  # a page without images and with fewer words is filled by scripts
CONTAINERS = ("main", "section", "div", "ul")
GALLERY_CONTAINER = re.compile(r"\b(gallery|portfolio|grid|feed|root|app|__next|masonry|products)\b", re.IGNORECASE)
NEXT_PARTS = 5  # text nodes of a link that are looked at
ARROWS = r"[\s\u00ab\u00bb\u2039\u203a\u2190-\u21ff<>.-]{0,10}"
NEXT_PAGE = re.compile(  # a teaser's `weiter` is not among them: its address tells
    rf"{ARROWS}(?:next(?: page)?|n\u00e4chste(?: seite)?|(?:page )?suivante?|(?:p\u00e1gina )?siguiente"
    r"|volgende(?: pagina)?|(?:pagina )?successiv[ao]|pr\u00f3xima(?: p\u00e1gina)?|n\u00e4sta(?: sida)?"
    rf"|nast\u0119pna(?: strona)?|seuraava){ARROWS}",
    re.IGNORECASE,
)
DIGITS = re.compile(r"[0-9]{1,9}")
SECOND = re.compile(
    r"[-_]?2(?=\.\w{1,5}\Z|/?\Z)"
)  # of a series whose first page has no number: gallery.htm, gallery2.htm
PAGE_NUMBER = re.compile(
    r"(?:/page)?/\d{1,4}/?(?=$|\?)|(?<=[?&])(?:page|p|paged|offset|start|pg)=\d{1,5}&?", re.IGNORECASE
)
ASSIGNED_PLACE = re.compile(  # in an onclick or a javascript: address
    r"(?:location(?:\.href)?\s{0,20}=|location\.(?:assign|replace)\s{0,20}\(|window\.open\s{0,20}\(|navigate\s{0,20}\()"
    r"\s{0,20}[\"']([^\"']{1,2000})[\"']"
)
SCRIPTED_HREF = re.compile(r"\bhref\s{0,20}=\s{0,20}\\?[\"']([^\"'\\<>\s{}$+]{1,500})\\?[\"']", re.IGNORECASE)
PLACE = re.compile(r"(?:https?:)?//|/|\.{1,2}/|\?|[\w%./-]{1,300}\.(?:html?|php\d?|aspx?)(?=$|[?#])", re.IGNORECASE)
OPENED_PLACE = (
    re.compile(  # what a function of the site opens: popup('cake.htm'), MM_openBrWindow('show.php?pic=2','x')
        r"(?:open|pop_?up|window|fenster|show|view|zoom|enlarge|goto|go_?to|navigate)[\w$]{0,40}\s{0,5}\(\s{0,5}"
        r"[\"']([\w%./~-]{1,300}\.(?:html?|php\d?|aspx?|jsp|cfm)(?:\?[^\"'\s<>]{0,500})?)[\"']",
        re.IGNORECASE,
    )
)
MAY_CHANGE = re.compile(  # somebody's data; a function of a site may ask before it goes there
    r"del|remov|vote|rat(?:e|ing)|add|cart|buy|order|bestell|log|sign|send|mail|edit|save|sub|confirm|like|book|print|insert|update",
    re.IGNORECASE,
)
CLICKS = ("onclick", "ondblclick", "onmousedown")
REFRESH = re.compile(
    r"\s{0,20}[\d.]{0,10}\s{0,20}[;,]\s{0,20}url\s{0,20}=\s{0,20}[\"']?([^\"']{1,2000})", re.IGNORECASE
)
# Choices that show the same pictures in another way.
SAME_PICTURES = re.compile(
    r"(?:order|sort)(?:[-_]?by|ing)?|dir|direction|limit|per[-_]?page|page[-_]?size|view|mode|currency|lang|language|locale"
    r"|country",
    re.IGNORECASE,
)
NO_CHOICE_TYPES = ("text", "search", "email", "password", "file", "tel", "url", "number", "date")
# Attributes that name a page, by element: what stands in a frame belongs to the page as its links do.
ADDRESS_ATTRIBUTES = {
    "a": "href", "area": "href", "iframe": "src", "frame": "src", "embed": "src", "object": "data",
}  # fmt: skip
PICTURES = ("img", "amp-img", "source", "picture", "video")
FRAMES = ("iframe", "frame", "embed", "object")
LAZY_FRAME = ("data-src", "data-lazy-src", "data-litespeed-src", "data-lazyload-src", "data-url")
ROW_ATTRIBUTES = ("data-href", "data-link")  # of rows and tiles that a script makes a link


def links(html: str | Document, page_url: str) -> list[str]:
    """Pages of the same host that this page leads to, in reading order, once each.

    Links, maps, frames, `rel=next`, forms with choices, lists of addresses, and scripts that set the location. Left out
    is what the page marks `nofollow`, what acts, and what is no page.
    """
    document = markup.read(html)
    base = base_of(document, page_url)
    host = site_host(page_url)
    is_scripted = has_script(document)
    twins = {  # the page itself, for other readers
        absolute(link.attributes.get("href", ""), base)
        for link in document.named("link")
        if "amphtml" in link.attributes.get("rel", "").lower().split()
    }
    pages: dict[str, None] = {}
    for number, value in enumerate(_places(document)):
        if number >= MAX_LINKS:
            document.note(f"more than {MAX_LINKS:,} links")
            break
        address, _, fragment = value.strip().partition("#")
        is_route = is_scripted and HASH_ROUTE.match(fragment) is not None
        url = absolute(address or (base if is_route else ""), base, document.encoding)
        if url and site_host(url) == host and is_page(url) and url not in twins:
            pages[f"{url}#{fragment}" if is_route else url] = None
    return list(pages)


def frames(document: Document, page_url: str) -> set[str]:
    """Pages that this page shows in frames."""
    base = base_of(document, page_url)
    named = (_address(element) for element in document.named(*FRAMES))
    return {url for value in islice(named, MAX_LINKS) if (url := absolute(value, base, document.encoding))}


def following(document: Document, page_url: str) -> set[str]:
    """Pages that this page calls the next of its series, however their addresses are made."""
    base = base_of(document, page_url)
    named = (
        element.attributes.get("href", "") for element in document.named("a", "link") if _is_next(document, element)
    )
    return {url for value in islice(named, MAX_LINKS) if (url := absolute(value, base, document.encoding))}


def _is_next(document: Document, element: Element) -> bool:
    """Whether a link is called the next page: by its relation, its label or its text."""
    if "next" in element.attributes.get("rel", "").lower().split():
        return True
    if element.name != "a":
        return False
    texts = document.texts[element.first_text : min(element.end_text, element.first_text + NEXT_PARTS)]
    said = (" ".join(text[:MORE_BUTTON_CHARS] for _, text in texts), element.attributes.get("aria-label", "")[:100])
    return any(NEXT_PAGE.fullmatch(" ".join(text.split())) for text in said)


def links_in_scripts(texts: Iterable[str], page_url: str) -> list[str]:
    """Pages of the site that stand in the HTML of its scripts: for a page whose scripts cannot run."""
    values = (value for text in texts for value in SCRIPTED_HREF.findall(text))
    found = (absolute(value, page_url) for value in islice(values, MAX_LINKS))
    host = site_host(page_url)
    return list(dict.fromkeys(url for url in found if url and site_host(url) == host and is_page(url)))


def routes(names: "list[str] | tuple[str, ...]", document: Document, page_url: str) -> list[str]:
    """Hash routes without a slash (`#wedding`), of an application that listens for them.

    names: addresses of the page's links, absolute. A fragment that names a place of the page is no route.
    """
    places = {
        element.attributes[key] for element in document.elements for key in ("id", "name") if key in element.attributes
    }
    here = urldefrag(page_url)[0]
    found = (urldefrag(name) for name in names)
    return list(dict.fromkeys(f"{url}#{part}" for url, part in found if part and part not in places and url == here))


def is_page(url: str) -> bool:
    """Whether an address may be one of a page that a crawl reads."""
    return not IMAGE_EXTENSION.search(urlsplit(url).path) and not is_binary(url) and not is_action(url)


def _places(document: Document) -> Iterator[str]:
    """Addresses as they are written, in reading order; those of scripts last."""
    for element in document.elements:
        attributes = element.attributes
        if _is_closed(element):
            continue
        if element.name in ADDRESS_ATTRIBUTES:
            yield _address(element)
        elif element.name == "link" and {"next", "prev"} & set(attributes.get("rel", "").lower().split()):
            yield attributes.get("href", "")
        elif element.name == "option" and PLACE.match(value := attributes.get("value", "").strip()):
            yield value
        elif element.name == "form":
            yield from _form_pages(document, element)
        elif element.name == "meta" and attributes.get("http-equiv", "").strip().lower() == "refresh":
            yield from REFRESH.findall(attributes.get("content", "")[:MAX_HANDLER_CHARS])[:1]
        for key, value in attributes.items():
            if key.startswith("on") or value[:11].lower() == "javascript:":
                yield from ASSIGNED_PLACE.findall(value[:MAX_HANDLER_CHARS])
                if key in CLICKS or not key.startswith("on"):
                    opened = OPENED_PLACE.findall(value[:MAX_HANDLER_CHARS])
                    yield from (place for place in opened if not MAY_CHANGE.search(place))
            elif key in ROW_ATTRIBUTES and element.name not in PICTURES and PLACE.match(value):
                yield value
    for script, text in document.texts_in("script"):
        if "json" not in script.attributes.get("type", "") and len(text) <= MAX_SCRIPT_CHARS:
            yield from SCRIPTED_HREF.findall(text)


def _address(element: Element) -> str:
    """Where an element leads; of a frame that a script loads late, what its `src` will be."""
    address = element.attributes.get(ADDRESS_ATTRIBUTES[element.name], "")
    if element.name == "iframe" and (not address.strip() or address.startswith("about:")):
        return next((value for name in LAZY_FRAME if (value := element.attributes.get(name, ""))), address)
    return address


def _is_closed(element: Element) -> bool:
    """Whether the page asks not to follow an element, or offers it for saving."""
    attributes = element.attributes
    return "nofollow" in attributes.get("rel", "").lower().split() or "download" in attributes


def _form_pages(document: Document, form: Element) -> Iterator[str]:
    """Where the choices of a form lead that asks by GET: one page for each choice, the other fields as they stand."""
    if form.attributes.get("method", "get").strip().lower() not in ("", "get"):
        return
    fixed: dict[str, str] = {}
    choices: list[tuple[str, str]] = []
    asks_for_words = False
    for element in islice(document.elements[form.index + 1 : form.end], MAX_FORM_FIELDS):
        attributes = element.attributes
        name, value, kind = (attributes.get(key, "") for key in ("name", "value", "type"))
        if element.name == "textarea" or (element.name == "input" and kind.lower() in NO_CHOICE_TYPES and not value):
            if kind.lower() in ("password", "file", "email"):
                return
            asks_for_words = True
        elif element.name == "option":
            if value and not PLACE.match(value) and (owner := _select_of(element)):
                choices.append((owner, value))
        elif name and (element.name == "button" or kind.lower() in ("submit", "radio", "checkbox")):
            choices.append((name, value or "on"))
        elif name and element.name == "input":
            fixed[name] = value
    action = form.attributes.get("action", "").partition("#")[0].partition("?")[0] or "?"
    choices = [choice for choice in dict.fromkeys(choices) if not SAME_PICTURES.fullmatch(choice[0])]
    for name, value in choices[:MAX_FORM_PAGES] or ([("", "")] if fixed and not asks_for_words else []):
        query = urlencode({**fixed, **({name: value} if name else {})})
        yield f"{action.rstrip('?')}?{query}"


def _select_of(option: Element) -> str:
    """Name of the <select> that an <option> is in."""
    parent = option.parent
    while parent is not None and parent.name == "optgroup":
        parent = parent.parent
    return parent.attributes.get("name", "") if parent is not None and parent.name == "select" else ""


def same_series(url: str, page_url: str) -> bool:
    """Whether two addresses are pages of one numbered series, such as /gallery and /gallery/2, ?page=2 and ?page=3.

    In any parameter or name, a number that is one higher than that of the page makes the next page of a series.
    """
    return _is_one_higher(url, page_url) or PAGE_NUMBER.sub("", url).rstrip("/?") == PAGE_NUMBER.sub(
        "", page_url
    ).rstrip("/?")


def _is_one_higher(url: str, page_url: str) -> bool:
    if DIGITS.sub("0", url) != DIGITS.sub("0", page_url):
        path = urlsplit(url)
        return not path.query and SECOND.sub("", url) == page_url.rstrip("/")
    pairs = zip(DIGITS.findall(url), DIGITS.findall(page_url), strict=True)
    if DATE.search(url):  # the months of a calendar never end
        return False
    differing = [(int(number), int(here)) for number, here in pairs if number != here]
    return len(differing) == 1 and differing[0][0] == differing[0][1] + 1


def grows(document: Document) -> bool:
    """Whether a page adds photos when one scrolls or presses a button."""
    if not _has_code(document):
        return False
    scripts = document.texts_in("script")
    return any(
        GROWING_SCRIPT.search(text) for script, text in scripts if "json" not in script.attributes.get("type", "")
    ) or any(map(MORE_BUTTON.search, _button_texts(document)))


def is_shell(document: Document) -> bool:
    """Whether a page is empty until scripts fill it. One whose embedded JSON names its photos is not."""
    if not _has_code(document):
        return False
    if embedded_photos(document, MIN_EMBEDDED_PHOTOS) >= MIN_EMBEDDED_PHOTOS:
        return False
    if _has_empty_gallery(document):
        return True
    return not document.named("img") and _words(document, MIN_WORDS) < MIN_WORDS


def _has_code(document: Document) -> bool:
    return not all("json" in script.attributes.get("type", "") for script in document.named("script"))


def _button_texts(document: Document) -> Iterator[str]:
    """How the text of each button begins."""
    for element in document.elements:
        if element.name == "button" or (element.name == "a" and element.attributes.get("href") == "#"):
            last = min(element.end_text, element.first_text + MORE_BUTTON_PARTS)
            yield " ".join(text[:MORE_BUTTON_CHARS] for _, text in document.texts[element.first_text : last])


def _has_empty_gallery(document: Document) -> bool:
    """Whether an element that is called a gallery has no image, no link and no text inside."""
    elements = document.elements
    filled = list(accumulate((element.name in ("img", "a") for element in elements), initial=0))
    return any(
        filled[element.end] == filled[element.index + 1]
        and element.first_text == element.end_text
        and GALLERY_CONTAINER.search(f"{element.attributes.get('id', '')} {element.attributes.get('class', '')}")
        for element in document.named(*CONTAINERS)
    )


def _words(document: Document, enough: int) -> int:
    """How many words the body shows; counting stops when there are enough."""
    body = next(iter(document.named("body")), None)
    words = 0
    for owner, text in document.texts[body.first_text : body.end_text] if body else ():
        if owner.name not in ("script", "style"):
            words += len(text.split(None, enough)[:enough])
            if words >= enough:
                break
    return words
