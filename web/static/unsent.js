// Answers that the server does not have yet. They are kept in this browser until it says that it has them.
import { postJson } from "./common.js";

const KEY = "isitcake.unsent", RETRY_MS = 2000;
let isSending = false, timer = 0, changed = () => {};

export function unsent() {
  try { return JSON.parse(localStorage.getItem(KEY)) || []; } catch { return memory; }
}

let memory = []; // where the browser keeps nothing

function keep(list) {
  memory = list;
  try { localStorage.setItem(KEY, JSON.stringify(list)); } catch { /* storage is switched off or full */ }
  changed(list.length);
}

// told: called with the number of answers that wait, and with a sentence where they cannot be sent.
export function onChange(told) { changed = told; }

// address: where to send it; content: what. A newer answer about the same picture does not replace an older one: the
// ledger keeps both.
export function send(address, content) {
  keep([...unsent(), { address, content }]);
  return flush();
}

export async function flush() {
  if (isSending) return;
  isSending = true;
  clearTimeout(timer);
  try {
    for (let list = unsent(); list.length; list = unsent()) {
      const [{ address, content }] = list;
      try {
        await postJson(address, content);
      } catch (error) {
        if (!error.isFinal) throw error; // not connected, too fast, or signed out: try again
      }
      keep(unsent().slice(1));
    }
  } catch (error) {
    changed(unsent().length, error.message);
    timer = setTimeout(flush, RETRY_MS);
  } finally {
    isSending = false;
  }
}

addEventListener("online", flush);
