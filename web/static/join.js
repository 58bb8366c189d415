import { $, title } from "./common.js";

let socket = null, code = document.body.dataset.code, slot = -1, labels = [];
function kept(name, value) { try { if (value !== undefined) sessionStorage.setItem(name, value); return sessionStorage.getItem(name) || ""; } catch { return ""; } }

$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!code) {
    location.href = `/join/${$("given").value.trim().toUpperCase()}`;
    return;
  }
  connect();
});

function connect() {
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/show/${code}/ws`);
  socket.addEventListener("open", () => socket.send(JSON.stringify({ kind: "join", nickname: $("nickname").value, token: kept(`token-${code}`) })));
  socket.addEventListener("message", (event) => tell(JSON.parse(event.data)));
  socket.addEventListener("close", (event) => {
    if (event.code === 4404) $("refused").textContent = "This game is over.";
    else if (!$("room").hidden) setTimeout(connect, 1000);
  });
}

function tell(told) {
  if (told.refused) { $("refused").textContent = told.refused; socket.onclose = null; return; }
  if ("taken" in told) { if (!told.taken) $("verdict").textContent = told.why; return; }
  if (told.token) kept(`token-${code}`, told.token);
  $("entrance").hidden = true;
  $("room").hidden = false;
  labels = told.labels;
  $("name").textContent = told.you.name;
  const isQuestion = told.phase === "question";
  $("frame").hidden = !["question", "reveal"].includes(told.phase);
  if (told.slot !== slot && told.slot >= 0) {
    slot = told.slot;
    $("photo").src = `/show/${code}/${slot}.jpg`;
    $("photo").alt = `Picture ${slot + 1}`;
  }
  $("choices").hidden = !isQuestion;
  for (const [n, button] of [...$("choices").children].entries()) {
    button.disabled = Boolean(told.you.answer);
    button.textContent = title(labels[n] || "");
    button.dataset.label = labels[n] || "";
    button.hidden = n >= labels.length;
  }
  $("verdict").className = "verdict";
  if (told.phase === "lobby") $("verdict").textContent = "You are in. Look at the big screen!";
  else if (isQuestion) $("verdict").textContent = told.you.answer ? "Taken." : "";
  else if (told.phase === "reveal") {
    const isRight = told.you.answer === told.reveal.truth;
    $("verdict").textContent = `${isRight ? "Right" : told.you.answer ? "Fooled" : "Too late"}: it is ${title(told.reveal.truth)}.`;
    $("verdict").classList.add(isRight ? "right" : "wrong");
  } else $("verdict").textContent = `The end: place ${told.you.place} of ${told.players}.`;
  $("score").textContent = told.slot >= 0 ? `${told.you.right} right so far` : "";
}

for (const button of $("choices").children) {
  button.addEventListener("click", () => {
    socket.send(JSON.stringify({ kind: "answer", slot, answer: button.dataset.label }));
    for (const other of $("choices").children) other.disabled = true;
    $("verdict").textContent = `You say ${button.textContent}.`;
  });
}
