"""Finds the address of a picture's original: how each website builder names its thumbnails, as data.

Time grows no faster than the address. A rule that repeats a repetition, or that tries a second beginning in what the
first one has read, grows with the square or worse; so a rule reads what it repeats without return: `++`, `*+` and
`(?>…)` never give back. tests/crawlers/sites/test_growth.py repeats every part of an address of each rule.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import parse_qsl, unquote, urlencode, urljoin, urlsplit, urlunsplit

from w3lib.url import safe_url_string

from foundation.network.addresses import MAX_URL_CHARACTERS

IMAGE_EXTENSION = re.compile(r"\.(jpe?g|png|webp|avif|gif|bmp|tiff?)$", re.IGNORECASE)


@dataclass(frozen=True)
class Platform:
    """A rule of one website builder: where `seen` matches, each of `originals` replaces it, the most original first."""

    name: str
    seen: re.Pattern[str]
    originals: tuple[str, ...]


def _rule(name: str, seen: str, *originals: str) -> Platform:
    return Platform(name, re.compile(seen, re.ASCII), originals)


EXTENSION = r"(\.(?:[jJ][pP][eE]?[gG]|[pP][nN][gG]|[wW][eE][bB][pP]|[gG][iI][fF]|[aA][vV][iI][fF]))"
END = r"(?=\?|\Z)"  # of the path

PLATFORMS: tuple[Platform, ...] = (
    _rule("wix", r"(/media/(?>[^/?]+?~mv2)[^/?]*+)/v1/(?:fill|crop|fit)/.*", r"\1"),
    _rule("godaddy", r"(?<![^?])((?>[^?]*?/isteam/ip/)(?>[^?]+?(?=/:/)))/:/.*", r"\1"),
    _rule(
        "squarespace",
        r"^(?:([^?]*+)\?(?>[^#]*?&format=(?:\d{1,5}w|original))|(?>(.*?)\?format=(?:\d{1,5}w|original)))[^#]*+\Z",
        r"\1\2?format=original",
        r"\1\2?format=2500w",
    ),
    _rule("jetpack", r"^(https?)://i[0-3]\.wp\.com/([^?]++)\?.*", r"\1://i0.wp.com/\2", r"\1://\2"),
    _rule("secure.website", rf"-w\d{{2,4}}(?:-o)?{EXTENSION}{END}", r"\1"),
    _rule(
        "shopify",
        rf"(?:_(?:\d{{1,4}}x(?:\d{{1,4}})?|x\d{{1,4}}|pico|icon|thumb|small|compact|medium|large|grande)"
        rf"(?:_crop_[a-z]{{1,20}})?(?:@[23]x)?){EXTENSION}(?:\.webp)?{END}",
        r"\1",
    ),
    _rule(
        "duda",
        rf"^(?>(.*?)//lirp\.)([^/]++)/(?>(.+?)/opt/)(?>(.+?)-\d{{2,4}}w{EXTENSION}{END})",
        r"\1//irp.\2/\3/\4\5",
    ),
    _rule("etsy", r"/il_\d{1,5}x(?:\d{1,5}|N)\.", r"/il_fullxfull."),
    _rule(
        "cloudinary",
        r"(//res\.cloudinary\.com/[^/]++/image/upload)/(?!s--)[a-z]{1,3}_[^/,]++(?:,[a-z]{1,3}_[^/,]++)*+,?/(.*)",
        r"\1/\2",
    ),
    _rule(
        "weebly",
        rf"(?<![^?])((?>[^?]*?/uploads/)[^?]+?)(?<!_orig){EXTENSION}\?\d++\Z",
        r"\1_orig\2",
        r"\1\2",
    ),
    _rule("wordpress", rf"-\d{{2,4}}x\d{{2,4}}{EXTENSION}{END}", r"\1"),
    _rule("wordpress-scaled", rf"-scaled{EXTENSION}{END}", r"\1"),
    _rule("wordpress-edited", rf"-e\d{{10,13}}{EXTENSION}{END}", r"\1"),
)
MAX_STEPS = 40  # addresses that rules make of one address; real ones have at most four
MAX_NESTED = 3  # addresses inside addresses (/_next/image?url=…)
SIZE_PARAMETERS = {
    "w",
    "h",
    "width",
    "height",
    "resize",
    "fit",
    "crop",
    "q",
    "quality",
    "auto",
    "dpr",
    "fm",
    "ssl",
    "blur",
}
SIGNATURES = {"s", "sig", "signature", "token", "expires", "x-amz-signature", "hdnea"}


NO_WEB_ADDRESS = ("data:", "javascript:", "blob:", "about:", "#")


def absolute(url: str, base: str, encoding: str = "utf-8") -> str | None:
    """The absolute http(s) address of `url` on a page; None for an empty one, another scheme, or one that is too long.

    Keeps `+` and percent-escapes as they are; encodes spaces and an IDN host. encoding: of the page; browsers write
    the query in it, and the path in UTF-8.
    """
    url = url.strip().strip("\u200b")
    if not url or url.startswith(NO_WEB_ADDRESS) or len(url) > MAX_URL_CHARACTERS:
        return None
    try:
        joined = urljoin(base, url.replace("\\", "/") if url.startswith("\\") else url)
        joined = safe_url_string(joined, _encoding_of_query(joined, encoding))
        parts = urlsplit(joined)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return None
        _ = parts.port
    except (ValueError, UnicodeError):
        return None
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", parts.query, ""))


def _encoding_of_query(url: str, encoding: str) -> str:
    """The page's encoding where the query has letters that it knows; else UTF-8."""
    query = url.partition("?")[2]
    if query.isascii() or encoding.lower().startswith("utf"):
        return "utf-8"
    try:
        query.encode(encoding)
    except (LookupError, UnicodeError):
        return "utf-8"
    return encoding


def is_too_long(url: str) -> bool:
    """Whether `url` may be an address, but has more than MAX_URL_CHARACTERS."""
    url = url.strip().strip("\u200b")
    return len(url) > MAX_URL_CHARACTERS and not url.startswith(NO_WEB_ADDRESS)


def originals(url: str, base: str = "") -> list[str]:
    """Addresses to try for the picture at `url`: the most original first, `url` itself last."""
    outer = []
    for _ in range(MAX_NESTED):
        inner = _next_image(url, base)
        if not inner or inner == url:
            break
        outer.append(url)
        url = inner
    return list(dict.fromkeys([*islice(_chain(url, frozenset()), MAX_STEPS), url, *reversed(outer)]))


def platform_of(url: str) -> str | None:
    """Name of the first platform whose rule matches `url`."""
    if "/_next/image?" in url:
        return "next.js"
    return next((platform.name for platform in PLATFORMS if platform.seen.search(url)), None)


def _chain(url: str, used: frozenset[str]) -> Iterator[str]:
    """Originals of `url`; those after more steps first.

    used: names of rules that were applied. Each rule is applied once: `-650X650-650x650` loses one suffix, not two.
    """
    for platform in PLATFORMS:
        found = None if platform.name in used else platform.seen.search(url)
        if found is None:
            continue
        for replacement in platform.originals:
            step = f"{url[: found.start()]}{found.expand(replacement)}{url[found.end() :]}"
            if step != url:
                yield from (later for later in _chain(step, used | {platform.name}) if later != url)
                yield step
    if "query" not in used and "squarespace" not in used:
        step = _without_size(url)
        if step != url:
            yield from (later for later in _chain(step, used | {"query"}) if later != url)
            yield step


def _without_size(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if not parts.query:
        return url
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    names = {name.lower() for name, _ in pairs}
    if names & SIGNATURES or not names & SIZE_PARAMETERS:
        return url
    kept = [(name, value) for name, value in pairs if name.lower() not in SIZE_PARAMETERS]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(kept), ""))


def _next_image(url: str, base: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if not parts.path.endswith("/_next/image"):
        return None
    for name, value in parse_qsl(parts.query):
        if name == "url":
            return absolute(unquote(value) if "%2F" in value else value, base or url)
    return None
