"""What runs inside a page that the browser shows: reading it and scrolling it."""

# Names of buttons that load more: a verb and a word for more or all, in the languages that shops write.
MORE_JS = r"""
  const MORE = new RegExp('^\\W*(?:(?:load|show|view|see|get)\\b.{0,20}\\b(?:more|all)\\b|more\\b|mehr|weitere|plus de'
    + '|(?:charger|afficher|voir|montrer)\\b.{0,20}\\bplus\\b|(?:cargar|mostrar|ver|carregar)\\b.{0,20}m[aá](?:i?s)\\b'
    + '|(?:carica|mostra|vedi)\\b.{0,20}(?:altr[oie]|di più)|altri|(?:toon|laad|bekijk)\\b.{0,20}\\bmeer|meer'
    + '|(?:visa|ladda|vis|hent|last inn)\\b.{0,20}(?:fler|mere?)|(?:pokaż|załaduj|zobacz).{0,20}więcej'
    + '|(?:показать|загрузить).{0,20}ещ[её]|daha fazla|もっと|더 ?보기|(?:加载|查看|显示)更多)', 'i');
"""
SCROLL_JS = (
    "async () => {"
    + MORE_JS
    + """
  const more = [...document.querySelectorAll('button, a[role=button], a[href="#"], [class*="load-more"]')]
    .find(e => MORE.test((e.textContent || '').trim().slice(0, 60)) && e.offsetParent);
  if (more) more.click();
  for (const e of [document.documentElement, document.body]) {  // a notice that waits for an answer held it fast
    if (e && getComputedStyle(e).position === 'fixed') e.style.setProperty('position', 'static', 'important');
  }
  window.scrollTo(0, document.documentElement.scrollHeight);
  for (const e of [...document.querySelectorAll('main, section, div, ul')].slice(0, 3000)) {  // boxes that scroll
    if (e.scrollHeight <= e.clientHeight + 20 || !/auto|scroll/.test(getComputedStyle(e).overflowY)) continue;
    e.scrollTop = e.scrollHeight;
    e.dispatchEvent(new Event('scroll'));
  }
  window.dispatchEvent(new Event('scroll'));  // pages shorter than the window never fire one
}"""
)
SIZE_JS = "() => document.querySelectorAll('*').length + document.documentElement.scrollHeight"

# Once through the whole page, for what is loaded, or stands in the page at all, only where it comes into view. Two
# frames a step: one in which the page hears of it, and one in which it draws.
STEPS_JS = """async () => {
  const end = document.documentElement.scrollHeight, step = Math.max(600, end / 200);
  const frame = () => new Promise(done => { requestAnimationFrame(done); setTimeout(done, 100); });
  for (let at = 0; at < end; at += step) {
    window.scrollTo(0, at);
    await frame();
    await frame();
  }
}"""

# Notes whether the page listens for hash routes, which elements listen for clicks, which timers of a few seconds wait,
# and the HTML of pictures that scripts take out of the page again.
LISTEN_JS = """(() => {
  const note = (name, value) => Object.defineProperty(window, name, {value, configurable: true});
  const gone = new Set(), listening = new WeakSet(), timers = new Map();
  let left = 2000000;
  note('__isitcakeGone', gone);
  note('__isitcakeListening', listening);
  note('__isitcakeTimers', timers);
  new MutationObserver(changes => {
    for (const change of changes) for (const e of change.removedNodes) {
      if (left <= 0 || gone.size >= 5000) return;
      if (e.nodeType !== 1 || e.isConnected || !(e.localName === 'img' || e.querySelector('img'))) continue;
      const text = e.outerHTML;
      if (text.length > 200000 || gone.has(text)) continue;
      left -= text.length;
      gone.add(text);
    }
  }).observe(document, {childList: true, subtree: true});
  const add = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function (kind, ...rest) {
    if (kind === 'click' && this instanceof Element) listening.add(this);
    if (kind === 'hashchange' && this === window) note('__isitcakeRouted', true);
    return add.call(this, kind, ...rest);
  };
  // level: how many timers of some length led to this one; a slide show is a chain of them without end.
  const {setTimeout, clearTimeout, clearInterval} = window;
  let level = 0;
  window.setTimeout = function (act, ms, ...rest) {
    const own = level, isLong = ms >= 250;
    if (typeof act !== 'function' || !(own || isLong)) return setTimeout.call(window, act, ms, ...rest);
    const id = setTimeout.call(window, function (...values) {
      timers.delete(id);
      level = own + (isLong ? 1 : 0);
      try { return act.apply(this, values) } finally { level = 0 }
    }, ms, ...rest);
    if (isLong && ms <= 5000 && own < 2 && timers.size < 200) timers.set(id, ms);
    return id;
  };
  window.clearTimeout = id => { timers.delete(id); clearTimeout.call(window, id) };
  window.clearInterval = id => { timers.delete(id); clearInterval.call(window, id) };
})()"""
# Whether the page has a timer that may still show something, and shows few pictures or has a place without content.
WAITS_JS = """() => {
  if (!window.__isitcakeTimers || !window.__isitcakeTimers.size) return false;
  const photos = [...document.images].slice(0, 500).map(e => e.getBoundingClientRect());
  if (photos.filter(box => box.width >= 200 && box.height >= 150).length < 3) return true;
  return [...document.querySelectorAll('div[id], div[class], section, ul, main, article')].slice(0, 3000).some(e =>
    !e.childElementCount && (e.textContent || '').trim().length < 30 && e.getBoundingClientRect().width >= 200
    && /static|relative/.test(getComputedStyle(e).position) && getComputedStyle(e).backgroundImage === 'none');
}"""
ROUTED_JS = "() => Boolean(window.__isitcakeRouted || window.onhashchange)"

# Addresses of pictures with the longer side of their box, and addresses of links; shadow trees included. html: of
# pictures that are not in the HTML of the page: in shadow trees, or taken out of it.
SNAPSHOT_JS = """() => {
  const pictures = new Map(), links = new Set(), html = new Set(window.__isitcakeGone || []);
  let left = 20000, styles = 5000;
  const keep = e => {
    const whole = [e.closest('a[href]'), e.closest('picture'), e].find(one => one && one.outerHTML.length < 20000);
    if (whole && html.size < 5000) html.add(whole.outerHTML);
  };
  const show = (address, box) => {
    if (!address || pictures.size >= 5000) return;
    try { address = new URL(address, document.baseURI).href } catch { return }
    if (!/^https?:/.test(address)) return;
    pictures.set(address, Math.max(pictures.get(address) || 0, box.width, box.height));
  };
  const read = root => {
    for (const e of root.querySelectorAll('*')) {
      if (--left < 0) return;
      if (e.shadowRoot) read(e.shadowRoot);
      const name = e.localName;
      if ((name === 'a' || name === 'area') && e.href && links.size < 5000) {
        if (!/nofollow/i.test(e.rel || '') && !e.hasAttribute('download')) links.add(String(e.href.animVal || e.href));
      } else if (name === 'iframe' || name === 'frame') {
        if (e.src) links.add(e.src);
      } else if (name === 'img') {
        if (root !== document) keep(e);
        show(e.currentSrc || e.src, e.getBoundingClientRect());
      } else if (name === 'input' && e.type === 'image') {
        show(e.src, e.getBoundingClientRect());
      } else if (name === 'video' && e.poster) {
        show(e.poster, e.getBoundingClientRect());
      } else if (name === 'image' && e.href && e.href.animVal !== undefined) {
        show(e.href.animVal, e.getBoundingClientRect());
      }
      if (--styles < 0) continue;
      const style = getComputedStyle(e).backgroundImage;
      if (style && style !== 'none') {
        const box = e.getBoundingClientRect();
        for (const found of style.slice(0, 20000).matchAll(/url\\("([^"]{1,8000})"\\)/g)) show(found[1], box);
      }
    }
  };
  read(document);
  const own = [...links].filter(link => /^https?:/.test(link));
  return {pictures: [...pictures], links: own, html: [...html], base: document.baseURI};
}"""
