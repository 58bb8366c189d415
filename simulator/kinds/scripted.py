"""Kinds about what scripts do: galleries, menus, applications, and libraries that do not come."""

from simulator.kinds.kind import Kind, script
from simulator.kinds.walked import WORDS
from simulator.server import Answer

HERO = f'<h1>Our cakes</h1><img src="/hero.jpg">{WORDS}'
DRAW = (
    "const box = document.querySelector('#photos'); for (let n = 1; n < 5; n++) {"
    " const i = document.createElement('img'); i.src = '/p' + n + '.jpg'; box.append(i); }"
)
PHOTOS = [f"/p{n}.jpg" for n in range(1, 5)]
# A single-page application: each route is drawn by one script.
ROUTES = (
    "const names = {'': [], wedding: [1, 2], birthday: [3, 4]};"
    "function draw(route) { const app = document.getElementById('app'); app.innerHTML = '';"
    " for (const n of names[route] || []) { const i = document.createElement('img'); i.src = '/p' + n + '.jpg';"
    "  app.append(i); } %s }"
)
LINKED = "for (const r of ['wedding', 'birthday']) app.insertAdjacentHTML('beforeend', `<a href=\"%s${r}\">${r}</a>`);"
SHELL = '<!doctype html><div id="app"></div><script type="module" src="/app.js"></script>'
MISSING_SHELL = Answer(404, SHELL.encode())


def _application(prefix: str, read: str, event: str) -> Answer:
    code = ROUTES % (LINKED % prefix)
    return script(f"{code}; const go = () => draw({read}); addEventListener('{event}', go); go();")


BUTTONS = script(
    "const show = t => { const box = document.querySelector('#photos'); box.innerHTML = '';"
    " for (const n of {all: [1], wedding: [2, 3], kids: [4]}[t]) { const i = new Image(); i.src = '/p' + n + '.jpg';"
    "  box.append(i); } }; show('all');"
    "for (const b of document.querySelectorAll('[data-kind]')) b.onclick = () => show(b.dataset.kind);"
)

IN_A_BOX = script(
    "const box = document.querySelector('#photos'); let n = 0;"
    "const add = () => { if (n >= 4) return; const i = new Image(); i.style.display = 'block';"
    " i.src = '/p' + ++n + '.jpg'; box.append(i); };"
    "box.addEventListener('scroll', () => { if (box.scrollTop + 800 > box.scrollHeight) add(); }); add();"
)
WITH_JQUERY = script(
    "jQuery(function ($) { $('#photos').html('<a href=\"/list.html\">list</a>');"
    " $.each(['/cake1.jpg', '/cake2.jpg'], (_, p) => $('#photos').append('<img src=' + p + '>')); });"
)
BY_BUTTONS = (
    '<button onclick="go(`wedding`)">Wedding</button><button onclick="go(`kids`)">Kids</button><script>'
    'function go(r) { history.pushState(0, "", "/" + r); dispatchEvent(new Event("popstate")) }</script>'
)
KIDS = script(
    ROUTES % "" + "names.kids = [3, 4]; const show = () => draw(location.pathname.slice(1));"
    " addEventListener('popstate', show); show();"
)
# A page whose scripts add nothing; a picture that failed would be replaced.
TEMPLATE = (
    f'<a href="#top">top</a><img src="/p@.jpg" onerror="this.src=\'/fallback.jpg\'">{WORDS}<div class="map"></div>'
    '<script src="/s.js"></script>'
)

SCRIPTED: tuple[Kind, ...] = (
    Kind("F7", "photos by an inline script", {"/": f'{HERO}<div id="photos"></div><script>{DRAW}</script>'},
         ["/hero.jpg", *PHOTOS]),
    Kind("F7", "photos by a script file", {"/": f'{HERO}<div id="photos">Loading</div><script src="/g.js"></script>',
                                          "/g.js": script(f"document.querySelector('#photos').textContent=''; {DRAW}")},
         ["/hero.jpg", *PHOTOS]),
    Kind("F7", "photos written by document.write",
         {"/": f"{HERO}<script>for (let n = 1; n < 5; n++) document.write('<im' + 'g src=/p' + n + '.jpg>')</script>"},
         ["/hero.jpg", *PHOTOS]),
    Kind(
        "F7", "photos of a custom element",
        {"/": f'{HERO}<cake-wall count="4"></cake-wall><script src="/wall.js"></script>',
         "/wall.js": script("customElements.define('cake-wall', class extends HTMLElement { connectedCallback() {"
                            " const root = this.attachShadow({mode: 'open'}); for (let n = 1; n <= 4; n++)"
                            " root.innerHTML += `<img src=/p${n}.jpg><a href=/more.html>more</a>`; } })"),
         "/more.html": WORDS + '<img src="/p5.jpg">'},
        ["/hero.jpg", *PHOTOS, "/p5.jpg"],
    ),
    Kind(
        "F7", "photos that wait for each other",
        {"/": f'{HERO}<div id="photos"></div><script>let n = 1; const box = document.querySelector("#photos");'
              "const add = () => { const i = new Image(); i.onload = () => { box.append(i); if (++n < 5) add(); };"
              " i.onerror = () => box.remove(); i.src = '/p' + n + '.jpg'; }; add();</script>"},
        ["/hero.jpg", *PHOTOS],
    ),
    Kind(
        "F8", "a menu by a script file",
        {"/": f'<header id="h"></header><script src="/nav.js"></script>{HERO}',
         "/nav.js": script("document.getElementById('h').innerHTML = ['a', 'b'].map(p => "
                           "'<a hr' + 'ef=\"/' + p + '.html\">' + p + '</a>').join('')"),
         "/a.html": '<img src="/p1.jpg">' + WORDS, "/b.html": '<img src="/p2.jpg">' + WORDS},
        ["/hero.jpg", "/p1.jpg", "/p2.jpg"],
    ),
    Kind(
        "F9", "routes that answer 404 with the application",
        {"/": SHELL, "*": MISSING_SHELL,
         "/app.js": _application("/", "location.pathname.slice(1)", "popstate")},
        PHOTOS,
    ),
    Kind("F10", "hash routes",
         {"/": SHELL, "/app.js": _application("#/", "location.hash.slice(2)", "hashchange")}, PHOTOS),
    Kind("F10", "hash routes without a slash",
         {"/": SHELL, "/app.js": _application("#", "location.hash.slice(1)", "hashchange")}, PHOTOS),
    Kind(
        "filters", "photos behind filter buttons",
        {"/": f'{HERO}<button data-kind="wedding">Wedding</button>'
              '<div style="cursor:pointer" data-kind="kids">Kids</div>'
              '<button onclick="fetch(\'/cart/add\', {method: \'POST\'})">Add to cart</button>'
              '<div id="photos"></div><script src="/b.js"></script>', "/b.js": BUTTONS},
        ["/hero.jpg", *PHOTOS], not_asked="cart",
    ),
    Kind(
        "routes", "pages behind buttons",
        {"/": f"{BY_BUTTONS}{SHELL}", "*": MISSING_SHELL, "/app.js": KIDS},
        PHOTOS,
    ),
    Kind(
        "routes", "a page that goes on by a script",
        {"/": "<script>location.replace('/en/home.html')</script>",
         "/en/home.html": f'<div id="photos"></div><a href="more.html">more</a><script>{DRAW}</script>',
         "/en/more.html": WORDS + '<img src="/p5.jpg">'},
        [*PHOTOS, "/p5.jpg"],
    ),
    Kind(
        "templates", "one rendering of a template",
        {"/": "".join(f'<a href="/t{n}">{n}</a>' for n in range(12)) + TEMPLATE.replace("@", "0"),
         **{f"/t{n}": TEMPLATE.replace("@", str(n)) for n in range(12)},
         "/s.js": script("console.log(document.title)")},
        [f"/p{n}.jpg" for n in range(12)], at_most=15,
    ),
    Kind(
        "templates", "every page of a template that scripts fill",
        {"/": "".join(f'<a href="/t{n}">{n}</a>' for n in range(6)) + WORDS,
         **{f"/t{n}": f'{WORDS}<div id="photos" data-n="{n}"></div><script src="/s.js"></script>' for n in range(6)},
         "/s.js": script("const box = document.querySelector('#photos'); const i = new Image();"
                         " i.src = '/p' + box.dataset.n + '.jpg'; box.append(i);")},
        [f"/p{n}.jpg" for n in range(6)],
    ),
    Kind(
        "scrolling", "a box that scrolls",
        {"/": f'{HERO}<div id="photos" style="height:400px;overflow-y:auto"></div><script src="/s.js"></script>',
         "/s.js": IN_A_BOX},
        ["/hero.jpg", *PHOTOS],
    ),
    Kind(
        "CDN", "libraries of a host that does not answer",
        {"/": f'<script src="{{silent}}/jquery.js"></script><link rel="stylesheet" href="{{silent}}/style.css">{HERO}'
              f'<div id="photos"></div><script src="/g.js"></script>', "/g.js": script(DRAW)},
        ["/hero.jpg", *PHOTOS],
    ),
    Kind(
        "CDN", "scripts that need such a library",
        {"/": f'<script src="{{silent}}/jquery.js"></script>{HERO}<div id="photos"></div><script src="/g.js"></script>',
         "/g.js": WITH_JQUERY,
         "/list.html": WORDS + '<img src="/p3.jpg">'},
        ["/hero.jpg", "/cake1.jpg", "/cake2.jpg", "/p3.jpg"],
    ),
    Kind(
        "health", "a host that carries no picture",
        {"/": f'{WORDS}<div id="photos"></div><script src="{{silent}}/font.js"></script><script>{DRAW}</script>'},
        PHOTOS,
    ),
)  # fmt: skip
