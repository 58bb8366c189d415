// Shared by all pages of the game: elements, requests, lists of scores and predictions, and the model in this browser.
export const $ = (id) => document.getElementById(id);
export const labelTitle = (label) => label.replaceAll("_", " ");
export const percent = (share) => `${Math.round(100 * share)} %`;

export function element(kind, text = "", className = "") {
  const made = document.createElement(kind);
  made.textContent = text; // never markup: nicknames and credits come from strangers
  if (className) made.className = className;
  return made;
}

async function checked(response) {
  const content = await response.json().catch(() => ({}));
  if (!response.ok) {
    const error = new Error(content.detail || `the server answered with status ${response.status}`);
    error.isFinal = [400, 404, 409, 413, 415, 422].includes(response.status); // the same again has the same answer
    throw error;
  }
  return content;
}

// Every browser has words of its own for a server that does not answer; people read ours.
async function reach(address, options) {
  try {
    return await fetch(address, options);
  } catch {
    throw new Error(navigator.onLine ? "the server does not answer" : "this device is offline");
  }
}

export async function getJson(address) {
  return checked(await reach(address));
}

export async function getBlob(address) {
  const response = await reach(address);
  return response.ok ? response.blob() : checked(response);
}

export async function postJson(address, content) {
  const headers = { "Content-Type": "application/json" };
  return checked(await reach(address, { method: "POST", headers, body: JSON.stringify(content) }));
}

export async function postFile(address, file) {
  return checked(await reach(address, { method: "POST", body: file }));
}

// A message of the server as a sentence of a page.
export function sentence(text) {
  const plain = text.replaceAll("`", "");
  return plain.slice(0, 1).toUpperCase() + plain.slice(1) + (/[.?!…]$/.test(plain) ? "" : ".");
}

// Small texts that this browser keeps, if it keeps anything. storage: localStorage, or sessionStorage for this tab.
export function keeper(storage, prefix = "") {
  return {
    recall: (name) => { try { return window[storage].getItem(prefix + name) || ""; } catch { return ""; } },
    remember: (name, value) => { try { window[storage].setItem(prefix + name, value); } catch { /* switched off */ } },
  };
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Show another picture. Until it is there nothing is seen: the picture before it would be answered in its place.
// Returns whether it is there; null if yet another one was asked for meanwhile.
export async function swap(image, address) {
  image.classList.add("waiting");
  image.src = address;
  const isThere = await image.decode().then(() => true, () => false);
  if (image.getAttribute("src") !== address) return null;
  image.classList.remove("waiting");
  return isThere;
}

export function meter(share, name) {
  const made = element("meter");
  Object.assign(made, { min: 0, max: 1, value: share });
  made.setAttribute("aria-label", name);
  return made;
}

// A line of a list: name, meter, number. isPlayer: stands out.
export function scoreRow(name, share, text, isPlayer = false) {
  const row = element("li", "", isPlayer ? "you" : "");
  row.append(element("span", name), meter(share, name), element("b", text));
  return row;
}

// The most probable label, and its probability.
export function topLabel(probabilities) {
  return Object.entries(probabilities).sort((a, b) => b[1] - a[1])[0];
}

// predictions: model name → label → probability.
export function showPredictions(list, predictions) {
  list.replaceChildren(...Object.entries(predictions).map(([name, probabilities]) => {
    const [label, probability] = topLabel(probabilities);
    const row = element("li");
    const text = `${labelTitle(label)} ${percent(probability)}`;
    row.append(element("span", name, "name"), meter(probability, `${name}: ${label}`), element("span", text));
    return row;
  }));
}

export function credit(picture) {
  return [picture.creator || picture.site, picture.licence].filter(Boolean).join(", ");
}

export const NOT_CONNECTED = "Not connected: the server does not answer, or the room is closed. Trying again …";

export function roomSocket(code) {
  return new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/show/${code}/ws`);
}

const ANSWER_MS = 4000; // the server answers within a few milliseconds

// Send a message. silent: called if nothing comes back: after a sleep, or in another network, a socket only looks open.
export function sendTo(socket, content, silent) {
  socket.send(JSON.stringify(content));
  const timer = setTimeout(silent, ANSWER_MS);
  for (const name of ["message", "close"]) socket.addEventListener(name, () => clearTimeout(timer), { once: true });
}

let loading = null;

// The default model in this browser. Null if there is no model, or the browser cannot run it.
export function loadModel() {
  loading ??= (async () => {
    const about = await getJson("/play/model.json");
    if (!about.runtime || !readsPixels()) return null;
    const ort = await import("/vendor/ort/ort.wasm.min.mjs");
    ort.env.wasm.wasmPaths = "/vendor/ort/";
    ort.env.wasm.numThreads = 1; // more threads need a cross-origin isolated page
    const session = await ort.InferenceSession.create("/play/model.onnx", { executionProviders: ["wasm"] });
    return { ort, session, ...about };
  })().catch(() => null);
  return loading;
}

const DECODED_PX = 256; // training decodes a JPEG scaled down by 2, 4 or 8, to a shorter side of at least this
const STRIP_PX = 512; // rows that are read at once, a multiple of 8: an iPhone has no canvas of more than 16 megapixels
const MOST_PX = 80_000_000; // as in dataset/pictures/decoding.py

function whiteCanvas(width, height) {
  const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  return context;
}

// Browsers that hide who uses them give pages noise instead of pixels.
function readsPixels() {
  return whiteCanvas(4, 4).getImageData(0, 0, 4, 4).data.every((value) => value > 250);
}

// Pixels of a picture as training sees them: upright, on white, and scaled down if the picture is a JPEG.
async function pixels(blob) {
  const bitmap = await createImageBitmap(blob).catch(() => { throw new Error("this browser cannot read this file as a picture"); });
  const { width, height } = bitmap;
  if (width * height > MOST_PX) throw new Error("this picture is too large: it may have at most 80 megapixels");
  const head = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  let by = 1;
  if (head[0] === 0xff && head[1] === 0xd8) {
    const most = Math.min(Math.floor(width / DECODED_PX), Math.floor(height / DECODED_PX));
    by = [8, 4, 2].find((scale) => scale <= most) ?? 1;
  }
  const w = Math.ceil(width / by), h = Math.ceil(height / by), rgb = new Uint8Array(w * h * 3);
  for (let top = 0; top < height; top += STRIP_PX) {
    const rows = Math.min(STRIP_PX, height - top), context = whiteCanvas(width, rows);
    context.drawImage(bitmap, 0, -top);
    rgb.set(scaledDown(context.getImageData(0, 0, width, rows).data, width, rows, by), (3 * w * top) / by);
  }
  return { rgb, w, h };
}

// The average of each square of `by` × `by` pixels. data: RGBA. Returns RGB.
function scaledDown(data, width, height, by) {
  const w = Math.ceil(width / by), h = Math.ceil(height / by);
  const rgb = new Uint8Array(w * h * 3);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const right = Math.min(width, (x + 1) * by), bottom = Math.min(height, (y + 1) * by);
      let r = 0, g = 0, b = 0, n = 0;
      for (let v = y * by; v < bottom; v++) {
        for (let u = x * by; u < right; u++) {
          const at = 4 * (v * width + u);
          r += data[at]; g += data[at + 1]; b += data[at + 2]; n++;
        }
      }
      rgb.set([Math.round(r / n), Math.round(g / n), Math.round(b / n)], 3 * (y * w + x));
    }
  }
  return rgb;
}

// Probability of each label. Null if this browser cannot run the model.
export async function classify(blob) {
  const model = await loadModel();
  if (!model) return null;
  const { rgb, w, h } = await pixels(blob);
  const tensor = new model.ort.Tensor("uint8", rgb, [1, h, w, 3]);
  const run = model.session.run({ pixels: tensor }, ["probabilities"]);
  const { probabilities } = await run.catch(() => { throw new Error("this browser has too little memory for this picture"); });
  return Object.fromEntries(model.labels.map((label, index) => [label, probabilities.data[index]]));
}
