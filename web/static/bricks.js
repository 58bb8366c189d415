// One picture of a wall, and what a person may do with it: tap, press long, the right button, the keyboard's focus.
import { element, labelTitle } from "./common.js";

const LONG_PRESS_MS = 450, MOVED_PX = 10, RETRY_MS = 2000, TRIES = 5;

// acts: pick(slot), zoom(slot), focus(slot), loaded(slot), lost(slot). isClaimed: whether the source's claim is shown.
export function makeBrick(picture, acts, isClaimed) {
  const { slot } = picture, item = element("li"), brick = element("button", "", "brick"), image = element("img");
  Object.assign(brick, { type: "button", tabIndex: -1 });
  brick.dataset.slot = slot;
  Object.assign(image, { src: picture.picture, alt: "", decoding: "async", draggable: false });
  let tries = 0;
  image.addEventListener("load", () => { brick.dataset.loaded = "yes"; delete brick.dataset.lost; acts.loaded(slot, brick); });
  image.addEventListener("error", () => {
    brick.dataset.lost = "yes";
    acts.lost(slot);
    tries += 1;
    if (tries < TRIES) setTimeout(() => { image.src = picture.picture; }, RETRY_MS * tries);
  });
  brick.append(image);
  if (picture.claim) {
    const claim = element("span", picture.claim, "claim");
    claim.hidden = !isClaimed;
    brick.append(claim);
  }
  const glass = element("button", "⤢", "glass");
  Object.assign(glass, { type: "button", tabIndex: -1 });
  glass.setAttribute("aria-label", `Zoom picture ${slot + 1}`);
  glass.addEventListener("click", () => acts.zoom(slot));
  item.append(brick, glass);
  listen(brick, slot, acts);
  return item;
}

function listen(brick, slot, acts) {
  let press = 0, isLong = false, start = null;
  brick.addEventListener("pointerdown", (event) => {
    [isLong, start] = [false, event];
    if (event.pointerType === "mouse") return;
    press = setTimeout(() => { isLong = true; acts.zoom(slot); }, LONG_PRESS_MS);
  });
  for (const name of ["pointerup", "pointercancel", "pointerleave", "pointermove"]) {
    brick.addEventListener(name, (event) => { if (name !== "pointermove" || (start && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > MOVED_PX)) clearTimeout(press); });
  }
  brick.addEventListener("contextmenu", (event) => { event.preventDefault(); if (!isLong) acts.zoom(slot); });
  brick.addEventListener("click", () => { if (!isLong) acts.pick(slot); });
  brick.addEventListener("focus", () => acts.focus(slot));
}

// A picture that looks like the one in the zoom; on this wall, with a button. answer(): its answer, or "". toggle(): change it.
export function makeAlike(one, answer, toggle) {
  const figure = element("figure"), image = element("img"), isHere = one.slot >= 0;
  Object.assign(image, { src: one.picture, alt: isHere ? `picture ${one.slot + 1} of this wall` : "a picture elsewhere" });
  figure.append(image);
  if (!isHere) return figure;
  const text = () => labelTitle(answer()) || "on this wall", button = element("button", text(), "brush");
  button.addEventListener("click", () => { toggle(); button.textContent = text(); });
  figure.append(button);
  return figure;
}
