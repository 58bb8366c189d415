"""Sites whose pages the server writes: by hand, with Bootstrap, with three gallery libraries, with a page builder."""

import html
import json

from simulator.makes.make import NAMES, WORDS, Make, icon, photos, script, text, thumb
from simulator.server import Answer

HEAD = '<!doctype html><meta charset="utf-8"><link rel="icon" href="/icon.jpg">'
NAV = (
    '<nav><img src="/icon.jpg" alt="logo"><a href="/">Home</a> <a href="/gallery">Gallery</a> <a href="/about">Us</a>'
    "</nav>"
)
# What a gallery library does once it is loaded: it opens a full photo when somebody presses a thumbnail.
LIGHTBOX = script(
    "document.addEventListener('click', e => { const a = e.target.closest('[data-src], [data-pswp-src], a[href$=jpg]');"
    " if (!a) return; e.preventDefault(); const full = document.createElement('img');"
    " full.src = a.dataset.src || a.dataset.pswpSrc || a.href; document.body.append(full); });"
)


def _with_thumbs(make: str, folder: str, small: str) -> tuple[dict[str, bytes], dict[str, Answer]]:
    found = photos(make, folder)
    return found, {f"{small}/{path.rpartition('/')[2]}": thumb(content) for path, content in found.items()}


def _frame(gallery: str, scripts: str = "") -> dict[str, Answer]:
    return {
        "/": text(f"{HEAD}{NAV}<h1>Cakes</h1>{WORDS}{scripts}"),
        "/about": text(f"{HEAD}{NAV}{WORDS}{scripts}"),
        "/gallery": text(f"{HEAD}{NAV}<h1>Gallery</h1>{gallery}{WORDS}{scripts}"),
        "/icon.jpg": icon(),
        "/lightbox.js": LIGHTBOX,
    }


def plain() -> Make:
    """Tables, and links from thumbnails to photos, as written by hand."""
    found, thumbs = _with_thumbs("plain", "/pics", "/pics/small")
    cells = "".join(f'<td><a href="pics/{n}.jpg"><img src="pics/small/{n}.jpg" width="240"></a>' for n in NAMES[:3])
    rest = "".join(f"<td><img src=pics/{n}.jpg border=0>" for n in NAMES[3:])
    return Make("plain", found, {**_frame(f"<table><tr>{cells}<tr>{rest}</table>"), **thumbs})


def bootstrap() -> Make:
    """Cards and a carousel; the library comes as a file of the site."""
    found = photos("bootstrap", "/assets/img")
    slides = "".join(f'<div class="carousel-item"><img class="d-block w-100" src="/assets/img/{n}.jpg"></div>'
                     for n in NAMES[:3])  # fmt: skip
    cards = "".join(f'<div class="card"><img class="card-img-top" loading="lazy" src="/assets/img/{n}.jpg"></div>'
                    for n in NAMES[3:])  # fmt: skip
    carousel = (
        f'<div id="c" class="carousel slide" data-bs-ride="carousel"><div class="carousel-inner">{slides}</div></div>'
    )
    scripts = '<script src="/assets/bootstrap.bundle.min.js"></script>'
    answers = _frame(f'{carousel}<div class="row">{cards}</div>', scripts)
    answers["/assets/bootstrap.bundle.min.js"] = script(
        "for (const c of document.querySelectorAll('.carousel-item')) c.style.display = 'block';"
    )
    return Make("bootstrap", found, answers)


def lightgallery() -> Make:
    """A list whose items name the photo, with the thumbnail inside."""
    found, thumbs = _with_thumbs("lightgallery", "/full", "/thumbs")
    items = "".join(f'<li data-src="/full/{n}.jpg" data-sub-html="{n}"><img src="/thumbs/{n}.jpg"></li>' for n in NAMES)
    gallery = f'<ul id="lightgallery">{items}</ul>'
    return Make("lightgallery", found, {**_frame(gallery, '<script src="/lightbox.js"></script>'), **thumbs})


def photoswipe() -> Make:
    """Links with the photo's size, and some whose photo is in an attribute."""
    found, thumbs = _with_thumbs("photoswipe", "/large", "/small")
    links = "".join(
        f'<a href="/large/{n}.jpg" data-pswp-width="1600" data-pswp-height="1200"><img src="/small/{n}.jpg"></a>'
        for n in NAMES[:3]
    )
    links += "".join(
        f'<a href="#" data-pswp-src="/large/{n}.jpg" data-pswp-width="1600"><img src="/small/{n}.jpg"></a>'
        for n in NAMES[3:]
    )
    gallery = f'<div class="pswp-gallery">{links}</div>'
    return Make(
        "photoswipe", found, {**_frame(gallery, '<script type="module" src="/lightbox.js"></script>'), **thumbs}
    )


def fancybox() -> Make:
    """Links that carry the photo in data-src, in groups."""
    found, thumbs = _with_thumbs("fancybox", "/photos", "/photos/thumb")
    links = "".join(
        f'<a data-fancybox="cakes" data-src="/photos/{n}.jpg" data-caption="{n}"><img src="/photos/thumb/{n}.jpg"></a>'
        for n in NAMES
    )
    return Make("fancybox", found, {**_frame(f"<div>{links}</div>", '<script src="/lightbox.js"></script>'), **thumbs})


def builder() -> Make:
    """A page builder: a background slideshow in JSON, backgrounds in styles, lazy images."""
    found = photos("builder", "/wp-content/uploads/2024/05")
    addresses = list(found)
    shown = [{"id": n, "url": f"{{host}}{path}"} for n, path in enumerate(addresses[:2])]
    settings = html.escape(json.dumps({"background_background": "slideshow", "background_slideshow_gallery": shown}))
    section = f'<section class="elementor-section" data-settings="{settings}"></section>'.replace("{host}", "")
    styles = f'<style>.elementor-element-3f2 {{ background-image: url("{addresses[2]}") }}</style>'
    lazy = "".join(
        f'<div class="elementor-widget-image"><img class="lazyload" src="data:image/gif;base64,R0lGODlhAQABAAAAACw="'
        f' data-src="{path}"></div>' for path in addresses[3:]
    )  # fmt: skip
    answers = _frame(
        f'{styles}{section}<div class="elementor-element-3f2">{WORDS}</div>{lazy}',
        '<script src="/frontend.js"></script>',
    )
    answers["/frontend.js"] = script(
        "for (const s of document.querySelectorAll('[data-settings]'))"
        " for (const p of JSON.parse(s.dataset.settings).background_slideshow_gallery || []) {"
        "  const d = document.createElement('div'); d.style.cssText = `height:300px;background-image:url(${p.url})`;"
        "  s.append(d); }"
        "for (const i of document.querySelectorAll('img[data-src]')) i.src = i.dataset.src;"
    )
    return Make("builder", found, answers)


def frames() -> Make:
    """A frameset with a menu, and a page with a frame inside."""
    found = photos("frames", "/bilder")
    first = "".join(f'<img src="bilder/{n}.jpg">' for n in NAMES[:3])
    second = "".join(f'<img src="bilder/{n}.jpg">' for n in NAMES[3:])
    return Make(
        "frames",
        found,
        {
            "/": text('<frameset cols="200,*"><frame src="menu.htm"><frame name="main" src="start.htm"></frameset>'),
            "/menu.htm": text('<img src="icon.jpg"><a href="cakes.htm" target="main">Cakes</a>'),
            "/start.htm": text(WORDS),
            "/cakes.htm": text(f'{first}<iframe src="more.htm"></iframe>'),
            "/more.htm": text(second),
            "/icon.jpg": icon(),
        },
    )
