"""Kinds about what a page shows to visitors who move, wait and press, and to nobody else."""

from simulator.kinds.kind import Kind, script
from simulator.kinds.walked import WORDS
from simulator.server import Answer

SMALL = [f"/t{n}.jpg" for n in range(5)]
LARGE = [f"/p{n}.jpg" for n in range(5)]
THUMBNAILS = "".join(f'<img class="th" width=300 height=200 data-n="{n}" src="/t{n}.jpg">' for n in range(5))
SHOW = "const show = n => { document.querySelector('#large').innerHTML = `<img src='/p${n}.jpg'>` };"
# The dialog opens once, and again when it is closed; nothing else counts until then.
DIALOG = script(
    "const box = document.querySelector('#box'); let open = false;"
    "const close = () => { open = false; box.style.display = 'none' };"
    "document.querySelectorAll('.th').forEach(b => b.addEventListener('click', async () => {"
    " if (open) return; open = true; const found = await (await fetch('/photo?n=' + b.dataset.n)).json();"
    " box.style.display = 'block'; box.querySelector('p').innerHTML = `<img src='${found.url}'>` }));"
    "box.querySelector('.x').onclick = close;"
    "document.querySelectorAll('.tools > *').forEach(e => e.onclick = () => fetch(e.dataset.to));"
)
IN_DIALOG = (
    '<div class="tools"><button data-to="/sent?1"><svg class="icon-cart" width=20 height=20></svg></button>'
    '<button data-to="/sent?2" aria-label="Add to wish list">+</button>'
    '<img data-to="/sent?3" id="heart" width=80 height=80 style="cursor:pointer" src="/t0.jpg">'
    '<button data-to="/cart/add?id=4" style="width:90px">ok</button></div>'
    + "".join(
        f'<button type="button" class="th" data-n="{n}"><img width=300 height=200 src="/t{n}.jpg"></button>'
        for n in range(5)
    )
    + '<div id="box" style="display:none;position:fixed;inset:0;background:white"><p></p>'
    '<button class="x" style="position:absolute;top:0">\u00d7</button></div><script src="/g.js"></script>'
)
LIGHTBOX = (
    '<div id="box" role="dialog" style="display:none;position:fixed;inset:0"><img width=600 height=400>'
    '<a class="lb-next" href=""></a></div><script>let n = -1; const box = document.querySelector("#box");'
    "const turn = () => { n = (n + 1) % 5; box.querySelector('img').src = `/p${n}.jpg` };"
    "document.querySelector('.open').onclick = () => { box.style.display = 'block'; turn() };"
    "document.querySelector('.lb-next').addEventListener('click', e => { e.preventDefault(); turn() });"
    "document.addEventListener('keydown', e => { if (e.key === 'Escape') box.style.display = 'none' });</script>"
    "<style>.lb-next { position: absolute; width: 80px; height: 80px }</style>"
)
COUNTED = "".join(f'<button class="th"><img width=300 height=200 src="/t{n}.jpg"></button>' for n in range(5)) + (
    '<span id="n"></span><script>document.querySelectorAll(".th").forEach((b, n) => b.onclick = async () => {'
    ' document.querySelector("#n").textContent = (await (await fetch("/seen?" + n)).json()).seen })</script>'
)
TILES = "".join(
    f'<div class="tile" data-n="{n}" style="cursor:pointer;width:300px;height:200px;background:url(/t{n}.jpg)"></div>'
    for n in range(5)
)
ADD = (
    "const add = list => { document.querySelector('#photos').innerHTML ="
    " list.map(n => `<img src='/p${n}.jpg'>`).join('') };"
)
LINKED = script(
    f"{ADD} document.querySelector('.tabs').addEventListener('click', async e => {{ const a = e.target.closest('a');"
    " if (a) add(await (await fetch('/part?' + a.hash.slice(1))).json()) });"
)
CHOSEN = script(f"{ADD} document.querySelector('select').addEventListener('change', e => add([e.target.value]));")
REACHED = script(
    f"{ADD} let last = 0; const more = document.querySelector('.turn'); more.addEventListener('click', () => {{"
    " if (last < 4) add([...Array(++last + 1).keys()]); more.textContent = `${last + 1} of 5` });"
)
STYLED = script(f"{ADD} document.querySelectorAll('button').forEach((b, n) => b.onclick = () => add([n, n + 1]));")
DELAYED = (
    f'<img src="/p0.jpg">{WORDS}<div id="photos"></div><script type="delayed" data-from="/g.js"></script><script>'
    "const kinds = ['keydown', 'mousemove', 'touchstart', 'wheel']; const go = () => {"
    " kinds.forEach(kind => removeEventListener(kind, go)); const s = document.createElement('script');"
    " s.src = document.querySelector('[data-from]').dataset.from; document.body.append(s) };"
    "kinds.forEach(kind => addEventListener(kind, go, {passive: true}));</script>"
)
LATE = "const list = [1, 2, 3, 4]; setTimeout(() => add(list), 3500); const id = setTimeout(() => add([0]), 3000);"
TURNED = "const turn = () => setTimeout(turn, 1000); turn(); clearTimeout(id);"
FETCHED = (
    "(async () => { for (let n = 0; n < 3; n++) { const i = new Image();"
    " i.src = URL.createObjectURL(await (await fetch('/photo?n=' + n)).blob()); photos.append(i) } })()"
)


def _page(body: str) -> Answer:
    return Answer(body=f"<!doctype html><h1>Our cakes</h1>{WORDS}{body}".encode())


def _json(text: str) -> Answer:
    return Answer(body=text.encode(), content_type="application/json")


PRESSED: tuple[Kind, ...] = (
    Kind("presses", "large photos at the click on a picture",
         {"/": _page(f'<style>.th {{ cursor: zoom-in }}</style>{THUMBNAILS}<div id="large"></div><script>{SHOW}'
                     'document.querySelectorAll(".th").forEach(i => i.addEventListener("click", () =>'
                     " show(i.dataset.n)))</script>")},
         [*SMALL, *LARGE]),
    Kind("presses", "large photos by one listener for all pictures",
         {"/": _page(f'<div class="all">{THUMBNAILS}</div><div id="large"></div><script>{SHOW}'
                     'document.querySelector(".all").addEventListener("click", e => show(e.target.dataset.n))'
                     "</script>")},
         [*SMALL, *LARGE]),
    Kind("presses", "a dialog behind buttons without words",
         {"/": _page(IN_DIALOG), "/g.js": DIALOG,
          **{f"/photo?n={n}": _json(f'{{"url": "/p{n}.jpg"}}') for n in range(5)}},
         [*SMALL, *LARGE], not_asked="sent|cart"),
    Kind("presses", "a dialog that shows one photo after the other",
         {"/": _page(f'<style>.open {{ cursor: pointer }}</style><img class="open" width=300 height=200 src="/t0.jpg">'
                     f"{LIGHTBOX}")},
         ["/t0.jpg", *LARGE]),
    Kind("presses", "buttons that show nothing",
         {"/": _page(COUNTED), "/seen": _json('{"seen": 1}')}, SMALL, at_most=4),
    Kind("presses", "tiles that are no pictures",
         {"/": _page(f'{TILES}<div id="large"></div><script>{SHOW}document.querySelectorAll(".tile").forEach('
                     'e => e.addEventListener("click", () => show(e.dataset.n)))</script>')},
         [*SMALL, *LARGE]),
    Kind("presses", "buttons with a border",
         {"/": _page('<button class="border display-flex">Weddings</button>'
                     '<button class="border display-flex">Design inspiration</button><div id="photos"></div>'
                     '<script src="/g.js"></script>'), "/g.js": STYLED},
         LARGE[:3]),
    Kind("tabs", "links to places that a script fills",
         {"/": _page('<nav class="tabs"><a href="#weddings">Weddings</a><a href="#kids">Kids</a></nav>'
                     '<div id="photos"></div><script src="/g.js"></script>'), "/g.js": LINKED,
          "/part?weddings": _json("[0, 1]"), "/part?kids": _json("[2, 3]")},
         LARGE[:4]),
    Kind("tabs", "a list to choose from",
         {"/": _page('<select><option value=0>A<option value=1>B<option value=2>C</select><select id="language">'
                     '<option>en<option>de</select><div id="photos"></div><script src="/g.js"></script>'),
          "/g.js": CHOSEN},
         LARGE[1:3]),
    Kind("tabs", "what only the keyboard reaches",
         {"/": _page('<div><div class="turn" tabindex="0">1 of 5</div></div><div id="photos"></div>'
                     '<script src="/g.js"></script>'), "/g.js": REACHED},
         LARGE),
    Kind("scripts", "that wait for a visitor to move",
         {"/": DELAYED, "/g.js": script(f"fetch('/list').then(r => r.json()).then(list => {{ {ADD} add(list) }})"),
          "/list": _json("[1, 2, 3, 4]")},
         LARGE),
    Kind("scripts", "that show photos after some seconds",
         {"/": _page(f'<div id="photos"></div><script>{ADD}{LATE}{TURNED}</script>')}, LARGE[1:]),
    Kind("scripts", "that ask for pictures as data",
         {"/": _page(f'<div id="photos"></div><script>{FETCHED}</script>')},
         [f"/photo?n={n}" for n in range(3)], at_most=2),
)  # fmt: skip
