"""Finds the address of a picture's original: how each website builder names its thumbnails, as data."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode, urljoin, urlsplit, urlunsplit

from w3lib.url import safe_url_string

IMAGE_EXTENSION = re.compile(r"\.(jpe?g|png|webp|avif|gif|bmp|tiff?)$", re.IGNORECASE)


@dataclass(frozen=True)
class Platform:
    """A rule of one website builder: where `seen` matches, each of `originals` replaces it, the most original first."""

    name: str
    seen: re.Pattern[str]
    originals: tuple[str, ...]


def _rule(name: str, seen: str, *originals: str) -> Platform:
    return Platform(name, re.compile(seen), originals)


EXTENSION = r"(\.(?:[jJ][pP][eE]?[gG]|[pP][nN][gG]|[wW][eE][bB][pP]|[gG][iI][fF]|[aA][vV][iI][fF]))"
QUERY_END = r"(\?[^#]*)?$"

PLATFORMS: tuple[Platform, ...] = (
    _rule("wix", r"(/media/[^/?]+~mv2[^/?]*)/v1/(?:fill|crop|fit)/.*$", r"\1"),
    _rule("godaddy", r"(/isteam/ip/[^?]+?)/:/.*$", r"\1"),
    _rule("squarespace", r"\?(?:[^#]*&)?format=(?:\d+w|original)[^#]*$", r"?format=original", r"?format=2500w"),
    _rule("jetpack", r"^(https?)://i[0-3]\.wp\.com/([^?]+)\?.*$", r"\1://i0.wp.com/\2", r"\1://\2"),
    _rule("secure.website", rf"-w\d{{2,4}}(?:-o)?{EXTENSION}{QUERY_END}", r"\1\2"),
    _rule(
        "shopify",
        rf"(?:_(?:\d{{1,4}}x(?:\d{{1,4}})?|x\d{{1,4}}|pico|icon|thumb|small|compact|medium|large|grande)"
        rf"(?:_crop_[a-z]+)?(?:@[23]x)?){EXTENSION}(?:\.webp)?{QUERY_END}",
        r"\1\2",
    ),
    _rule("duda", rf"//lirp\.([^/]+)/(.+?)/opt/(.+?)-\d{{2,4}}w{EXTENSION}{QUERY_END}", r"//irp.\1/\2/\3\4"),
    _rule("etsy", r"/il_\d+x(?:\d+|N)\.", r"/il_fullxfull."),
    _rule(
        "cloudinary",
        r"(//res\.cloudinary\.com/[^/]+/image/upload)/(?!s--)(?:[a-z]{1,3}_[^/,]+,?)+/(.*)$",
        r"\1/\2",
    ),
    _rule("weebly", rf"(/uploads/[^?]+?)(?<!_orig){EXTENSION}\?\d+$", r"\1_orig\2", r"\1\2"),
    _rule("wordpress", rf"-\d{{2,4}}x\d{{2,4}}{EXTENSION}{QUERY_END}", r"\1\2"),
    _rule("wordpress-scaled", rf"-scaled{EXTENSION}{QUERY_END}", r"\1\2"),
    _rule("wordpress-edited", rf"-e\d{{10,13}}{EXTENSION}{QUERY_END}", r"\1\2"),
)
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


def absolute(url: str, base: str) -> str | None:
    """The absolute http(s) address of `url` on a page; None for an empty one or another scheme.

    Keeps `+` and percent-escapes as they are; encodes spaces and an IDN host.
    """
    url = url.strip().strip("\u200b")
    if not url or url.startswith(("data:", "javascript:", "blob:", "about:", "#")):
        return None
    try:
        joined = safe_url_string(urljoin(base, url.replace("\\", "/") if url.startswith("\\") else url))
        parts = urlsplit(joined)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return None
        _ = parts.port
    except (ValueError, UnicodeError):
        return None
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", parts.query, ""))


def originals(url: str, base: str = "") -> list[str]:
    """Addresses to try for the picture at `url`: the most original first, `url` itself last."""
    inner = _next_image(url, base)
    if inner:
        return [*originals(inner, base), url]
    return list(dict.fromkeys([*_chain(url, frozenset()), url]))


def platform_of(url: str) -> str | None:
    """Name of the first platform whose rule matches `url`."""
    if "/_next/image?" in url:
        return "next.js"
    return next((platform.name for platform in PLATFORMS if platform.seen.search(url)), None)


def _chain(url: str, used: frozenset[str]) -> list[str]:
    """Originals of `url`; those after more steps first.

    used: names of rules that were applied. Each rule is applied once: `-650X650-650x650` loses one suffix, not two.
    """
    steps: list[str] = []
    for platform in PLATFORMS:
        if platform.name in used or not platform.seen.search(url):
            continue
        for replacement in platform.originals:
            step = platform.seen.sub(replacement, url, count=1)
            if step != url:
                steps += [*_chain(step, used | {platform.name}), step]
    if "query" not in used and "squarespace" not in used:
        step = _without_size(url)
        if step != url:
            steps += [*_chain(step, used | {"query"}), step]
    return [step for step in steps if step != url]


def _without_size(url: str) -> str:
    parts = urlsplit(url)
    if not parts.query:
        return url
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    names = {name.lower() for name, _ in pairs}
    if names & SIGNATURES or not names & SIZE_PARAMETERS:
        return url
    kept = [(name, value) for name, value in pairs if name.lower() not in SIZE_PARAMETERS]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(kept), ""))


def _next_image(url: str, base: str) -> str | None:
    parts = urlsplit(url)
    if not parts.path.endswith("/_next/image"):
        return None
    for name, value in parse_qsl(parts.query):
        if name == "url":
            return absolute(unquote(value) if "%2F" in value else value, base or url)
    return None
