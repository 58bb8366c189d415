"""How each website builder shows a picture: its HTML, its addresses, its resized variants.

A platform writes the HTML of a picture, and reads an address back into (file name, width, blurred).
"""

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from simulator.world import Picture

PLACEHOLDER = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


@dataclass(frozen=True)
class Variant:
    """The file that an address names. width: in pixels; None for the original."""

    file: str
    width: int | None = None
    blurred: bool = False


@dataclass(frozen=True)
class Platform:
    """A website builder.

    original: path of a picture's own bytes. markup: its HTML. read: the Variant that a path and a query name.
    by_script: whether a script adds the pictures to the page.
    """

    name: str
    original: Callable[[Picture], str]
    markup: Callable[[Picture], str]
    read: Callable[[str, str], Variant | None]
    by_script: bool = False


def file_name(picture: Picture) -> str:
    return picture.slug + picture.suffix


def _alt(picture: Picture) -> str:
    return html.escape(picture.slug.replace("-", " "))


def _wordpress_original(picture: Picture) -> str:
    return f"/wp-content/uploads/2024/05/{file_name(picture)}"


def _wordpress(picture: Picture) -> str:
    base, suffix = _wordpress_original(picture).removesuffix(picture.suffix), picture.suffix
    sizes = ", ".join(f"{base}-{w}x{w * 3 // 4}{suffix} {w}w" for w in (300, 768))
    small = f"{base}-300x225{suffix}"
    return (
        f'<figure><img class="lazyload" src="{PLACEHOLDER}" data-src="{small}" data-srcset="{sizes}" '
        f'alt="{_alt(picture)}">'
        f'<noscript><img src="{small}" srcset="{sizes}" alt="{_alt(picture)}"></noscript></figure>'
    )


def _wordpress_read(path: str, query: str) -> Variant | None:  # noqa: ARG001
    match = re.fullmatch(r"/wp-content/uploads/2024/05/(.+?)(?:-(\d+)x\d+)?(\.\w+)", path)
    return Variant(match[1] + match[3], int(match[2]) if match[2] else None) if match else None


def _wix_original(picture: Picture) -> str:
    return f"/media/{picture.slug}~mv2{picture.suffix}"


def _wix(picture: Picture) -> str:
    crop = "w_147,h_110,al_c,q_80,usm_0.66_1.00_0.01,blur_2,enc_auto"
    blurred = f"{_wix_original(picture)}/v1/fill/{crop}/{file_name(picture)}"
    return f'<wow-image><img src="{blurred}" alt="{_alt(picture)}" width="147" height="110"></wow-image>'


def _wix_read(path: str, query: str) -> Variant | None:  # noqa: ARG001
    match = re.fullmatch(r"/media/(.+?)~mv2(\.\w+)(?:/v1/(?:fill|crop|fit)/w_(\d+)([^/]*)/[^/]+)?", path)
    if not match:
        return None
    return Variant(match[1] + match[2], int(match[3]) if match[3] else None, "blur_" in (match[4] or ""))


def _squarespace_original(picture: Picture) -> str:
    return f"/content/v1/5f0c/{picture.slug}/{file_name(picture)}"


def _squarespace(picture: Picture) -> str:
    base = _squarespace_original(picture)
    return (
        f'<div class="sqs-image"><img data-src="{base}" data-image="{base}" src="{base}?format=100w" '
        f'srcset="{base}?format=300w 300w, {base}?format=750w 750w" alt="{_alt(picture)}"></div>'
    )


def _squarespace_read(path: str, query: str) -> Variant | None:
    match = re.fullmatch(r"/content/v1/5f0c/[^/]+/([^/]+)", path)
    width = re.search(r"format=(\d+)w", query)
    if not match:
        return None
    return Variant(match[1], int(width[1]) if width and int(width[1]) < 2500 else None)


def _shopify_original(picture: Picture) -> str:
    return f"/cdn/shop/files/{file_name(picture)}?v=1699000000"


def _shopify(picture: Picture) -> str:
    base = f"/cdn/shop/files/{picture.slug}"
    return (
        f'<div class="media"><img src="{base}_300x{picture.suffix}?v=1699000000" '
        f'srcset="{base}_300x{picture.suffix}?v=1699000000 300w, {base}_600x{picture.suffix}?v=1699000000 600w" '
        f'alt="{_alt(picture)}" loading="lazy"></div>'
    )


def _shopify_read(path: str, query: str) -> Variant | None:
    match = re.fullmatch(r"/cdn/shop/files/(.+?)(?:_(\d+)x\d*)?(\.\w+)", path)
    width = (match and match[2]) or (re.search(r"width=(\d+)", query) or [None, None])[1]
    return Variant(match[1] + match[3], int(width) if width else None) if match else None


def _script_original(picture: Picture) -> str:
    return f"/uploads/{file_name(picture)}"


def _script(picture: Picture) -> str:
    return f'<img src="{_script_original(picture)}?w=480" alt="{_alt(picture)}">'


def _script_read(path: str, query: str) -> Variant | None:
    match = re.fullmatch(r"/uploads/([^/]+)", path)
    width = re.search(r"\bw=(\d+)", query)
    return Variant(match[1], int(width[1]) if width else None) if match else None


def _styled(picture: Picture) -> str:
    style = f"background-image: url('{_script_original(picture)}')"
    return f'<div class="tile" style="{style}" title="{_alt(picture)}"></div>'


PLATFORMS = {
    platform.name: platform
    for platform in (
        Platform("wordpress", _wordpress_original, _wordpress, _wordpress_read),
        Platform("wix", _wix_original, _wix, _wix_read),
        Platform("squarespace", _squarespace_original, _squarespace, _squarespace_read),
        Platform("shopify", _shopify_original, _shopify, _shopify_read),
        Platform("script", _script_original, _script, _script_read, by_script=True),
        Platform("styles", _script_original, _styled, _script_read),
    )
}

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font-family:serif;max-width:60rem;margin:auto}}img{{max-width:16rem}}
.tile{{width:16rem;height:12rem;background-size:cover}}</style>
</head><body><header>{logo}<h1>{title}</h1>
<nav><a href="/">Home</a> <a href="/gallery">Gallery</a> <a href="/about">About</a></nav></header>
<main>{main}</main>
<footer>Baked with care. <a href="https://social.example/{title}">Follow us</a></footer>
{script}</body></html>"""

SCROLLING = """<script>
let next = 1, busy = false;
async function more() {
  if (busy || next === null) return;
  busy = true;
  const part = await (await fetch('/api/photos?page=' + next)).json();
  for (const photo of part.photos) {
    const image = document.createElement('img');
    image.alt = photo.alt; image.style.minHeight = '12rem'; image.src = photo.src;
    document.getElementById('gallery').appendChild(image);
  }
  next = part.next; busy = false;
  if (document.body.scrollHeight <= window.innerHeight) more();
}
window.addEventListener('scroll', () => {
  if (window.scrollY + window.innerHeight > document.body.scrollHeight - 300) more();
});
more();
</script>"""


def page(title: str, logo: str, main: str, script: str = "") -> str:
    return PAGE.format(title=html.escape(title), logo=logo, main=main, script=script)


def scroll_part(pictures: list[Picture], number: int, size: int) -> str:
    """The JSON that the scrolling page requests. number: of the part, from 1. size: pictures in a part."""
    part = pictures[(number - 1) * size : number * size]
    return json.dumps(
        {
            "photos": [{"src": f"{_script_original(p)}?w=480", "alt": p.slug.replace("-", " ")} for p in part],
            "next": number + 1 if number * size < len(pictures) else None,
        }
    )
