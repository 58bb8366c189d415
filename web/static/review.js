// The wall: tap the odd ones, confirm the rest. Then a few pictures alone.
import { $, element, getJson, labelTitle, postJson } from "./common.js";
import { flush, onChange, send, unsent } from "./unsent.js";

const PHONE_PX = 640, ON_PHONE = 48, ON_DESK = 100, LONG_PRESS_MS = 450, SEEN_MS = 200;
let wall = null, brush = "", here = 0, at = 0; // here: place that has the focus. at: of the pictures alone
let tapped = {}, history = [], seen = new Set(), broken = new Set();
let lastWall = "", spentMs = 0, shownAt = 0, isSecond = false, isLeaving = false;

const now = () => Date.now();
const recall = (name) => { try { return localStorage.getItem(`isitcake.${name}`) || ""; } catch { return ""; } };
const remember = (name, value) => { try { localStorage.setItem(`isitcake.${name}`, value); } catch { /* switched off */ } };
const slots = () => wall.pictures.map((picture) => picture.slot);
const isAlone = () => wall.label === "";
const opened = new Set(); // places of pictures that may be explicit and that the reviewer wants to see
const address = (slot) => `/review/walls/${wall.wall}/${slot}/picture${opened.has(slot) ? "?open=1" : ""}`;
const choices = () => (isAlone() ? wall.answers : wall.answers.filter((answer) => answer !== wall.label));
const brickOf = (slot) => document.querySelector(`.brick[data-slot="${slot}"]`);
const columns = () => getComputedStyle($("bricks")).gridTemplateColumns.split(" ").length;

// ── Loading ─────────────────────────────────────────────────────────────────
async function load(text = "") {
  show("message");
  $("message").textContent = text || "Loading …";
  try {
    await flush();
    const most = innerWidth < PHONE_PX ? ON_PHONE : ON_DESK;
    open(await postJson("/review/walls", { most, second: isSecond }), text);
  } catch (error) {
    $("message").textContent = `${error.message}. Trying again …`;
    setTimeout(() => load(text), 3000);
  }
}

function open(next, text) {
  if (!next.wall) return show("end");
  wall = next;
  opened.clear();
  tapped = { ...next.tapped };
  for (const { address, content } of unsent()) {
    const place = new RegExp(`^/review/walls/${wall.wall}/(\\d+)$`).exec(address);
    if (place && content.answer) tapped[place[1]] = content.answer;
    else if (place) delete tapped[place[1]];
  }
  [history, seen, broken, spentMs, shownAt, here] = [[], new Set(), new Set(), 0, now(), slots()[0]];
  brush = choices().includes(recall("brush")) ? recall("brush") : choices()[0];
  drawBrushes();
  if (isAlone()) {
    show("single");
    at = Math.max(0, slots().findIndex((slot) => !tapped[slot]));
    drawSingle();
  } else {
    show("grid");
    $("believed").textContent = labelTitle(wall.label);
    drawWall();
  }
  tell(text);
}

function show(name) {
  for (const id of ["message", "grid", "single", "end"]) $(id).hidden = id !== name;
  $("tools").hidden = name !== "grid" && name !== "single";
  scrollTo(0, 0);
}

// ── The grid ────────────────────────────────────────────────────────────────
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const slot = Number(entry.target.dataset.slot);
    clearTimeout(entry.target.timer);
    if (entry.isIntersecting) {
      entry.target.timer = setTimeout(() => { if (entry.target.dataset.loaded) { seen.add(slot); drawConfirm(); } }, SEEN_MS);
    }
  }
}, { threshold: 0.5 });

function drawWall() {
  watcher.disconnect();
  $("bricks").replaceChildren(...wall.pictures.map((picture, index) => {
    const item = element("li"), brick = element("button", "", "brick"), image = element("img");
    Object.assign(brick, { type: "button", tabIndex: index ? -1 : 0 });
    brick.dataset.slot = picture.slot;
    Object.assign(image, { src: picture.picture, alt: "", decoding: "async", draggable: false });
    image.addEventListener("load", () => { brick.dataset.loaded = "yes"; watcher.unobserve(brick); watcher.observe(brick); });
    image.addEventListener("error", () => { broken.add(picture.slot); drawConfirm(); });
    brick.append(image);
    if (picture.claim) {
      const claim = element("span", picture.claim, "claim");
      claim.hidden = !$("claims").checked;
      brick.append(claim);
    }
    const glass = element("button", "⤢", "glass");
    Object.assign(glass, { type: "button", tabIndex: -1 });
    glass.setAttribute("aria-label", `Zoom picture ${picture.slot + 1}`);
    glass.addEventListener("click", () => zoom(picture.slot));
    item.append(brick, glass);
    return item;
  }));
  for (const brick of document.querySelectorAll(".brick")) { listen(brick); drawBrick(Number(brick.dataset.slot)); watcher.observe(brick); }
  drawConfirm();
}

function listen(brick) {
  const slot = Number(brick.dataset.slot);
  let press = 0, isLong = false;
  brick.addEventListener("pointerdown", (event) => {
    isLong = false;
    if (event.pointerType === "mouse") return;
    press = setTimeout(() => { isLong = true; zoom(slot); }, LONG_PRESS_MS);
  });
  for (const name of ["pointerup", "pointercancel", "pointerleave", "pointermove"]) {
    brick.addEventListener(name, (event) => { if (name !== "pointermove" || Math.hypot(event.movementX, event.movementY) > 6) clearTimeout(press); });
  }
  brick.addEventListener("contextmenu", (event) => { event.preventDefault(); if (!isLong) zoom(slot); });
  brick.addEventListener("click", () => { if (!isLong) { focusOn(slot); toggle(slot); } });
  brick.addEventListener("focus", () => { here = slot; });
}

function drawBrick(slot) {
  const brick = brickOf(slot), answer = tapped[slot] || "";
  if (!brick) return;
  brick.setAttribute("aria-pressed", String(Boolean(answer)));
  brick.setAttribute("aria-label", `Picture ${slot + 1}${answer ? `, odd: ${labelTitle(answer)}` : ""}`);
  brick.querySelector(".mark")?.remove();
  if (answer) brick.append(element("span", labelTitle(answer), "mark"));
}

function drawBrushes() {
  $("brushes-title").textContent = isAlone() ? "It is" : "The odd ones are";
  const buttons = choices().map((answer, index) => {
    const button = element("button", labelTitle(answer), "brush");
    button.type = "button";
    if (index < 9) button.append(element("kbd", String(index + 1)));
    button.addEventListener("click", () => (isAlone() ? answerSingle(answer) : chooseBrush(answer)));
    if (!isAlone()) button.setAttribute("aria-pressed", String(answer === brush));
    button.dataset.answer = answer;
    return button;
  });
  $("brushes").replaceChildren($("brushes-title"), ...buttons);
  $("confirm").hidden = isAlone();
}

function chooseBrush(answer) {
  brush = answer;
  remember("brush", answer);
  for (const button of $("brushes").querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.answer === answer));
}

function drawConfirm() {
  if (!wall || isAlone()) return;
  const odd = Object.keys(tapped).length, rest = wall.pictures.length - odd - broken.size;
  const unseenCount = unseenSlots().length;
  $("confirm").firstChild.textContent = unseenCount ? `${unseenCount} more to see` : `Confirm the ${odd ? "other " : ""}${rest}`;
  $("confirm").dataset.ready = unseenCount ? "" : "yes";
}

const unseenSlots = () => slots().filter((slot) => !seen.has(slot) && !tapped[slot] && !broken.has(slot));

function focusOn(slot) {
  const brick = brickOf(slot);
  if (!brick) return;
  for (const other of document.querySelectorAll('.brick[tabindex="0"]')) other.tabIndex = -1;
  brick.tabIndex = 0;
  brick.focus();
  here = slot;
}

// ── Answers ─────────────────────────────────────────────────────────────────
function toggle(slot) { give(slot, tapped[slot] ? "" : brush); }

function give(slot, answer, isUndo = false) {
  const before = tapped[slot] || "";
  if (before === answer) return;
  if (!isUndo) history.push({ slot, before });
  if (answer) tapped[slot] = answer; else delete tapped[slot];
  seen.add(slot);
  drawBrick(slot);
  drawConfirm();
  send(`/review/walls/${wall.wall}/${slot}`, { answer, at: now() });
}

async function undo() {
  const last = history.pop();
  if (last) {
    give(last.slot, last.before, true);
    if (isAlone()) { at = slots().indexOf(last.slot); drawSingle(); } else focusOn(last.slot);
    return tell("Taken back.");
  }
  if (!lastWall) return tell("Nothing to undo.");
  try {
    await postJson(`/review/walls/${lastWall}/reopen`, {});
    lastWall = "";
    return load("The last wall is open again.");
  } catch (error) {
    return tell(error.message);
  }
}

async function confirmRest() {
  if (isLeaving) return;
  const unseenNow = unseenSlots();
  if (!isAlone() && unseenNow.length) {
    brickOf(unseenNow[0]).scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    return tell(`${unseenNow.length} pictures were not on the screen yet.`);
  }
  isLeaving = true;
  const odd = Object.entries(tapped).map(([slot, answer]) => `${slot}:${wall.answers.indexOf(answer)}`).join(",");
  const seconds = (spentMs + now() - shownAt) / 1000;
  const content = { odd, unseen: [...broken].join(","), seconds };
  let done = null;
  while (!done) {
    try {
      await flush();
      done = await postJson(`/review/walls/${wall.wall}/confirm`, content);
    } catch (error) {
      if (error.isFinal) { done = { confirmed: 0, odd: 0, hidden: 0, found: 0, problem: error.message }; break; }
      tell(`${error.message}: not connected. Your answers are kept here and sent again.`);
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
  isLeaving = false;
  lastWall = wall.wall;
  load(done.problem || summary(done));
}

function summary(done) {
  if (isAlone()) return "Thank you.";
  const known = done.hidden ? ` ${done.found} of ${done.hidden} odd ones that were known were found.` : "";
  return `${done.confirmed} confirmed, ${done.odd} odd.${known}`;
}

// ── Pictures alone ──────────────────────────────────────────────────────────
function drawSingle() {
  if (at >= wall.pictures.length) return confirmRest();
  const slot = slots()[at];
  here = slot;
  const waits = opened.has(slot) ? "" : wall.pictures[at].waits;
  $("single-picture").src = address(slot);
  $("single-why").textContent = waits ? `This picture ${waits}. You may answer without seeing it.` : "";
  $("single-open").hidden = !waits;
  $("single-picture").hidden = Boolean(waits);
  $("single-count").textContent = `${at + 1} of ${wall.pictures.length}, one by one`;
  const following = slots()[at + 1];
  if (following !== undefined) new Image().src = address(following);
  return undefined;
}

function answerSingle(answer) {
  give(here, answer);
  at += 1;
  drawSingle();
}

// ── Zoom, and what looks like it ────────────────────────────────────────────
async function zoom(slot) {
  here = slot;
  $("zoom-title").textContent = isAlone() ? "" : `Picture ${slot + 1} of ${wall.pictures.length}`;
  $("zoom-picture").src = address(slot);
  const onMap = $("zoom-map"), named = /[0-9a-f]{64}/.exec(wall.pictures.find((picture) => picture.slot === slot).picture);
  if (onMap) onMap.href = `/map?like=${named}`;
  $("zoom-reasons").replaceChildren();
  $("zoom-alike").replaceChildren();
  drawZoomAnswers(slot);
  if (!$("zoom").open) $("zoom").showModal();
  const about = await getJson(`/review/walls/${wall.wall}/${slot}`).catch(() => null);
  if (!about || here !== slot) return;
  const lines = [about.claim, ...about.reasons].filter(Boolean);
  $("zoom-reasons").replaceChildren(...(lines.length ? lines : ["Nothing is known."]).map((line) => element("li", line)));
  $("zoom-alike").replaceChildren(...about.alike.map((one) => {
    const figure = element("figure"), image = element("img");
    Object.assign(image, { src: one.picture, alt: one.slot >= 0 ? `picture ${one.slot + 1} of this wall` : "a picture elsewhere" });
    figure.append(image);
    if (one.slot >= 0) {
      const button = element("button", tapped[one.slot] ? labelTitle(tapped[one.slot]) : "on this wall", "brush");
      button.addEventListener("click", () => { toggle(one.slot); button.textContent = tapped[one.slot] ? labelTitle(tapped[one.slot]) : "on this wall"; });
      figure.append(button);
    }
    return figure;
  }));
}

function drawZoomAnswers(slot) {
  $("zoom-answers").hidden = isAlone();
  $("zoom-answers").replaceChildren(...(isAlone() ? [] : choices()).map((answer, index) => {
    const button = element("button", labelTitle(answer), "brush");
    if (index < 9) button.append(element("kbd", String(index + 1)));
    button.setAttribute("aria-pressed", String(tapped[slot] === answer));
    button.addEventListener("click", () => { give(slot, tapped[slot] === answer ? "" : answer); drawZoomAnswers(slot); });
    return button;
  }));
}

// ── Keys ────────────────────────────────────────────────────────────────────
function onKey(event) {
  if (!wall || $("tools").hidden || event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  if (event.target.matches("input, summary")) return;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() }[event.key];
  const number = /^[1-9]$/.test(event.key) ? Number(event.key) - 1 : -1;
  if (step && !isAlone()) move(step);
  else if (number >= 0 && choices()[number]) answerKey(choices()[number]);
  else if (event.key === "u") undo();
  else if (event.key === "c" && !isAlone() && !$("zoom").open) confirmRest();
  else if (event.key === "z") { if ($("zoom").open) $("zoom").close(); else zoom(here); }
  else if (event.key === " " && !event.target.closest("button")) toggle(here);
  else return;
  event.preventDefault();
}

function move(step) {
  const index = slots().indexOf(here), next = slots()[Math.min(slots().length - 1, Math.max(0, index + step))];
  if ($("zoom").open) zoom(next); else focusOn(next);
}

function answerKey(answer) {
  if (isAlone()) return answerSingle(answer);
  give(here, tapped[here] === answer ? "" : answer);
  if ($("zoom").open) drawZoomAnswers(here);
  return undefined;
}

function tell(text) { $("status").textContent = text; }

// ── The page ────────────────────────────────────────────────────────────────
for (const name of ["whole", "claims"]) {
  $(name).checked = name === "whole" && recall(name) === "yes"; // claims influence people: off at each start
  $(name).addEventListener("change", () => { remember(name, $(name).checked ? "yes" : ""); drawOptions(); });
}
function drawOptions() {
  $("bricks").classList.toggle("whole", $("whole").checked);
  for (const claim of document.querySelectorAll(".claim")) claim.hidden = !$("claims").checked;
}
onChange((waiting, problem) => { if (problem) tell(`${waiting} answers wait: ${problem}`); });
$("undo").addEventListener("click", undo);
$("confirm").addEventListener("click", confirmRest);
$("zoom-close").addEventListener("click", () => $("zoom").close());
$("zoom").addEventListener("close", () => { if (!isAlone()) focusOn(here); });
$("help-open").addEventListener("click", () => $("help").showModal());
$("help-close").addEventListener("click", () => $("help").close());
$("single-picture").addEventListener("click", () => { if ($("single-open").hidden) zoom(here); });
$("single-open").addEventListener("click", () => { opened.add(here); drawSingle(); });
$("second").addEventListener("click", () => { isSecond = true; load(); });
$("leave").addEventListener("click", async () => { await postJson("/review/leave", {}); location.href = "/"; });
document.addEventListener("keydown", onKey);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) spentMs += now() - shownAt;
  shownAt = now();
});
drawOptions();
load();
