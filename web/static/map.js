// The map: all pictures laid out by look. Colour them, choose some with a lasso, and review these on the wall.
import { $, element, getJson, keeper, postJson, sentence, swap } from "./common.js";
import { MODES, categories, facts, labelOf, line, load, modes, probability } from "./map-data.js";
import { colourAll, makeDrawing } from "./map-draw.js";
import { View, inside, listen, nearest, neighbour } from "./map-view.js";

const TAP_PX = { mouse: 14, touch: 24 }, REST_MS = 160, ZOOM = 1.5, DIGITS = 16;
const MOST = Number(document.body.dataset.most), REVIEWER = document.body.dataset.reviewer;
const { recall, remember } = keeper("sessionStorage", "isitcake.map.");
const view = new View(), surface = $("surface"), isTouch = matchMedia("(hover: none)").matches;
let data = null, drawing = null, mode = "label", groups = null, palette = [], ink = "#000";
let off = new Set(), selected = new Set(), focus = -1, hovered = -1, lasso = [], isLasso = false, isDue = false;
let rest = 0, still = 0;

let shown = new Uint8Array(0), thumbs = []; // of each picture: whether it is shown; pictures that may be drawn small
const isShown = (i) => shown[i] === 1;
const fits = (choice, is) => choice === "shown" || (choice === "only") === is;
const isBright = (i) => selected.size === 0 || selected.has(i);
const tell = (text) => { $("map-message").textContent = text; };

// ── Drawing ─────────────────────────────────────────────────────────────────
function draw() {
  isDue = false;
  const room = Math.min(1, view.whole / 330) ** 0.5, wide = Math.max(2.2, (8.4 - 1.35 * Math.log10(data.count)) * room);
  const size = Math.min(11, wide * (view.scale / view.whole) ** 0.3);
  drawing.points.draw(view, size);
  drawing.above.draw(view, { shown: $("thumbs").checked ? thumbs : [], focus: hovered >= 0 ? hovered : focus, lasso, colourOf: (i) => css(palette[groups.of[i]]), ink });
}

function redraw() {
  if (!isDue) { isDue = true; requestAnimationFrame(draw); }
}

const css = (colour) => `rgb(${colour.join(" ")})`;

function paint() {
  const style = getComputedStyle($("stage"));
  ink = style.getPropertyValue("--ink").trim();
  palette = groups.colours.map((name) => rgb(style.getPropertyValue(`--${name}`).trim()));
  const copies = $("copies").value, out = $("out").value;
  shown = Uint8Array.from(groups.of, (category, i) => Number(!off.has(category) && fits(copies, data.copies[i] > 1) && fits(out, data.out[i] > 0)));
  drawing.points.paint(colourAll(data.count, groups.of, palette, isShown, isBright));
  thumbs = [...Array(data.count).keys()].filter((i) => isShown(i) && isBright(i));
  redraw();
}

function rgb(hex) { return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)); }

function moved() {
  drawing.above.isStill = false;
  clearTimeout(still);
  still = setTimeout(() => { drawing.above.isStill = true; redraw(); }, REST_MS);
  redraw();
}

function resize() {
  const { width, height } = $("stage").getBoundingClientRect();
  view.resize(width, height);
  for (const id of ["points", "over"]) Object.assign($(id), { width: Math.round(width * view.ratio), height: Math.round(height * view.ratio) });
  redraw();
}

// ── Colours and what is shown ───────────────────────────────────────────────
function colourBy(next) {
  mode = next;
  remember("mode", mode);
  [groups, off] = [categories(data, mode), new Set()];
  const rows = groups.names.map((name, category) => [name, category]).filter(([, category]) => groups.counts[category]);
  $("legend-title").textContent = `Colour: ${MODES[mode]}`;
  $("legend").replaceChildren($("legend-title"), ...rows.map(([name, category]) => {
    const row = element("label"), box = element("input"), swatch = element("span", "", `swatch ${groups.colours[category]}`);
    Object.assign(box, { type: "checkbox", checked: true });
    box.addEventListener("change", () => { if (box.checked) off.delete(category); else off.add(category); paint(); });
    row.append(box, swatch, element("span", name), element("b", groups.counts[category].toLocaleString("en")));
    return row;
  }));
  paint();
}

// ── One picture ─────────────────────────────────────────────────────────────
function look(i, isSpoken = false) {
  focus = i;
  $("one").hidden = i < 0;
  redraw();
  if (i < 0) return;
  const sha256 = data.sha256(i);
  $("one-picture").alt = `Picture: ${labelOf(data, i)}`;
  swap($("one-picture"), `/thumbs/${sha256}.jpg`);
  $("one-facts").replaceChildren(...facts(data, i).flatMap(([name, text]) => [element("dt", name), element("dd", text)]));
  $("one-why").href = `/why/${sha256}`;
  $("one-select").textContent = selected.has(i) ? "Take out of the selection" : "Add to the selection";
  $("one-reasons").replaceChildren();
  if (isSpoken) tell(line(data, i));
  clearTimeout(rest);
  rest = setTimeout(async () => {
    const about = await getJson(`/map/pictures/${sha256}`).catch(() => null);
    if (!about || focus !== i) return;
    $("one-reasons").replaceChildren(...[about.claim, ...about.reasons].filter(Boolean).map((text) => element("li", text)));
  }, REST_MS);
}

function hover(left, top) {
  const i = left < 0 ? -1 : nearest(view, data.position, isShown, left, top, TAP_PX.mouse);
  if (i === hovered) return;
  hovered = i;
  surface.style.cursor = i >= 0 ? "pointer" : "";
  if (i >= 0) look(i); else redraw();
}

function tap(left, top, isAdding) {
  const i = nearest(view, data.position, isShown, left, top, isTouch ? TAP_PX.touch : TAP_PX.mouse);
  if (i >= 0 && (isAdding || isLasso)) toggle(i);
  look(i);
}

async function likeThis(i) {
  if (i < 0) return;
  try {
    const { pictures } = await getJson(`/map/alike/${data.sha256(i)}`);
    const found = pictures.map(data.indexOf).filter((one) => one >= 0);
    select(new Set([i, ...found]));
    look(i);
    tell(found.length ? `${found.length} pictures that look like it are selected.` : "No other picture looks like it: it is not compared yet.");
  } catch (error) { tell(sentence(error.message)); }
}

// ── The selection ───────────────────────────────────────────────────────────
const byDoubt = (a, b) => (probability(data, b) ?? -1) - (probability(data, a) ?? -1) || a - b;

function select(next) {
  selected = next;
  remember("selected", [...selected].slice(0, 2000).map((i) => data.sha256(i).slice(0, DIGITS)).join(","));
  const inOrder = [...selected].sort(byDoubt), first = inOrder.slice(0, MOST);
  $("selection").hidden = !selected.size;
  $("selection-count").textContent = `${selected.size.toLocaleString("en")} selected`;
  $("review").textContent = selected.size > MOST ? `Review the ${MOST} most doubtful` : "Review these";
  $("selection-list").replaceChildren(...first.map((i) => {
    const item = element("li"), button = element("button", "", "brick"), image = element("img");
    Object.assign(image, { src: `/thumbs/${data.sha256(i)}.jpg`, alt: "", loading: "lazy" });
    Object.assign(button, { type: "button" });
    button.setAttribute("aria-label", line(data, i));
    button.append(image);
    button.addEventListener("click", () => { view.include(data.position[2 * i], data.position[2 * i + 1]); look(i, true); moved(); });
    item.append(button);
    return item;
  }));
  if (focus >= 0) $("one-select").textContent = selected.has(focus) ? "Take out of the selection" : "Add to the selection";
  paint();
}

function toggle(i) {
  if (i < 0) return;
  const next = new Set(selected);
  if (!next.delete(i)) next.add(i);
  select(next);
}

function lassoed(points, isAdding) {
  lasso = [];
  const found = inside(data.position, points.map(([left, top]) => view.toMap(left, top))).filter(isShown);
  select(new Set([...(isAdding ? selected : []), ...found]));
  tell(found.length ? `${found.length.toLocaleString("en")} pictures selected.` : "No picture is in the lasso.");
}

function selectShown() {
  const found = [...Array(data.count).keys()].filter((i) => {
    const [left, top] = view.toScreen(data.position[2 * i], data.position[2 * i + 1]);
    return isShown(i) && left >= 0 && top >= 0 && left <= view.width && top <= view.height;
  });
  select(new Set(found));
  tell(`${found.length.toLocaleString("en")} pictures selected.`);
}

async function review() {
  if (!REVIEWER) { $("sign-in").hidden = false; return tell("Sign in at Review first. The selection stays here."); }
  const pictures = [...selected].sort(byDoubt).slice(0, MOST).map((i) => data.sha256(i).slice(0, DIGITS)).join(",");
  $("review").disabled = true;
  try {
    const made = await postJson("/map/walls", { pictures });
    const left = [[made.waiting, "because the audit sample asks about them at random"], [made.taken, "because somebody else looks at them"], [made.missing, "because they cannot be asked about"]];
    const text = left.filter(([n]) => n).map(([n, why]) => `${n} left out, ${why}`).join("; ");
    if (made.walls) remember("selected", "");
    if (made.walls && !text) { location.href = "/review"; return undefined; }
    $("to-wall").hidden = !made.walls;
    return tell(`${made.pictures} on the wall; ${text || "nothing to ask"}.`);
  } catch (error) { return tell(sentence(error.message)); } finally { $("review").disabled = false; }
}

// ── Keys and buttons ────────────────────────────────────────────────────────
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const step = ARROWS[event.key];
  if (step) walk(step);
  else if (event.key === " ") { toggle(focus); if (focus >= 0) tell(`${line(data, focus)}: ${selected.has(focus) ? "selected" : "not selected"}`); }
  else if (event.key === "Enter" && focus >= 0) $("one-why").focus();
  else if (event.key === "m") likeThis(focus);
  else if (event.key === "+" || event.key === "=") zoom(ZOOM);
  else if (event.key === "-") zoom(1 / ZOOM);
  else if (event.key === "0") { view.showWhole(); moved(); }
  else if (event.key === "Escape") { select(new Set()); look(-1); }
  else return;
  event.preventDefault();
}

function walk(step) {
  const i = focus < 0 ? nearest(view, data.position, isShown, view.width / 2, view.height / 2, Infinity) : neighbour(data.position, isShown, focus, step);
  if (i < 0) return;
  view.include(data.position[2 * i], data.position[2 * i + 1]);
  look(i, true);
  moved();
}

function zoom(by) { view.zoom(by); moved(); }

function setLasso(on) {
  isLasso = on;
  $("lasso").setAttribute("aria-pressed", String(on));
  $("move").setAttribute("aria-pressed", String(!on));
  surface.classList.toggle("lasso", on);
}

// ── The page ────────────────────────────────────────────────────────────────
function connect() {
  listen(surface, view, {
    changed: moved, tapped: tap, hovered: hover, lassoed,
    lassoing: (points) => { lasso = points; redraw(); },
  }, () => isLasso);
  const clicks = {
    "move": () => setLasso(false), "lasso": () => setLasso(true), "zoom-in": () => zoom(ZOOM), "zoom-out": () => zoom(1 / ZOOM),
    "whole": () => { view.showWhole(); moved(); }, "select-shown": selectShown, "clear": () => select(new Set()), "review": review,
    "one-like": () => likeThis(focus), "one-select": () => toggle(focus),
  };
  for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", act);
  for (const id of ["copies", "out"]) $(id).addEventListener("change", paint);
  $("thumbs").addEventListener("change", redraw);
  $("colour").addEventListener("change", () => colourBy($("colour").value));
  surface.addEventListener("keydown", onKey);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  new ResizeObserver(resize).observe($("stage"));
}

function sayHowDrawn() { $("plain").hidden = !drawing.points.isPlain; }

function begin() {
  const like = data.indexOf(new URLSearchParams(location.search).get("like") || "");
  if (like >= 0) return likeThis(like);
  const kept = new Set(recall("selected").split(",").filter(Boolean));
  if (kept.size) select(new Set([...Array(data.count).keys()].filter((i) => kept.has(data.sha256(i).slice(0, DIGITS)))));
  return undefined;
}

async function open() {
  try {
    data = await load();
  } catch (error) {
    return tell(`The map cannot be loaded: ${sentence(error.message)} Load the page again.`);
  }
  if (!data.count) { $("empty").hidden = false; document.body.dataset.ready = "yes"; return tell(""); }
  $("map").hidden = false;
  drawing = await makeDrawing(data, $("points"), $("over"), document.body.dataset.library === "yes", () => { resize(); sayHowDrawn(); paint(); });
  drawing.above.onLoad = redraw;
  sayHowDrawn();
  $("colour").replaceChildren(...modes(data).map((name) => Object.assign(element("option", MODES[name]), { value: name })));
  $("sampled").textContent = data.measured > data.count ? `${data.count.toLocaleString("en")} of ${data.measured.toLocaleString("en")} pictures, drawn at random` : `${data.count.toLocaleString("en")} pictures`;
  resize();
  $("colour").value = modes(data).includes(recall("mode")) ? recall("mode") : "label";
  colourBy($("colour").value);
  connect();
  tell("");
  await begin();
  document.body.dataset.ready = "yes";
  return undefined;
}

addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); }); // by the back button: labels may have changed on the wall
open();
