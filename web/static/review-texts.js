// What the wall says about answers.
import { sentence } from "./common.js";

// done: what came of a wall, as the server says it.
export function summary(done, isAlone) {
  if (isAlone) return "Thank you.";
  const known = done.hidden ? ` ${done.found} of ${done.hidden} odd ones that were known were found.` : "";
  return `${done.confirmed} confirmed, ${done.odd} odd.${known}`;
}

// reasons: of answers that the server will never take, one for each.
export function notTaken(reasons) {
  if (!reasons.length) return "";
  const why = [...new Set(reasons.map(sentence))].join(" ");
  return `${reasons.length} ${reasons.length === 1 ? "answer was" : "answers were"} not taken. ${why}`;
}

// count: of answers that wait in this browser. problem: why they cannot be sent.
export function waitingText(count, problem) {
  return `${count} ${count === 1 ? "answer waits" : "answers wait"} here. ${sentence(problem)} Trying again …`;
}
