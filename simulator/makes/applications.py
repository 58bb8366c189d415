"""Sites that a script draws: with its data in the page, as a single-page application, and with hash routes."""

import json
from urllib.parse import quote

from simulator.makes.make import NAMES, WORDS, Make, icon, photos, script, text, thumb
from simulator.server import Answer

ROUTES = {"": (), "weddings": NAMES[:3], "parties": NAMES[3:]}
APPLICATION = """
const routes = %s;
const app = document.getElementById('root');
function draw(route) {
  app.replaceChildren();
  const nav = document.createElement('nav');
  nav.innerHTML = '<img src="/icon.jpg" width="32" height="32">';
  for (const name of Object.keys(routes)) {
    const a = document.createElement('a'); a.textContent = name || 'home'; a.href = '%s' + name; nav.append(a);
  }
  app.append(nav);
  for (const name of routes[route] || []) {
    const i = document.createElement('img'); i.src = ['/media', name + '.jpg'].join('/'); app.append(i);
  }
}
%s
"""
BY_PATH = """const go = () => draw(location.pathname.replace(/^\\/|\\/$/g, ''));
addEventListener('popstate', go); go();"""
BY_HASH = """const go = () => draw(location.hash.replace(/^#\\/?/, ''));
window.addEventListener('hashchange', go); go();"""
SHELL = (
    '<!doctype html><html><head><title>Cakes</title><link rel="icon" href="/icon.jpg">'
    '<script type="module" crossorigin src="/assets/index-4f3a9c.js"></script></head>'
    '<body><div id="root"></div></body></html>'
)


def next_like() -> Make:
    """Pages with their data as JSON, and pictures behind a resizer."""
    found = photos("next", "/cakes")
    data = json.dumps({"props": {"photos": [{"src": path, "alt": "cake"} for path in found]}})
    resized = {f"/_next/image?url={quote(path, safe='')}&w=640&q=75": thumb(content) for path, content in found.items()}
    images = "".join(f'<img src="{address}" alt="cake">' for address in list(resized)[:2])
    page = (
        f'<!doctype html><div id="__next"><nav><a href="/gallery">Gallery</a></nav>{images}{WORDS}</div>'
        f'<script id="__NEXT_DATA__" type="application/json">{data}</script>'
        '<script src="/_next/static/chunks/main-4f3a9c.js" defer></script>'
    )
    code = "document.documentElement.dataset.hydrated = String(document.querySelectorAll('img').length);"
    answers = {
        "/": text(page), "/gallery": text(page), "/_next/static/chunks/main-4f3a9c.js": script(code), **resized,
    }  # fmt: skip
    return Make("next", found, answers)


def _application(name: str, prefix: str, start: str, answers: dict[str, Answer]) -> Make:
    code = APPLICATION % (json.dumps({route: list(names) for route, names in ROUTES.items()}), prefix, start)
    found = photos(name, "/media")
    return Make(
        name, found, {"/": text(SHELL), "/assets/index-4f3a9c.js": script(code), "/icon.jpg": icon(), **answers}
    )


def vite() -> Make:
    """A single-page application on a host of static files: its routes answer 404, with the application."""
    missing = text(SHELL, status=404)
    return _application("vite", "/", BY_PATH, {"*": missing, "/robots.txt": text("", status=404)})


def hash_routes() -> Make:
    """A single-page application whose routes are behind `#/`."""
    return _application("hash", "#/", BY_HASH, {})
