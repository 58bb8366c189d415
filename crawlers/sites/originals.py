"""Finds the address of a picture's original: reads the rules of crawlers.sites.reading.platforms.

Time grows no faster than the address; see there what that asks of a rule.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from w3lib.url import safe_url_string

from crawlers.sites.reading.nested import inner_address
from crawlers.sites.reading.platforms import (
    PLATFORMS,
    SERVICE_WORDS,
    SIGNATURE,
    SIZE_NUMBERS,
    SIZE_WORDS,
    SIZING_HOSTS,
)
from foundation.network.addresses import MAX_URL_CHARACTERS

IMAGE_EXTENSION = re.compile(r"\.(jpe?g|jfif|pjpe?g|png|webp|avif|gif|bmp|tiff?|hei[cf])$", re.IGNORECASE)
# The end of a path that names a file as surely as an extension: a UUID, or the digest of a file.
FILE_ID = re.compile(r"/(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32,64})\Z")
MAX_STEPS = 40  # addresses that rules make of one address; real ones have at most four
MAX_NESTED = 3  # addresses inside addresses (/_next/image?url=…)
NUMBER = re.compile(r"\d{1,5}(?:\.\d{1,3})?(?:px)?\Z", re.ASCII)
NUMBERS = re.compile(r"\d{1,5}(?:(?:,|x|%2[cC])\d{1,5})?\Z", re.ASCII)
GENERAL_QUERY, TIED_QUERY = "query:size", "query"
# What a server writes anew into the address of a picture for each view: a signature, its end, a moment.
OF_ONE_VIEW = re.compile(
    r"x-(?:amz|goog)-.{1,40}|sig(?:nature)?|expires?|key-pair-id|policy|oh|oe|_nc_\w{1,20}", re.IGNORECASE
)
MOMENT = re.compile(r"1[0-9]{9}(?:[0-9]{3})?")  # seconds or milliseconds since 1970
NO_WEB_ADDRESS = ("data:", "javascript:", "blob:", "about:", "#")


@dataclass(frozen=True)
class Guess:
    """What rules make of an address. rules: their names, in turn. is_tied: whether all belong to the platform.

    An address that stands inside another one is tied too: the page names it.
    """

    url: str
    rules: tuple[str, ...]
    is_tied: bool


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


def without_view(url: str) -> str:
    """The address of a picture without what changes from view to view: its name, which may lead nowhere."""
    head, mark, query = url.partition("?")
    if not mark or not IMAGE_EXTENSION.search(head):
        return url
    pairs = [pair.partition("=") for pair in query.split("&")]
    kept = "&".join(
        "".join(pair) for pair in pairs if not OF_ONE_VIEW.fullmatch(pair[0]) and not MOMENT.fullmatch(pair[2])
    )
    return f"{head}?{kept}" if kept else head


def originals(url: str, base: str = "") -> list[str]:
    """Addresses to try for the picture at `url`: the most original first, `url` itself last."""
    return [*(guess.url for guess in guesses(url, base)), url]


def guesses(url: str, base: str = "") -> list[Guess]:
    """What rules make of `url`, the most original first; it is not among them."""
    outer: list[Guess] = []
    inside: tuple[str, ...] = ()
    seen = url
    for _ in range(MAX_NESTED):
        found = inner_address(url)
        inner = absolute(found, base or url) if found else None
        if not inner or inner == url:
            break
        inside = (*inside, "inside")
        url = inner
        outer.append(Guess(url, inside, True))
    chain = [
        Guess(step.url, (*inside, *step.rules), step.is_tied)
        for step in islice(_chain(Guess(url, (), True)), MAX_STEPS)
    ]
    found_steps: dict[str, Guess] = {}
    for guess in (*chain, *reversed(outer)):
        found_steps.setdefault(guess.url, guess)
    found_steps.pop(seen, None)
    return list(found_steps.values())


def is_proven(guess: Guess, proven: frozenset[str] | set[str]) -> bool:
    """Whether a guess holds for its host: by its platform, or by what pages of the host showed."""
    if guess.is_tied:
        return True
    host = urlsplit(guess.url).netloc
    return all(f"{name} {host}" in proven for name in guess.rules if name in GENERAL_RULES)


def platform_of(url: str) -> str | None:
    """Name of the first platform whose rule matches `url`."""
    if "/_next/image" in url:
        return "next.js"
    return next((platform.name.partition(":")[0] for platform in PLATFORMS if platform.find(url)), None)


def _chain(start: Guess) -> Iterator[Guess]:
    """Originals of an address; those after more steps first.

    Each rule is applied once: `-650X650-650x650` loses one suffix, not two.
    """
    url = start.url
    for platform in PLATFORMS:
        found = None if platform.name in start.rules else platform.find(url)
        if found is None:
            continue
        for replacement in platform.originals:
            step = f"{url[: found.start()]}{found.expand(replacement)}{url[found.end() :]}"
            if step != url:
                is_tied = start.is_tied and platform.is_tied
                yield from _with_later(Guess(step, (*start.rules, platform.name), is_tied), url)
    if not {GENERAL_QUERY, TIED_QUERY, "squarespace"} & set(start.rules):
        step, is_tied = _without_size(url)
        if step != url:
            name = TIED_QUERY if is_tied else GENERAL_QUERY
            yield from _with_later(Guess(step, (*start.rules, name), start.is_tied and is_tied), url)


def _with_later(step: Guess, url: str) -> Iterator[Guess]:
    yield from (later for later in _chain(step) if later.url != url)
    yield step


def _without_size(url: str) -> tuple[str, bool]:
    """The address without the parameters that make a size, and whether its host is known for them.

    On any other host, only numbers count, and only those of a file or its id: `/image?h=ab12` and `?w=41` may name the
    photo.
    """
    head, mark, query = url.partition("?")
    if not mark or not query:
        return url, False
    pairs = query.split("&")
    names = [unquote(pair.partition("=")[0]).lower() for pair in pairs]
    if any(name == "s" or SIGNATURE.fullmatch(name) for name in names):
        return url, False
    is_known = SIZING_HOSTS.search(url) is not None
    if is_known:
        sized = [name in SIZE_NUMBERS or name in SIZE_WORDS or name in SERVICE_WORDS for name in names]
    elif not IMAGE_EXTENSION.search(head) and not FILE_ID.search(head):
        return url, False
    else:
        values = [pair.partition("=")[2] for pair in pairs]
        numbers = [
            (name in SIZE_NUMBERS and NUMBER.match(value) is not None)
            or (name in ("resize", "fit", "crop") and NUMBERS.match(value) is not None)
            for name, value in zip(names, values, strict=True)
        ]
        sized = [number or name in SIZE_WORDS for number, name in zip(numbers, names, strict=True)]
        if not any(numbers):
            return url, False
    if not any(sized):
        return url, is_known
    kept = "&".join(pair for pair, is_size in zip(pairs, sized, strict=True) if not is_size)
    return (f"{head}?{kept}" if kept else head), is_known


GENERAL_RULES = {platform.name for platform in PLATFORMS if not platform.is_tied} | {GENERAL_QUERY}
