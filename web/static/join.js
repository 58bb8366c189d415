// A player's phone: joins a room and answers its pictures.
import { $, NOT_CONNECTED, element, keeper, labelTitle, roomSocket, sendTo, sentence, swap } from "./common.js";

const RECONNECT_MS = 1000;
const RETRY_MS = 10000; // after a connection that the server refused
const code = document.body.dataset.code;
let socket = null, slot = -1, last = null, isThere = false; // last: what the server said last; isThere: the picture

const { recall, remember } = keeper("sessionStorage");

$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  if (code) connect();
  else location.href = `/join/${$("room-code").value.trim().toUpperCase()}`;
});

function connect() {
  socket?.close();
  socket = roomSocket(code);
  const mine = socket;
  let wasOpen = false;
  $("enter").querySelector("button").disabled = true; // a double tap would join twice
  const joining = { kind: "join", nickname: $("nickname").value, token: recall(`token-${code}`) };
  socket.addEventListener("open", () => { wasOpen = true; socket.send(JSON.stringify(joining)); });
  socket.addEventListener("message", (event) => { if (mine === socket) receive(JSON.parse(event.data)); });
  socket.addEventListener("close", () => {
    if (mine !== socket) return;
    $("enter").querySelector("button").disabled = false;
    if (!$("room").hidden) {
      sayLost();
      setTimeout(connect, wasOpen ? RECONNECT_MS : RETRY_MS);
    } else if (!wasOpen) $("problem").textContent = "This room is closed or full, or the server does not answer.";
  });
}

function sayLost() {
  $("verdict").className = "verdict";
  $("verdict").textContent = NOT_CONNECTED;
  for (const button of $("choices").children) button.disabled = true; // an answer would be lost
}

function receive(message) {
  if (message.refused) {
    $($("room").hidden ? "problem" : "verdict").textContent = sentence(message.refused);
    $("enter").querySelector("button").disabled = false;
  } else if (!("taken" in message)) showState(message);
  else if (!message.taken) $("verdict").textContent = sentence(message.why);
}

function showState(state) {
  if (state.token) remember(`token-${code}`, state.token);
  $("entrance").hidden = true;
  $("room").hidden = false;
  $("name").textContent = state.you.name;
  $("frame").hidden = !["question", "reveal"].includes(state.phase);
  if (state.slot !== slot && state.slot >= 0) {
    [slot, isThere] = [state.slot, false];
    $("photo").alt = `Picture ${slot + 1}`;
    swap($("photo"), `/show/${code}/${slot}.jpg`).then((ended) => {
      if (ended === null) return;
      isThere = true; // or it cannot be loaded: the big screen shows it too
      showChoices(last);
    });
  }
  last = state;
  showChoices(state);
  $("verdict").className = "verdict";
  $("verdict").textContent = verdict(state);
  if (state.phase === "reveal") $("verdict").classList.add(isRight(state) ? "right" : "wrong");
  $("score").textContent = state.slot >= 0 ? `${state.you.right} right so far` : "";
}

function showChoices(state) {
  if ($("choices").children.length !== state.labels.length) $("choices").replaceChildren(...state.labels.map(choice));
  $("choices").hidden = state.phase !== "question";
  for (const button of $("choices").children) button.disabled = Boolean(state.you.answer) || !isThere || socket.readyState !== WebSocket.OPEN;
}

function choice(label) {
  const button = element("button", labelTitle(label));
  button.addEventListener("click", () => {
    if (socket.readyState !== WebSocket.OPEN) return;
    sendTo(socket, { kind: "answer", slot, answer: label }, () => { sayLost(); connect(); });
    last.you.answer = label;
    showChoices(last);
    $("verdict").textContent = verdict(last);
  });
  return button;
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
