"""What runs inside a page that the browser shows: reading it, scrolling it, pressing its buttons."""

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

# Notes whether the page listens for hash routes, and the HTML of pictures that scripts take out of it again.
LISTEN_JS = """(() => {
  const gone = new Set();
  let left = 2000000;
  Object.defineProperty(window, '__isitcakeGone', {value: gone});
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
  const add = window.addEventListener;
  window.addEventListener = function (kind, ...rest) {
    if (kind === 'hashchange') Object.defineProperty(window, '__isitcakeRouted', {value: true, configurable: true});
    return add.call(this, kind, ...rest);
  };
})()"""
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

# Presses the next button that filters, turns or unfolds; returns its name, or null. Each is pressed once, arrows more
# often. pressed: names of those that were. again: of the one that may be pressed as often as it brings something.
PRESS_JS = """([pressed, again]) => {
  const acts = new RegExp('cart|basket|\\\\bbuy|order|check.?out|log.?(in|out)|sign.?(in|up|out)|delete|remove|subscri|'
    + 'submit|accept|agree|cookie|consent|declin|allow|reject|close|dismiss|share|like|\\\\bpay|\\\\badd\\\\b|download|'
    + 'print|book|contact|send|call|mail|search|whatsapp|insta|tweet|pinterest|copy|language|mute|play', 'i');
  const kinds = ['button', '[role=tab]', '[role=button]', '[data-filter]', '[data-tab]', 'a[href="#"]',
    'a[href^="#"][onclick]', 'a:not([href])', 'a[href^="javascript:"]', 'summary', 'li[onclick]', 'span[onclick]',
    'div[onclick]'];
  const isPointed = e => e && getComputedStyle(e).cursor === 'pointer';
  const others = [...document.querySelectorAll('li, div, span')].slice(0, 2000)
    .filter(e => isPointed(e) && !isPointed(e.parentElement) && !e.closest('a, button'));
  for (const e of [...[...document.querySelectorAll(kinds.join(','))].slice(0, 500), ...others.slice(0, 100)]) {
    const words = (e.textContent || '').trim().slice(0, 60) || e.getAttribute('aria-label') || e.title;
    const text = String(words || e.className || '');
    const name = `${e.localName} ${text.slice(0, 60)}`;
    const most = /next|more|^\\s*[\u203a\u00bb\u2192>]/i.test(`${text} ${e.className}`) ? 6 : 1;
    if (text.length > 50 || (name !== again && pressed.filter(one => one === name).length >= most)) continue;
    if (acts.test(`${text} ${e.className} ${e.id}`) || !e.getClientRects().length || e.disabled) continue;
    if ((e.form && e.type === 'submit') || e.closest('dialog, [role=dialog]') || e.target === '_blank') continue;
    e.click();
    return name;
  }
  return null;
}"""
