// What every page of the game needs: elements by id, words for labels, requests, and the model in this browser.
export const $ = (id) => document.getElementById(id);
export const title = (label) => label.replaceAll("_", " ");

export function element(kind, text = "", name = "") {
  const made = document.createElement(kind);
  made.textContent = text; // never markup: nicknames and credits come from anybody
  if (name) made.className = name;
  return made;
}

export async function ask(address, told) {
  const answer = await fetch(address, told === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(told),
  });
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(found.detail || `the server said ${answer.status}`);
  return found;
}

export function bar(share, name) {
  const made = element("meter");
  Object.assign(made, { min: 0, max: 1, value: share });
  made.setAttribute("aria-label", name);
  return made;
}

export function sides(list, rows, whole) {
  list.replaceChildren(...rows.map(([name, right, isYou]) => {
    const row = element("li", "", isYou ? "you" : "");
    row.append(element("span", name), bar(whole ? right / whole : 0, name), element("b", `${right}/${whole}`));
    return row;
  }));
}

export function saidBy(list, said) {
  list.replaceChildren(...Object.entries(said).map(([name, probabilities]) => {
    const [label, sure] = Object.entries(probabilities).sort((a, b) => b[1] - a[1])[0];
    const row = element("li");
    row.append(element("span", name, "name"), bar(sure, `${name}: ${label}`), element("span", `${title(label)} ${Math.round(100 * sure)} %`));
    return row;
  }));
}

let loading = null;

// The champion's graph in this browser. Null where there is none, or the browser cannot run it.
export function model() {
  loading ??= (async () => {
    const about = await ask("/play/model.json");
    if (!about.runtime) return null;
    const ort = await import("/vendor/ort/ort.wasm.min.mjs");
    ort.env.wasm.wasmPaths = "/vendor/ort/";
    ort.env.wasm.numThreads = 1; // more need a page that is isolated from all others
    const session = await ort.InferenceSession.create("/play/model.onnx", { executionProviders: ["wasm"] });
    return { ort, session, ...about };
  })().catch(() => null);
  return loading;
}

const ABOUT = 256; // px that a JPEG is scaled down to, by 2, 4 or 8, as it is decoded for training

// Pixels of a picture as training sees them: upright, on white. isJpeg: scaled down as JPEGs are decoded there.
async function pixels(blob) {
  const bitmap = await createImageBitmap(blob, { imageOrientation: "from-image", colorSpaceConversion: "default" });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, bitmap.width, bitmap.height);
  context.drawImage(bitmap, 0, 0);
  const { data, width, height } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  const head = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  let by = 1;
  if (head[0] === 0xff && head[1] === 0xd8) {
    const most = Math.min(Math.floor(width / ABOUT), Math.floor(height / ABOUT));
    by = [8, 4, 2].find((scale) => scale <= most) ?? 1;
  }
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
  return { rgb, w, h };
}

// Probability of each label; null where this browser cannot tell.
export async function judge(blob) {
  const found = await model();
  if (!found) return null;
  const { rgb, w, h } = await pixels(blob);
  const tensor = new found.ort.Tensor("uint8", rgb, [1, h, w, 3]);
  const { probabilities } = await found.session.run({ pixels: tensor }, ["probabilities"]);
  return Object.fromEntries(found.labels.map((label, k) => [label, probabilities.data[k]]));
}
