// A player's phone: joins a room and answers its pictures.
import { $, labelTitle, roomSocket } from "./common.js";

const RECONNECT_MS = 1000;
const RETRY_MS = 10000; // after a connection that the server refused
const code = document.body.dataset.code;
let socket = null, slot = -1;

function remembered(name) { try { return sessionStorage.getItem(name) || ""; } catch { return ""; } }
function remember(name, value) { try { sessionStorage.setItem(name, value); } catch { /* storage is switched off */ } }

$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  if (code) connect();
  else location.href = `/join/${$("room-code").value.trim().toUpperCase()}`;
});

function connect() {
  socket = roomSocket(code);
  let wasOpen = false;
  const joining = { kind: "join", nickname: $("nickname").value, token: remembered(`token-${code}`) };
  socket.addEventListener("open", () => { wasOpen = true; socket.send(JSON.stringify(joining)); });
  socket.addEventListener("message", (event) => receive(JSON.parse(event.data)));
  socket.addEventListener("close", () => {
    if (!$("room").hidden) setTimeout(connect, wasOpen ? RECONNECT_MS : RETRY_MS);
    else if (!wasOpen) $("problem").textContent = "This room is closed, or full.";
  });
}

function receive(message) {
  if (message.refused) $("problem").textContent = message.refused;
  else if (!("taken" in message)) showState(message);
  else if (!message.taken) $("verdict").textContent = message.why;
}

function showState(state) {
  if (state.token) remember(`token-${code}`, state.token);
  $("entrance").hidden = true;
  $("room").hidden = false;
  $("name").textContent = state.you.name;
  $("frame").hidden = !["question", "reveal"].includes(state.phase);
  if (state.slot !== slot && state.slot >= 0) {
    slot = state.slot;
    $("photo").src = `/show/${code}/${slot}.jpg`;
    $("photo").alt = `Picture ${slot + 1}`;
  }
  showChoices(state);
  $("verdict").className = "verdict";
  $("verdict").textContent = verdict(state);
  if (state.phase === "reveal") $("verdict").classList.add(isRight(state) ? "right" : "wrong");
  $("score").textContent = state.slot >= 0 ? `${state.you.right} right so far` : "";
}

function showChoices(state) {
  $("choices").hidden = state.phase !== "question";
  for (const [index, button] of [...$("choices").children].entries()) {
    const label = state.labels[index] || "";
    button.disabled = Boolean(state.you.answer);
    button.textContent = labelTitle(label);
    button.dataset.label = label;
    button.hidden = !label;
  }
}

function isRight(state) {
  return state.you.answer === state.reveal.truth;
}

function verdict(state) {
  if (state.phase === "lobby") return "You joined the room. Look at the big screen!";
  if (state.phase === "question") return state.you.answer ? `You answered ${labelTitle(state.you.answer)}.` : "";
  if (state.phase === "end") return `The end. You are number ${state.you.place} of ${state.players}.`;
  const start = isRight(state) ? "Right" : state.you.answer ? "Wrong" : "No answer";
  return `${start}: it is ${labelTitle(state.reveal.truth)}.`;
}

for (const button of $("choices").children) {
  button.addEventListener("click", () => {
    socket.send(JSON.stringify({ kind: "answer", slot, answer: button.dataset.label }));
    for (const other of $("choices").children) other.disabled = true;
    $("verdict").textContent = `You answered ${button.textContent}.`;
  });
}
