// The host's screen: opens a room, shows pictures, answers and scores.
import { $, NOT_CONNECTED, credit, element, labelTitle, percent, postJson, roomSocket, scoreRow, sendTo, sentence, showPredictions, swap } from "./common.js";

const RECONNECT_MS = 1000;
const CLOCK_MS = 200;
const LEAST_STEP_MS = 800; // the second click of a double click would end the picture that the first one shows
const BEST_PLAYERS = 5;
let room = null, socket = null, endsAt = 0, shownSlot = -1, step = "";

$("open").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = $("open").querySelector("button");
  button.disabled = true; // a double click would open two rooms
  try {
    room = await postJson("/show", { seconds: Number($("seconds").value), pictures: Number($("pictures").value) });
  } catch (error) {
    $("problem").textContent = sentence(error.message);
    return;
  } finally {
    button.disabled = false;
  }
  $("setup").hidden = true;
  $("room").hidden = false;
  $("code").textContent = room.code;
  $("address").textContent = room.address.replace(/^https?:\/\//, "");
  $("qr").src = `data:image/svg+xml;base64,${btoa(room.qr)}`;
  connect();
});

function connect() {
  socket?.close();
  const mine = socket = roomSocket(room.code);
  socket.addEventListener("open", () => socket.send(JSON.stringify({ kind: "host", token: room.host })));
  socket.addEventListener("message", (event) => { if (mine === socket) showState(JSON.parse(event.data)); });
  socket.addEventListener("close", () => {
    if (mine !== socket) return;
    sayLost();
    setTimeout(connect, RECONNECT_MS);
  });
}

function sayLost() {
  $("players").textContent = NOT_CONNECTED;
  $("go").disabled = true;
  step = "";
}

function showState(state) {
  $("players").textContent = `${state.players} ${state.players === 1 ? "player" : "players"}`;
  $("lobby").hidden = state.phase !== "lobby";
  $("question").hidden = !["question", "reveal"].includes(state.phase);
  $("finish").hidden = state.phase !== "end";
  if (!$("question").hidden) showPicture(state);
  showReveal(state);
  const hasMore = state.slot + 1 < state.pictures;
  $("go").textContent = { lobby: "Start", question: "End this picture", reveal: hasMore ? "Next picture" : "Show the result", end: "" }[state.phase];
  $("go").hidden = state.phase === "end";
  const now = `${state.phase} ${state.slot}`;
  if (now !== step) {
    step = now;
    $("go").disabled = true;
    setTimeout(() => { if (step === now) $("go").disabled = false; }, LEAST_STEP_MS);
  }
  if (state.phase === "end") showResult(state.score);
}

function showPicture(state) {
  if (shownSlot !== state.slot) {
    shownSlot = state.slot;
    swap($("photo"), `/show/${room.code}/${state.slot}.jpg`);
    $("photo").alt = `Picture ${state.slot + 1}`;
  }
  endsAt = performance.now() + 1000 * state.left;
  $("count").textContent = `Picture ${state.slot + 1} of ${state.pictures}`;
  $("answered").textContent = `${state.answered} of ${state.players} answered`;
}

function showReveal(state) {
  const reveal = state.phase === "reveal" ? state.reveal : null;
  $("verdict").textContent = reveal ? `It is ${labelTitle(reveal.truth)}!` : "";
  $("bars").replaceChildren(...(reveal ? answerRows(reveal.counts, state.labels) : []));
  showPredictions($("predictions"), reveal ? reveal.said : {});
  $("credit").textContent = reveal ? credit(reveal) : "";
}

function answerRows(counts, labels) {
  const whole = Object.values(counts).reduce((a, b) => a + b, 0) || 1;
  return labels.map((label) => scoreRow(labelTitle(label), (counts[label] || 0) / whole, String(counts[label] || 0)));
}

function showResult(score) {
  const models = Object.entries(score.models).map(([name, right]) => [name, right / score.shown, false]);
  const average = score.audience ?? 0, majority = score.majority / score.shown;
  const entries = [["average of the players", average, true], ["majority of the players", majority, true], ...models];
  entries.sort((a, b) => b[1] - a[1]);
  $("winner").textContent = winner(Math.max(average, majority), Math.max(0, ...models.map(([, share]) => share)), models.length);
  $("final").replaceChildren(...entries.map(([name, share, isPlayer]) => scoreRow(name, share, percent(share), isPlayer)));
  $("best").replaceChildren(...score.best.slice(0, BEST_PLAYERS).map(([name, right]) => element("li", `${name}: ${right}`)));
}

function winner(players, bestModel, modelCount) {
  if (modelCount === 0) return "The game is over";
  if (players > bestModel) return "The players beat every model!";
  return players === bestModel ? "A draw with the best model" : "The best model wins";
}

function showClock() {
  const isRunning = !$("question").hidden && !$("verdict").textContent;
  $("clock").textContent = isRunning ? String(Math.max(0, Math.ceil((endsAt - performance.now()) / 1000))) : "";
}

$("go").addEventListener("click", () => {
  $("go").disabled = true; // until the next step is shown
  sendTo(socket, { kind: "next" }, () => { sayLost(); connect(); });
});
document.addEventListener("keydown", (event) => {
  if (event.key === " " && !$("room").hidden && document.activeElement !== $("go")) {
    event.preventDefault();
    $("go").click();
  }
});
setInterval(showClock, CLOCK_MS);
