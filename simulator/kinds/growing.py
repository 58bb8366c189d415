"""Kinds about galleries that never show all of their photos at once, or not to someone who only scrolls."""

from simulator.kinds.kind import Kind, script
from simulator.kinds.walked import WORDS
from simulator.server import Answer

# Twelve photos, one more for each press; the button is called what the page says.
BY_PRESSES = script(
    "let at = 0; const button = document.querySelector('#more'); const add = () => {"
    " const i = new Image(); i.width = 200; i.height = 150; i.src = '/p' + ++at + '.jpg';"
    " document.querySelector('#photos').append(i); if (at === 12) button.remove(); }; button.onclick = add; add();"
)
PRESSED = [f"/p{n}.jpg" for n in range(1, 13)]
# A list of 40 rows that keeps those in the page which are in view, each in two sizes.
IN_VIEW = script(
    "const box = document.querySelector('#photos'); box.style.cssText = 'position:relative;height:12000px';"
    "const draw = () => { box.innerHTML = ''; const first = Math.max(0, Math.floor(scrollY / 300) - 1);"
    " for (let n = first; n < Math.min(40, first + Math.ceil(innerHeight / 300) + 2); n++) {"
    "  const i = new Image(); i.style.cssText = 'position:absolute;height:280px;width:380px;top:' + n * 300 + 'px';"
    "  i.sizes = '380px'; i.srcset = '/s/' + n + ' 400w, /l/' + n + ' 1600w'; box.append(i); } };"
    "addEventListener('scroll', () => requestAnimationFrame(draw)); draw();"
)
SHADOW = script(
    "customElements.define('cake-card', class extends HTMLElement { connectedCallback() {"
    " const n = this.dataset.n, root = this.attachShadow({mode: 'open'});"
    " root.innerHTML = `<picture><source sizes='300px' srcset='/s${n}.jpg 400w, /l${n}.jpg 1600w'>"
    "<img width=300 height=200 src='/s${n}.jpg'></picture>`; } })"
)
# Photos come where the end of the page comes into view, but the page does not scroll before its notice is answered.
HELD = script(
    "document.body.style.cssText = 'position:fixed;width:100%;overflow:hidden'; let at = 0;"
    "const end = document.querySelector('#end'); const seen = new IntersectionObserver(all => {"
    " if (!all.some(one => one.isIntersecting) || at >= 6) return; const i = new Image(); i.src = '/p' + ++at + '.jpg';"
    " i.width = 300; i.height = 900; document.querySelector('#photos').append(i);"
    " seen.unobserve(end); seen.observe(end); }); seen.observe(end);"
)
NOTICE = (
    '<div style="position:fixed;inset:0;background:white">We use cookies<button onclick="document.body.style.cssText'
    "='';this.parentNode.remove();fetch('/agreed')\">Accept all</button></div>"
)


def _pressed(button: str) -> Answer:
    page = f'<h1>Our cakes</h1>{WORDS}<div id="photos"></div>{button}<script src="/g.js"></script>'
    return Answer(body=page.encode())


GROWING: tuple[Kind, ...] = (
    Kind("presses", "more in another language",
         {"/": _pressed('<button id="more">Cargar más fotos</button>'), "/g.js": BY_PRESSES}, PRESSED),
    Kind("presses", "a button that says how many",
         {"/": _pressed('<div id="more" style="cursor:pointer">Another 12</div>'), "/g.js": BY_PRESSES}, PRESSED),
    Kind("presses", "a button without words",
         {"/": _pressed('<button id="more" aria-label="Unfold">+</button>'), "/g.js": BY_PRESSES}, PRESSED),
    Kind("scrolling", "a list that keeps what is in view",
         {"/": f'{WORDS}<div id="photos"></div><script src="/g.js"></script>', "/g.js": IN_VIEW},
         [f"/l/{n}" for n in range(40)]),
    Kind("scrolling", "a page that its notice holds fast",
         {"/": f'{NOTICE}<div id="photos" style="min-height:1500px"></div><div id="end">end</div>'
               '<script src="/g.js"></script>', "/g.js": HELD},
         [f"/p{n}.jpg" for n in range(1, 7)], not_asked="agreed"),
    Kind("sizes", "sizes in a shadow tree",
         {"/": f'{WORDS}<cake-card data-n="1"></cake-card><cake-card data-n="2"></cake-card>'
               '<script src="/w.js"></script>', "/w.js": SHADOW},
         ["/l1.jpg", "/l2.jpg"]),
)  # fmt: skip
