// The wall: tap the odd ones, confirm the rest. Then a few pictures alone.
import { makeAlike, makeBrick } from "./bricks.js";
import { $, element, getJson, keeper, labelTitle, pause, postJson, sentence, swap } from "./common.js";
import { notTaken, summary, waitingText } from "./review-texts.js";
import { flush, leave, onChange, send, unsent } from "./unsent.js";

const PHONE_PX = 640, ON_PHONE = 48, ON_DESK = 100, SEEN_MS = 200, RETRY_MS = 2000, LEAST_LOOK_MS = 300; // at a picture alone: a double tap is one answer
let wall = null, brush = "", here = 0, zoomed = 0, at = 0; // here: place that has the focus. at: of the pictures alone
let tapped = {}, history = [], seen = new Set(), broken = new Set();
let lastWall = "", spentMs = 0, shownAt = 0, isSecond = false, isLeaving = false;
let lost = [], isWaiting = false; // why answers were not taken, for each; whether some could not be sent

const now = () => Date.now();
const { recall, remember } = keeper("localStorage", "isitcake.");
const slots = () => wall.pictures.map((picture) => picture.slot);
const isAlone = () => wall.label === "";
const opened = new Set(); // places of pictures that may be explicit and that the reviewer wants to see
const address = (slot) => `/review/walls/${wall.wall}/${slot}/picture${opened.has(slot) ? "?open=1" : ""}`;
const choices = () => (isAlone() ? wall.answers : wall.answers.filter((answer) => answer !== wall.label));
const brickOf = (slot) => document.querySelector(`.brick[data-slot="${slot}"]`);
const tell = (text) => { $("status").textContent = text; };
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
    $("message").textContent = `${sentence(error.message)} Trying again …`;
    setTimeout(() => load(text), RETRY_MS);
  }
}

function open(next, message) {
  const text = [notTaken(lost), message].filter(Boolean).join(" ");
  lost = [];
  if (!next.wall) {
    [wall, history] = [null, []];
    $("done").textContent = text || (isSecond ? "Others confirmed nothing that you have not seen." : "");
    $("reopen").hidden = !lastWall;
    return show("end");
  }
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
let watcher = null; // of pictures on the screen; what the tools cover, nobody sees
const watching = () => new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    clearTimeout(target.timer);
    if (isIntersecting) target.timer = setTimeout(() => { if (target.dataset.loaded) { seen.add(Number(target.dataset.slot)); drawConfirm(); } }, SEEN_MS);
  }
}, { threshold: 0.5, rootMargin: `0px 0px ${-$("tools").offsetHeight}px 0px` });

function drawWall() {
  watcher?.disconnect();
  document.documentElement.style.scrollPaddingBottom = `${$("tools").offsetHeight}px`; // where the focus goes is seen too
  watcher = watching();
  const acts = {
    pick: (slot) => { focusOn(slot); toggle(slot); },
    zoom,
    focus: (slot) => { here = slot; },
    loaded: (slot, brick) => { broken.delete(slot); watcher.unobserve(brick); watcher.observe(brick); drawConfirm(); },
    lost: (slot) => { broken.add(slot); drawConfirm(); },
  };
  $("bricks").replaceChildren(...wall.pictures.map((picture) => makeBrick(picture, acts, $("claims").checked)));
  const bricks = [...document.querySelectorAll(".brick")];
  bricks[0].tabIndex = 0;
  for (const brick of bricks) { drawBrick(Number(brick.dataset.slot)); watcher.observe(brick); }
  drawConfirm();
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
  brick.focus({ preventScroll: true }); // Firefox would leave it half under the tools
  brick.scrollIntoView({ block: "nearest" });
  here = slot;
}

// ── Answers ─────────────────────────────────────────────────────────────────
function toggle(slot) {
  if (broken.has(slot)) return tell("This picture is not loaded: it gets no answer, and is asked about again.");
  return give(slot, tapped[slot] ? "" : brush);
}

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
  if (isLeaving) return undefined;
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
    return tell(sentence(error.message));
  }
}

async function confirmRest() {
  if (isLeaving) return;
  const unseenNow = unseenSlots();
  if (!isAlone() && unseenNow.length) {
    brickOf(unseenNow[0]).scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    return tell(`${unseenNow.length} pictures were not on the screen yet.`);
  }
  isLeaving = true;
  tell("Sending …");
  const odd = Object.entries(tapped).map(([slot, answer]) => `${slot}:${wall.answers.indexOf(answer)}`).join(",");
  const content = { odd, unseen: [...broken].join(","), seconds: (spentMs + now() - shownAt) / 1000 };
  let done = null;
  while (!done) {
    try {
      await flush();
      done = await postJson(`/review/walls/${wall.wall}/confirm`, content);
    } catch (error) {
      if (error.isFinal) { done = { confirmed: 0, odd: 0, hidden: 0, found: 0, problem: error.message }; break; }
      tell(`${sentence(error.message)} Your answers are kept here and sent again.`);
      await pause(RETRY_MS);
    }
  }
  isLeaving = false;
  if (!done.problem) lastWall = wall.wall;
  load(done.problem ? sentence(done.problem) : summary(done, isAlone()));
}

// ── Pictures alone ──────────────────────────────────────────────────────────
function drawSingle() {
  if (at >= wall.pictures.length) return confirmRest();
  const slot = slots()[at];
  here = slot;
  const waits = opened.has(slot) ? "" : wall.pictures[at].waits;
  $("single").dataset.ready = "";
  $("single-why").textContent = waits ? `This picture ${waits}. You may answer without seeing it.` : "";
  $("single-open").hidden = !waits;
  $("single-picture").hidden = Boolean(waits);
  $("single-count").textContent = `${at + 1} of ${wall.pictures.length}, one by one`;
  const following = slots()[at + 1];
  if (following !== undefined) new Image().src = address(following);
  return waits ? letAnswer(slot) : showSingle(slot);
}

const letAnswer = (slot) => setTimeout(() => { if (here === slot && !isLeaving) $("single").dataset.ready = "yes"; }, LEAST_LOOK_MS);

async function showSingle(slot) {
  const ofWall = wall, isThere = await swap($("single-picture"), address(slot));
  if (isThere === null || here !== slot || wall !== ofWall) return undefined;
  if (isThere) return letAnswer(slot);
  const problem = await getJson(`/review/walls/${wall.wall}/${slot}`).then(() => null, (error) => error);
  if (here !== slot || wall !== ofWall) return undefined;
  if (!problem || problem.isFinal) { at += 1; drawSingle(); return tell("A picture could not be shown. It got no answer."); }
  tell(`${sentence(problem.message)} Trying again …`);
  return setTimeout(() => { if (here === slot && wall === ofWall) drawSingle(); }, RETRY_MS);
}

function answerSingle(answer) {
  if (!$("single").dataset.ready) return;
  tell("");
  give(here, answer);
  at += 1;
  drawSingle();
}

// ── Zoom, and what looks like it ────────────────────────────────────────────
async function zoom(slot) {
  here = zoomed = slot;
  $("zoom-title").textContent = isAlone() ? "" : `Picture ${slot + 1} of ${wall.pictures.length}`;
  swap($("zoom-picture"), address(slot));
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
  $("zoom-alike").replaceChildren(...about.alike.map((one) => makeAlike(one, () => tapped[one.slot] || "", () => toggle(one.slot))));
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
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  if (event.key === "u" && !$("end").hidden && lastWall) undo();
  if (!wall || $("tools").hidden) return;
  if (event.target.matches("input, summary")) return;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() }[event.key];
  const number = /^[1-9]$/.test(event.key) ? Number(event.key) - 1 : -1;
  if (step && !isAlone()) move(step);
  else if (number >= 0 && choices()[number]) { if (!event.repeat) answerKey(choices()[number]); }
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

// ── The page ────────────────────────────────────────────────────────────────
for (const name of ["whole", "claims"]) {
  $(name).checked = name === "whole" && recall(name) === "yes"; // claims influence people: off at each start
  $(name).addEventListener("change", () => { remember(name, $(name).checked ? "yes" : ""); drawOptions(); });
}
function drawOptions() {
  $("bricks").classList.toggle("whole", $("whole").checked);
  for (const claim of document.querySelectorAll(".claim")) claim.hidden = !$("claims").checked;
}
onChange((waiting, problem) => {
  if (problem) tell(waitingText(waiting, problem));
  else if (isWaiting && !waiting) tell("All answers are sent.");
  isWaiting = Boolean(problem) || (isWaiting && waiting > 0);
}, (address, why) => {
  const [id] = /[0-9a-f]{16}/.exec(address), isOpen = id === wall?.wall;
  if (id === lastWall || (isLeaving && isOpen)) return; // the confirmation has this answer too
  lost.push(why);
  if (lost.length === 1 && isOpen) load();
});
for (const id of ["undo", "reopen"]) $(id).addEventListener("click", undo);
$("confirm").addEventListener("click", confirmRest);
for (const id of ["zoom", "help"]) $(`${id}-close`).addEventListener("click", () => $(id).close());
$("zoom").addEventListener("close", () => { if (!isAlone()) focusOn(zoomed); }); // the browser went back to where it opened
$("help-open").addEventListener("click", () => $("help").showModal());
$("single-picture").addEventListener("click", () => { if ($("single-open").hidden) zoom(here); });
$("single-open").addEventListener("click", () => { opened.add(here); drawSingle(); });
$("second").addEventListener("click", () => { isSecond = true; load(); });
$("leave").addEventListener("click", async () => {
  const problem = await leave();
  $("help").close();
  if (problem) tell(problem); else location.href = "/";
});
document.addEventListener("keydown", onKey);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) spentMs += now() - shownAt;
  shownAt = now();
});
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); }); // by the back button: the wall may have ended, or belong to somebody else
drawOptions();
load();
