"""How pages write addresses: attributes, srcset, CSS, JSON. Pure functions, linear in their input.

A regular expression here never tries again what it has read: its repetitions are bounded or possessive, and what
starts inside a run that another start has read is not read twice.
"""

import json
import re
from collections import deque
from collections.abc import Iterator
from typing import Any

from crawlers.sites.originals import IMAGE_EXTENSION

SET_ATTRIBUTES = ("srcset", "data-srcset", "data-lazy-srcset", "data-bgset", "imagesrcset")
CSS_START = re.compile(r"url\(\s*+", re.IGNORECASE)
CSS_END = re.compile(r"\s*+\)")
CSS_BARE_END = re.compile(r"[)\s]")
# At most 8 characters before, 600 of an address and 301 after its extension. Real ones have less than 500.
QUOTED = re.compile(r"[\"']((?:https?:)?\\?/[^\"'<>\s]{4,930}+)[\"']", re.IGNORECASE)
QUOTED_START = re.compile(r"((?:https?:)?\\?/)(\\?/)?", re.IGNORECASE)
QUOTED_EXTENSION = re.compile(r"\.(?:jpe?g|png|webp|avif)(?=[?/]|\Z)", re.IGNORECASE)
QUOTED_CHARS = range(3, 601)  # between the first or second slash and the extension
QUOTED_TAIL_CHARS = 301  # from the `?` or `/` after the extension
# One run of blanks, a number, its unit. A width of more than seven digits is not the width of a picture.
DESCRIPTOR = re.compile(r"(?<!\s)\s++([0-9]{1,7}+(?:\.[0-9]{1,7}+)?)([wx])\s*+(?:,\s*+|\Z)")
WIDTH = re.compile(r"\s([0-9]{2,5})w\s*+(?:,|\Z)")
WIDTH_IN_NAME = re.compile(r"-([0-9]{2,4})x[0-9]{2,4}\.\w{3,4}")
X_IN_PIXELS = 1000  # `2x` ranks like a width of 2,000 pixels


def values(attributes: dict[str, str]) -> list[str]:
    """Attributes of an <img> that may hold addresses: srcset and its variants first, then data-*, then src."""
    names = sorted(
        (name for name in attributes if name == "src" or name in SET_ATTRIBUTES or name.startswith("data-")),
        key=lambda name: (name not in SET_ATTRIBUTES, name == "src"),
    )
    return [attributes[name] for name in names if attributes[name]]


def addresses(value: str) -> list[str]:
    """Addresses in an attribute, as they are written: one, a srcset (largest first), or JSON with addresses inside."""
    value = value.strip()
    if not value or value.startswith("data:"):
        return []
    if value[0] in "{[":
        return json_images(value)
    entries = srcset(value)
    if entries:
        return [address for address, _ in sorted(entries, key=lambda entry: -entry[1])]
    looks_like_image = IMAGE_EXTENSION.search(value.split("?", 1)[0]) is not None
    return [value] if looks_like_image or ("/" in value and " " not in value) else []


def css_urls(text: str) -> Iterator[str]:
    """What stands in each `url(…)` of a style: in quotes, or bare up to the bracket."""
    at = 0
    bare_end = 0  # where a bare address ends that started before; what starts inside it ends there too
    while found := CSS_START.search(text, at):
        start = at = found.end()
        quote = text[start : start + 1]
        if quote and quote in "\"'":
            end = text.find(quote, start + 1)
            if end > start + 1 and (closing := CSS_END.match(text, end + 1)):
                yield text[start + 1 : end]
                at = closing.end()
                continue
        if start >= bare_end:
            stop = CSS_BARE_END.search(text, start)
            bare_end = stop.start() if stop else len(text)
            closing = CSS_END.match(text, bare_end)
            if closing and bare_end > start:
                yield text[start:bare_end]
                at = closing.end()


def srcset(value: str) -> list[tuple[str, float]]:
    """Addresses of a srcset with their widths in pixels (of `2x`: 2000); empty where `value` is no srcset."""
    entries = []
    start = 0
    for found in DESCRIPTOR.finditer(value):
        before = value[start : found.start()]
        address = before[before.rfind("\n") + 1 :].strip().lstrip(", ")
        if address:
            entries.append((address, float(found[1]) * (1 if found[2] == "w" else X_IN_PIXELS)))
        start = found.end()
    return entries


def named_width(value: str) -> int:
    """The largest width in pixels in a srcset or a name like `-1024x768.jpg`; 0 for none. Ratios (2x) give none."""
    widths = [int(width) for width in WIDTH.findall(value)]
    widths += [int(width) for width in WIDTH_IN_NAME.findall(value)]
    return max(widths, default=0)


def quoted_images(text: str) -> Iterator[str]:
    """Addresses of pictures between quotes, in JSON or in a script: from a slash or a scheme to an image's name."""
    at = 0
    while found := QUOTED.search(text, at):
        is_image = _names_an_image(found[1])
        at = found.end() if is_image else found.end() - 1  # its last quote may open the next
        if is_image:
            yield found[1]


def _names_an_image(address: str) -> bool:
    start = QUOTED_START.match(address)
    ends = {start.end(), start.end(1)} if start else ()
    return any(
        len(address) - found.end() <= QUOTED_TAIL_CHARS and any(found.start() - end in QUOTED_CHARS for end in ends)
        for found in QUOTED_EXTENSION.finditer(address)
    )


def linked_data(text: str) -> Iterator[tuple[str, str]]:
    """Addresses and captions in schema.org's JSON: `image`, and the contentUrl of an ImageObject."""
    try:
        waiting: deque[Any] = deque([json.loads(text)])
    except (ValueError, RecursionError):
        return
    while waiting:
        node = waiting.popleft()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            is_image = _is_image(node.get("@type"))
            named = node.get("image")
            values = [value for value in (named if isinstance(named, list) else [named]) if isinstance(value, str)]
            if is_image:
                addresses = (node.get(key) for key in ("contentUrl", "url"))
                values += [value for value in addresses if isinstance(value, str) and value][:1]
            caption = node.get("caption") or node.get("name") if is_image else ""
            for value in values:
                yield value, caption if isinstance(caption, str) else ""
            waiting.extend(value for key, value in node.items() if isinstance(value, dict | list) and key != "logo")


def _is_image(kind: Any) -> bool:
    kinds = kind if isinstance(kind, list) else [kind]
    return any(isinstance(one, str) and "ImageObject" in one for one in kinds)


def json_images(value: str) -> list[str]:
    """Addresses of pictures in JSON that an attribute holds; empty where it is no JSON."""
    try:
        return list(quoted_images(json.dumps(json.loads(value))))
    except (ValueError, RecursionError):
        return []
