"""What runs inside a page that the browser shows: pressing what turns, filters, unfolds or enlarges."""

# Words of what must not be pressed. Those of one list stand anywhere, those of the other begin a word.
ACTS_JS = r"""
  const ACTS = new RegExp('cart|basket|check.?out|delete|remove|subscri|submit|cookie|consent|share|dismiss|download'
    + '|whatsapp|facebook|insta|tweet|pinterest|wish.?list|favou?rite|add.?to|upload|newsletter|e.?mail'
    + '|(?<![a-z])(?:buy|(?:pre.?)?order|log.?(?:in|out)(?![a-z])|sign.?(?:in|up|out)(?![a-z])|accept|agree|declin'
    + '|allow|reject|close|like|pay|add(?![a-z])|print|book|contact|send|call|mail|search|copy|language|mute|play'
    + '|wish|compare|vote|rate(?![a-z])|rating|report|kaufen|warenkorb|merkz|anfrag)', 'i');
  const KEEPS = new RegExp('(?<![a-z])(?:lang|locale|curren|countr|qty|quant|menge|anzahl|sort|per.?page|month|year'
    + '|date|time|size|colou?r|variant)', 'i');
  const NEXT = /next|more|^\s*[\u203a\u00bb\u2192>]/i;
  const TURNS = /next|forward|arrow.?right|weiter|suivant|siguiente|avanti|volgende|[\u203a\u00bb\u2192>]/i;
  const SHUTS = /close|schlie|ferm|cerrar|chiud|sluit|luk|stäng|zamk|закр|^[x\u00d7\u2715\u2716\u2a2f]$/i;
  const split = text => String(text || '').replace(/([a-z])([A-Z])/g, '$1 $2');
  const named = e => [e.getAttribute('class'), e.id, e.title, e.name, e.getAttribute('aria-label'),
    e.getAttribute('data-action'), e.getAttribute('onclick')].map(split).join(' ');
  // What lies over the middle of the page: a dialog, a large picture; no notice that waits for an answer.
  const cover = () => {
    const over = fixed();
    return over && /cookie|consent|privacy|datenschutz|gdpr|rgpd/i.test((over.textContent || '').slice(0, 5000))
      ? null : over;
  };
  const fixed = () => {
    for (let e = document.elementFromPoint(innerWidth / 2, innerHeight / 2); e && e !== document.body;
        e = e.parentElement) {
      const box = e.getBoundingClientRect(), isDialog = e.matches('dialog, [role=dialog]');
      if (!isDialog && getComputedStyle(e).position !== 'fixed') continue;
      if (box.width * box.height >= innerWidth * innerHeight / 4) return e;
    }
    return null;
  };
"""

# Presses the next thing; returns [name, whether it is one of the uncertain kinds], or null; ['', false] where a dialog
# that a press opened must be closed first. brought: what the last press brought, null before the first one.
# Each thing is pressed once; arrows six times, and what brings pictures again, if it shows no picture of its own.
# Things of one look that show pictures, or of an uncertain kind, are left when presses in a row bring nothing.
PRESS_JS = (
    "([brought, isSure]) => {"
    + ACTS_JS
    + r"""
  const page = window.__isitcakePresses || {times: new WeakMap(), places: new Map(), looks: new Map(), last: null,
    under: cover(), turns: 0};
  if (!window.__isitcakePresses) Object.defineProperty(window, '__isitcakePresses', {value: page});
  const last = page.last;
  if (last) page.looks.set(last.look, brought ? 0 : (page.looks.get(last.look) || 0) + 1);
  const isAgain = (target, key) => brought && last && (target === last.target || key === last.key);
  const isPointed = e => e && /^(?:pointer|zoom-in)$/.test(getComputedStyle(e).cursor);
  const listens = (e, steps) => {
    for (; e && e !== document.body && e !== document.documentElement && steps >= 0; e = e.parentElement, steps--)
      if (e.onclick || (window.__isitcakeListening && window.__isitcakeListening.has(e))) return true;
    return false;
  };
  const isLarge = e => { const box = e.getBoundingClientRect(); return box.width >= 60 && box.height >= 60 };
  const pictures = e => (e.localName === 'img' ? [e] : [...e.querySelectorAll('img')].slice(0, 20)).filter(isLarge);
  const isPainted = e => isLarge(e) && getComputedStyle(e).backgroundImage.includes('url(');
  const place = e => {
    const parts = [];
    for (; e && e.parentElement; e = e.parentElement)
      parts.push(`${e.localName}${[...e.parentElement.children].indexOf(e)}`);
    return parts.join(' ');
  };
  const first = e => String((e && e.getAttribute('class')) || '').trim().split(/\s+/)[0].replace(/\d+/g, '');
  const kin = e => `${e.localName}.${first(e)} in ${e.parentElement && e.parentElement.localName}.`
    + first(e.parentElement);
  const press = (target, name, look, key, isWeak) => {
    page.times.set(target, (page.times.get(target) || 0) + 1);
    page.places.set(key, (page.places.get(key) || 0) + 1);
    page.last = {look, key, target};
    target.click();
    return [name, isWeak];
  };

  const over = cover();
  if (over && over !== page.under && last) {  // a press opened it: turn its pages, then close it
    const arrow = [...over.querySelectorAll('button, [role=button], a, div, span')].slice(0, 300).find(e =>
      TURNS.test(`${(e.textContent || '').trim().slice(0, 20)} ${named(e)}`) && e.getClientRects().length
      && !e.querySelector('img[src], form') && !e.closest('form') && !ACTS.test(named(e).replace(/close/gi, ''))
      && /^(?:#|javascript:|$)/.test(e.getAttribute('href') || '')
      && (isPointed(e) || listens(e, 0) || e.localName === 'button'));
    if (arrow && pictures(over).length && page.turns < 2 && !arrow.disabled) {
      page.turns = last.look === 'turn' && brought ? 0 : page.turns + 1;
      return press(arrow, 'turn', 'turn', 'turn', true);
    }
    page.last = null;
    return ['', false];
  }

  const sure = ['button', '[role=tab]', '[role=button]', '[data-filter]', '[data-tab]', 'a[href="#"]',
    'a[href^="#"][onclick]', 'a:not([href])', 'a[href^="javascript:"]', 'summary', 'li[onclick]', 'span[onclick]',
    'div[onclick]', 'input[type=button]'];
  const all = [...document.querySelectorAll('li, div, span, figure, article, picture, td, p, h2, h3, h4, label')];
  const pointed = all.slice(0, 2000).filter(e => isPointed(e) && !isPointed(e.parentElement)
    && !e.closest('a, button, label')).slice(0, 100);
  const photos = [...document.images].slice(0, 2000).filter(e => isLarge(e) && !e.closest('a[href], button, label')
    && (isPointed(e) || listens(e, 4)));
  const leadsBelow = e => Boolean(e.hash && document.getElementById(e.hash.slice(1)));
  const leads = window.__isitcakeRouted || window.onhashchange ? []
    : [...document.querySelectorAll('a[href^="#"]')].slice(0, 200).filter(e => e.hash.length > 1
      && (listens(e, 4) || !leadsBelow(e))
      && !/^#(?:top|content|main|skip)/i.test(e.hash));
  const hearing = all.slice(0, 2000).filter(e => listens(e, 0) && !e.closest('a[href], button, label')).slice(0, 200);
  const reached = [...document.querySelectorAll('[tabindex="0"]')].slice(0, 200)
    .filter(e => !e.closest('a[href], button, label, select, input, textarea'));
  const weak = new Set([...photos, ...leads, ...hearing, ...reached]);
  const kinds = isSure ? [...[...document.querySelectorAll(sure.join(','))].slice(0, 500), ...pointed] : [];
  for (const e of kinds) weak.delete(e);

  for (const e of [...kinds, ...weak]) {
    const isWeak = weak.has(e), own = pictures(e), text = (e.textContent || '').trim().slice(0, 60);
    if (own.length > 1 && isWeak) continue;  // a place around the things to press
    const isPicture = own.length === 1 || isPainted(e), target = own.length === 1 ? own[0] : e;
    const words = String(text || e.value || e.getAttribute('aria-label') || e.title
      || (isPicture ? '' : e.getAttribute('class')) || '');
    const name = `${e.localName} ${words.slice(0, 60)}`;
    const isNext = NEXT.test(`${words} ${e.getAttribute('class')}`) && !isPicture;
    const hasWords = Boolean(text) && !isPicture && !isWeak;
    const look = hasWords ? name : kin(e);
    const most = text && !leadsBelow(e) ? 3 : 2;
    if (words.length > 50 || (!hasWords && !isNext && (page.looks.get(look) || 0) >= most)) continue;
    const icon = isPicture ? null : e.querySelector('svg, i, img, use');
    const around = isWeak && !hasWords ? named(e.parentElement) : '';
    const hints = icon ? `${named(icon)} ${icon.alt || ''} ${icon.getAttribute('href') || ''}` : '';
    if (ACTS.test(`${split(words)} ${named(e)} ${hints} ${around}`) || /heart/i.test(`${named(e)} ${hints}`)) continue;
    if (!target.getClientRects().length || e.disabled) continue;
    if ((e.form && e.type === 'submit') || e.closest('dialog, [role=dialog]') || e.target === '_blank') continue;
    if (/^javascript:/i.test(e.getAttribute('href') || '') && ACTS.test(split(e.getAttribute('href')))) continue;
    const key = hasWords || isNext ? name : `${place(target)} ${text} ${target.currentSrc || ''}`;
    const times = hasWords || isNext ? page.places.get(key) || 0
      : Math.max(page.times.get(target) || 0, page.places.get(key) || 0);
    const isOnce = isPicture || (e.hash || '').length > 1;
    if (times >= (isNext ? 6 : 1) && (isOnce || !isAgain(target, key))) continue;
    return press(target, name, look, key, isWeak);
  }
  for (const e of [...document.querySelectorAll('select')].slice(0, 20)) {
    const look = `select ${place(e)}`, label = [...(e.labels || [])].map(one => one.textContent).join(' ');
    if (e.form || e.multiple || e.disabled || e.options.length > 40 || !e.getClientRects().length) continue;
    if ((page.looks.get(look) || 0) >= 3 || e.closest('dialog, [role=dialog]')) continue;
    if (ACTS.test(`${named(e)} ${label}`) || KEEPS.test(`${named(e)} ${label}`)) continue;
    for (const option of e.options) {
      const key = `${look} ${option.index}`;
      if (option.selected || option.defaultSelected || option.disabled || page.places.has(key)) continue;
      page.places.set(key, 1);
      page.last = {look, key};
      e.selectedIndex = option.index;
      for (const kind of ['input', 'change']) e.dispatchEvent(new Event(kind, {bubbles: true}));
      return [`select ${option.text.slice(0, 50)}`, true];
    }
  }
  return null;
}"""
)

# Whether what a press opened is still there. step: 0 asks, 1 presses its own button for closing, 2 leaves it alone.
OPENED_JS = (
    "step => {"
    + ACTS_JS
    + r"""
  const page = window.__isitcakePresses, over = cover();
  page.turns = 0;
  if (!over || over === page.under) return false;
  const shut = step !== 1 ? null
    : [...over.querySelectorAll('button, [role=button], a:not([href]), a[href="#"], span, div')].find(e => {
      const text = (e.textContent || '').trim();
      return text.length < 20 && (SHUTS.test(text) || SHUTS.test(named(e))) && !/cookie|consent/i.test(named(e))
        && e.getClientRects().length;
    });
  if (shut) shut.click();
  if (step === 2) page.under = over;
  return true;
}"""
)
