// Answers that the server does not have yet. They are kept in this browser until it says that it has them.
import { postJson, sentence } from "./common.js";

const KEY = "isitcake.unsent", RETRY_MS = 2000;
let sending = null, timer = 0, changed = () => {}, refused = () => {};
let memory = null; // the list, where the browser keeps nothing or has no room left

export function unsent() {
  if (memory) return memory;
  try { return JSON.parse(localStorage.getItem(KEY)) || []; } catch { return []; }
}

function keep(list) {
  memory = null;
  try { localStorage.setItem(KEY, JSON.stringify(list)); } catch { memory = list; }
  changed(list.length);
}

// told: called with the number of answers that wait, and with the reason where they cannot be sent. lost: called with
// the address of an answer that the server will never take, and with the reason.
export function onChange(told, lost) { [changed, refused] = [told, lost]; }

// address: where to send it; content: what. A newer answer about the same picture does not replace an older one: the
// ledger keeps both.
export function send(address, content) {
  keep([...unsent(), { address, content }]);
  return flush();
}

// Send all that waits. Whoever asks meanwhile waits for the same sending: nothing that follows may overtake an answer.
export function flush() {
  sending ??= sendAll().finally(() => { sending = null; });
  return sending;
}

async function sendAll() {
  clearTimeout(timer);
  try {
    for (let list = unsent(); list.length; list = unsent()) {
      const [first] = list, { address, content } = first;
      let why = "";
      try {
        await postJson(address, content);
      } catch (error) {
        if (!error.isFinal) throw error; // not connected, too fast, or signed out: try again
        why = error.message;
      }
      const sent = JSON.stringify(first); // another tab may have sent it too: the first of the list may be another one now
      keep(unsent().filter((one) => JSON.stringify(one) !== sent));
      if (why) refused(address, why);
    }
  } catch (error) {
    changed(unsent().length, error.message);
    timer = setTimeout(flush, RETRY_MS);
  }
}

// Sign out, unless answers wait: nobody else could send them. Returns why not; an empty text after signing out.
export async function leave() {
  await flush();
  if (unsent().length) return "Some answers are not sent yet. Sign out when they are.";
  return postJson("/review/leave", {}).then(() => "", (error) => sentence(error.message));
}

addEventListener("online", flush);
