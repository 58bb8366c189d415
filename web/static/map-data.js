// The pictures of the map as columns, and the categories that colour them.
import { getJson, labelTitle, percent } from "./common.js";

const GRID = 65535, ERROR_STEPS = 200, NOT_QUEUED = 255, COLOURED = 7; // as in web/map/content.py; colours of names
const ERROR_BOUNDS = [0.05, 0.2, 0.5, 0.8, 1.01];
const ERROR_NAMES = ["below 5 %", "5 to 20 %", "20 to 50 %", "50 to 80 %", "80 % or more"];
const TITLES = { set_aside: "excluded automatically", "": "no label yet" };
export const MODES = { label: "label", error: "error probability", source: "source", split: "split", agreement: "agreement" };

function bytes(text) { return Uint8Array.from(atob(text), (character) => character.charCodeAt(0)); }
function shorts(text) { return new Uint16Array(bytes(text).buffer); }

export async function load() {
  const { count, measured, texts, columns } = await getJson("/map/content.json");
  const hashes = bytes(columns.sha256), x = shorts(columns.x), y = shorts(columns.y);
  const digits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
  const position = new Float32Array(2 * count);
  for (let i = 0; i < count; i++) {
    position[2 * i] = (x[i] / GRID) * 2 - 1;
    position[2 * i + 1] = (y[i] / GRID) * 2 - 1;
  }
  const data = {
    count, measured, texts, position,
    sha256: (i) => Array.from(hashes.subarray(32 * i, 32 * i + 32), (byte) => digits[byte]).join(""),
    label: bytes(columns.label), split: bytes(columns.split), source: shorts(columns.source),
    error: bytes(columns.error), copies: bytes(columns.copies), out: bytes(columns.out),
    agreement: columns.agreement ? bytes(columns.agreement) : null,
  };
  data.indexOf = indexBy(data);
  return data;
}

function indexBy(data) {
  let known = null;
  return (sha256) => {
    known ??= new Map(Array.from({ length: data.count }, (_, i) => [data.sha256(i), i]));
    return known.get(sha256) ?? -1;
  };
}

export const title = (text) => TITLES[text] ?? labelTitle(text);
export const labelOf = (data, i) => title(data.texts.label[data.label[i]]);
export const probability = (data, i) => (data.error[i] === NOT_QUEUED ? null : data.error[i] / ERROR_STEPS);

export function modes(data) { return Object.keys(MODES).filter((mode) => mode !== "agreement" || data.agreement); }

// The categories of a mode: names, names of their colours in the style sheet, and the category of each picture.
export function categories(data, mode) {
  if (mode === "error") {
    const of = Uint8Array.from(data.error, (step) => (step === NOT_QUEUED ? 5 : ERROR_BOUNDS.findIndex((bound) => step / ERROR_STEPS < bound)));
    const colours = ["error-1", "error-2", "error-3", "error-4", "error-5", "point-none"];
    return withCounts([...ERROR_NAMES, "not in the queue"], colours, of);
  }
  const names = data.texts[mode].map(title), column = data[mode];
  if (mode === "agreement") return withCounts(names, ["point-none", "point-2", "point-1", "point-3", "point-4"], column);
  const colours = names.map((_, i) => `point-${(i % COLOURED) + 1}`);
  if (names.length <= COLOURED + 1) {
    if (names.length > COLOURED) colours[COLOURED] = "point-none";
    return withCounts(names, colours, column);
  }
  const others = `${names.length - COLOURED} others`;
  return withCounts([...names.slice(0, COLOURED), others], [...colours.slice(0, COLOURED), "point-none"], Uint8Array.from(column, (i) => Math.min(i, COLOURED)));
}

function withCounts(names, colours, of) {
  const counts = names.map(() => 0);
  for (const category of of) counts[category]++;
  return { names, colours, of, counts };
}

// One line about a picture, for people who hear it.
export function line(data, i) {
  const p = probability(data, i), parts = [labelOf(data, i)];
  if (p !== null) parts.push(`error probability ${percent(p)}`);
  if (data.copies[i] > 1) parts.push(`${data.copies[i]} copies of one picture`);
  if (data.out[i]) parts.push("left out");
  return parts.join(", ");
}

export function facts(data, i) {
  const p = probability(data, i);
  const rows = [["label", labelOf(data, i)], ["error probability", p === null ? "not in the queue" : percent(p)]];
  rows.push(["source", data.texts.source[data.source[i]] || "none any more"], ["split", title(data.texts.split[data.split[i]])]);
  if (data.agreement) rows.push(["answers", data.texts.agreement[data.agreement[i]]]);
  if (data.copies[i] > 1) rows.push(["copies", `${data.copies[i]} files show this picture`]);
  return rows;
}
