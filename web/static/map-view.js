// What part of the map is on the screen, and the gestures that change it: drag, pinch, wheel, tap, lasso.
const TAP_PX = 7, ZOOM_STEP = 1.5, MOST_ZOOM = 60, MARGIN = 0.9;

export class View {
  constructor() { Object.assign(this, { x: 0, y: 0, scale: 1, width: 1, height: 1, ratio: 1, whole: 1 }); }

  resize(width, height) {
    const zoom = this.scale / this.whole;
    Object.assign(this, { width, height, ratio: Math.min(2, devicePixelRatio || 1) });
    this.whole = (Math.min(width, height) / 2) * MARGIN;
    this.scale = this.whole * zoom;
  }

  // Map to screen, in CSS pixels; y points up on the map.
  toScreen(x, y) { return [(x - this.x) * this.scale + this.width / 2, (this.y - y) * this.scale + this.height / 2]; }
  toMap(left, top) { return [(left - this.width / 2) / this.scale + this.x, this.y - (top - this.height / 2) / this.scale]; }

  zoom(by, left = this.width / 2, top = this.height / 2) {
    const [x, y] = this.toMap(left, top);
    this.scale = Math.min(this.whole * MOST_ZOOM, Math.max(this.whole * 0.6, this.scale * by));
    const [nowX, nowY] = this.toMap(left, top);
    this.pan((nowX - x) * this.scale, (y - nowY) * this.scale);
  }

  pan(right, down) {
    this.x = Math.min(1, Math.max(-1, this.x - right / this.scale));
    this.y = Math.min(1, Math.max(-1, this.y + down / this.scale));
  }

  showWhole() { Object.assign(this, { x: 0, y: 0, scale: this.whole }); }

  // Bring a place onto the screen, if it is not there.
  include(x, y) {
    const [left, top] = this.toScreen(x, y), edge = 40;
    if (left < edge || top < edge || left > this.width - edge || top > this.height - edge) Object.assign(this, { x, y });
  }
}

// listeners: changed(), tapped(left, top, isAdding), hovered(left, top), lassoing(points), lassoed(points, isAdding).
export function listen(surface, view, listeners, isLasso) {
  const down = new Map();
  let lasso = null, moved = 0, last = 0;
  const at = (event) => { const box = surface.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };

  surface.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    surface.setPointerCapture(event.pointerId);
    down.set(event.pointerId, at(event));
    moved = down.size === 1 ? 0 : TAP_PX + 1;
    lasso = down.size === 1 && (isLasso() || event.shiftKey) ? [at(event)] : null;
    if (down.size > 1) listeners.lassoing([]);
  });

  surface.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId), now = at(event);
    if (!before) { if (event.pointerType === "mouse") listeners.hovered(...now); return; }
    moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (down.size === 2) {
      const other = [...down].find(([id]) => id !== event.pointerId)[1];
      const was = Math.hypot(before[0] - other[0], before[1] - other[1]), is = Math.hypot(now[0] - other[0], now[1] - other[1]);
      view.zoom(is / Math.max(1, was), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
      view.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    } else if (lasso) {
      lasso.push(now);
      listeners.lassoing(lasso);
    } else if (moved > TAP_PX) {
      view.pan(now[0] - before[0], now[1] - before[1]);
    }
    down.set(event.pointerId, now);
    if (!lasso) listeners.changed();
  });

  function up(event) {
    if (!down.delete(event.pointerId)) return;
    const drawn = lasso;
    lasso = null;
    if (event.type === "pointercancel") listeners.lassoing([]);
    else if (moved <= TAP_PX) { listeners.lassoing([]); listeners.tapped(...at(event), event.shiftKey); }
    else if (drawn && down.size === 0) listeners.lassoed(drawn, event.shiftKey && isLasso());
  }
  surface.addEventListener("pointerup", up);
  surface.addEventListener("pointercancel", up);
  surface.addEventListener("pointerleave", () => { if (!down.size) listeners.hovered(-1, -1); });
  surface.addEventListener("wheel", (event) => {
    event.preventDefault();
    view.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...at(event));
    listeners.changed();
  }, { passive: false });
  surface.addEventListener("dblclick", (event) => {
    const now = performance.now();
    if (now - last > 300 && !isLasso()) { view.zoom(ZOOM_STEP * ZOOM_STEP, ...at(event)); listeners.changed(); }
    last = now;
  });
}

// Which pictures lie in the polygon. position: x and y of each, on the map. polygon: points on the map.
export function inside(position, polygon) {
  const found = [];
  for (let i = 0; i < position.length / 2; i++) {
    const x = position[2 * i], y = position[2 * i + 1];
    let isIn = false;
    for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
      const [ax, ay] = polygon[a], [bx, by] = polygon[b];
      if ((ay > y) !== (by > y) && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) isIn = !isIn;
    }
    if (isIn) found.push(i);
  }
  return found;
}

// The picture nearest to a place on the screen, at most `within` pixels away; -1 for none.
export function nearest(view, position, isShown, left, top, within) {
  let found = -1, least = within * within;
  for (let i = 0; i < position.length / 2; i++) {
    if (!isShown(i)) continue;
    const [x, y] = view.toScreen(position[2 * i], position[2 * i + 1]);
    const far = (x - left) ** 2 + (y - top) ** 2;
    if (far < least) [found, least] = [i, far];
  }
  return found;
}

// The next picture from `from` in a direction: near, and not far to the side. -1 for none.
export function neighbour(position, isShown, from, [right, up]) {
  let found = -1, least = Infinity;
  for (let i = 0; i < position.length / 2; i++) {
    if (i === from || !isShown(i)) continue;
    const x = position[2 * i] - position[2 * from], y = position[2 * i + 1] - position[2 * from + 1];
    const ahead = x * right + y * up, aside = Math.abs(x * up) + Math.abs(y * right);
    if (ahead <= 0 || aside > ahead) continue;
    const far = ahead + 2 * aside;
    if (far < least) [found, least] = [i, far];
  }
  return found;
}
