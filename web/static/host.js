import { $, ask, bar, element, saidBy, title } from "./common.js";

let show = null, socket = null, until = 0, shown = -1;

$("open").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    show = await ask("/show", { seconds: Number($("seconds").value), pictures: Number($("pictures").value) });
  } catch (error) {
    $("refused").textContent = error.message;
    return;
  }
  $("setup").hidden = true;
  $("room").hidden = false;
  $("code").textContent = show.code;
  $("address").textContent = show.address.replace(/^https?:\/\//, "");
  $("qr").src = `data:image/svg+xml;base64,${btoa(show.qr)}`;
  connect();
});

function connect() {
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/show/${show.code}/ws`);
  socket.addEventListener("open", () => socket.send(JSON.stringify({ kind: "host", token: show.host })));
  socket.addEventListener("message", (event) => tell(JSON.parse(event.data)));
  socket.addEventListener("close", () => setTimeout(connect, 1000));
}

function rows(counts, labels) {
  const whole = Object.values(counts).reduce((a, b) => a + b, 0) || 1;
  return labels.map((label) => {
    const row = element("li");
    row.append(element("span", title(label)), bar((counts[label] || 0) / whole, label), element("b", String(counts[label] || 0)));
    return row;
  });
}

function tell(told) {
  $("players").textContent = `${told.players} ${told.players === 1 ? "player" : "players"}`;
  $("lobby").hidden = told.phase !== "lobby";
  $("question").hidden = !["question", "reveal"].includes(told.phase);
  $("finish").hidden = told.phase !== "end";
  if (told.phase === "question" || told.phase === "reveal") {
    if (shown !== told.slot) {
      shown = told.slot;
      $("photo").src = `/show/${show.code}/${told.slot}.jpg`;
      $("photo").alt = `Picture ${told.slot + 1}`;
    }
    until = performance.now() + 1000 * told.left;
    $("count").textContent = `Picture ${told.slot + 1} of ${told.pictures}`;
    $("answered").textContent = `${told.answered} of ${told.players} answered`;
  }
  const isReveal = told.phase === "reveal";
  $("verdict").textContent = isReveal ? `It is ${title(told.reveal.truth)}!` : "";
  $("bars").replaceChildren(...(isReveal ? rows(told.reveal.counts, told.labels) : []));
  if (isReveal) saidBy($("said"), told.reveal.said); else $("said").replaceChildren();
  $("credit").textContent = isReveal ? [told.reveal.creator || told.reveal.site, told.reveal.licence].filter(Boolean).join(", ") : "";
  $("go").textContent = { lobby: "Start", question: "Time is up", reveal: told.slot + 1 < told.pictures ? "Next picture" : "Who won?", end: "" }[told.phase];
  $("go").hidden = told.phase === "end";
  if (told.phase === "end") {
    const score = told.score;
    const entries = [["the audience, each", score.audience ?? 0], ["the audience, by majority", score.majority / score.shown], ...Object.entries(score.models).map(([name, n]) => [name, n / score.shown])];
    entries.sort((a, b) => b[1] - a[1]);
    const best = Math.max(0, ...Object.values(score.models)) / score.shown;
    const people = Math.max(score.audience ?? 0, score.majority / score.shown);
    $("winner").textContent = Object.keys(score.models).length === 0 ? "What a room!" : people > best ? "The audience beats every model!" : people === best ? "A draw!" : "The machines win. This time.";
    $("final").replaceChildren(...entries.map(([name, share]) => {
      const row = element("li", "", name.startsWith("the audience") ? "you" : "");
      row.append(element("span", name), bar(share, name), element("b", `${Math.round(100 * share)} %`));
      return row;
    }));
    $("best").replaceChildren(...score.best.slice(0, 5).map(([name, right]) => element("li", `${name}: ${right}`)));
  }
}

$("go").addEventListener("click", () => socket.send(JSON.stringify({ kind: "next" })));
document.addEventListener("keydown", (event) => {
  if (event.key === " " && !$("room").hidden && document.activeElement !== $("go")) { event.preventDefault(); $("go").click(); }
});
setInterval(() => { $("clock").textContent = $("question").hidden || !$("verdict") || $("verdict").textContent ? "" : String(Math.max(0, Math.ceil((until - performance.now()) / 1000))); }, 200);
