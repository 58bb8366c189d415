// A round for one player.
import {
  $, classify, credit, element, getBlob, getJson, keeper, labelTitle, loadModel, pause, percent, postJson, scoreRow, sentence, showPredictions, swap,
  topLabel,
} from "./common.js";

let round = null, slot = 0, isOpen = false;
let photos = []; // of this round, by slot: object URLs
let browserPredictions = []; // of this round, by slot: label → probability

loadModel(); // loads while the player looks at the first picture

const { recall, remember } = keeper("localStorage");
const RETRY_MS = 2000;

// Ask again until the server answers, and say so. Raises an error that asking again would not change.
async function insist(ask) {
  for (;;) {
    try {
      const content = await ask();
      $("verdict").textContent = "";
      return content;
    } catch (error) {
      if (error.isFinal) throw error;
      $("verdict").textContent = `${sentence(error.message)} Trying again …`;
      await pause(RETRY_MS);
    }
  }
}

async function begin() {
  $("problem").textContent = "";
  for (const id of ["begin", "again"]) $(id).disabled = true; // a double tap would begin two rounds
  try {
    round = await postJson("/play/rounds", { nickname: $("nickname").value, player: recall("player") });
  } catch (error) {
    $("problem").textContent = sentence(error.message);
    [$("end").hidden, $("welcome").hidden] = [true, false];
    return;
  } finally {
    for (const id of ["begin", "again"]) $(id).disabled = false;
  }
  remember("nickname", $("nickname").value);
  remember("player", round.player);
  [slot, photos, browserPredictions] = [0, [], []];
  $("welcome").hidden = true;
  $("end").hidden = true;
  $("game").hidden = false;
  $("dots").replaceChildren(...round.pictures.map(() => element("li")));
  $("choices").replaceChildren(...round.labels.map(choice)); // of this round: a new version may have others
  await showPicture();
}

function choice(label, index) {
  const button = element("button", labelTitle(label));
  button.append(element("kbd", String(index + 1)));
  button.dataset.label = label;
  button.addEventListener("click", () => choose(label));
  return button;
}

async function showPicture() {
  $("verdict").textContent = "";
  $("verdict").className = "verdict";
  $("predictions").replaceChildren();
  $("credit").textContent = "";
  $("next").hidden = true;
  $("choices").hidden = false;
  for (const button of $("choices").children) button.disabled = true; // until the picture is visible
  [...$("dots").children].forEach((dot, index) => dot.classList.toggle("now", index === slot));
  $("count").textContent = `Picture ${slot + 1} of ${round.pictures.length}`;
  $("photo").classList.add("waiting");
  let blob;
  try {
    blob = await insist(() => getBlob(round.pictures[slot]));
  } catch {
    return passOver("This picture was taken down meanwhile.");
  }
  photos[slot] = URL.createObjectURL(blob);
  $("photo").alt = `Picture ${slot + 1}: ${round.labels.map(labelTitle).join(" or ")}?`;
  $("frame").classList.remove("pop");
  requestAnimationFrame(() => $("frame").classList.add("pop"));
  await swap($("photo"), photos[slot]);
  for (const button of $("choices").children) button.disabled = false;
  isOpen = true;
  const [predictions, current] = [browserPredictions, slot];
  classify(blob).then((probabilities) => { if (probabilities) predictions[current] = probabilities; }).catch(() => {});
  return undefined;
}

function passOver(why) {
  $("verdict").textContent = why;
  $("choices").hidden = true;
  $("next").hidden = false;
}

async function choose(label) {
  if (!isOpen) return;
  isOpen = false;
  for (const button of $("choices").children) button.disabled = true; // the press is seen, however slow the connection is
  let reveal;
  try {
    reveal = await insist(() => postJson(`/play/rounds/${round.round}/${slot}`, { answer: label }));
  } catch (error) {
    passOver(sentence(error.message));
    return;
  }
  showReveal(reveal);
}

function showReveal(reveal) {
  const [result, mark] = reveal.is_right ? ["right", "✓"] : ["wrong", "✗"];
  const dot = $("dots").children[slot];
  dot.classList.add(result);
  dot.textContent = mark;
  const truth = labelTitle(reveal.truth);
  $("verdict").textContent = reveal.is_right ? `Right: it is ${truth}!` : `Wrong: it is ${truth}.`;
  $("verdict").classList.add(result);
  const predictions = { ...reveal.said };
  if (browserPredictions[slot]) predictions["your browser"] = browserPredictions[slot];
  showPredictions($("predictions"), predictions);
  $("credit").textContent = credit(reveal);
  $("choices").hidden = true;
  $("next").hidden = false;
  $("next").textContent = slot + 1 < round.pictures.length ? "Next picture" : "Show the result";
  $("next").focus({ preventScroll: true });
}

async function goOn() {
  if ($("next").hidden) return undefined;
  $("next").hidden = true;
  slot += 1;
  if (slot < round.pictures.length) return showPicture();
  return showResult(await insist(() => getJson(`/play/rounds/${round.round}`)));
}

function showResult(result) {
  $("game").hidden = true;
  $("end").hidden = false;
  $("score").textContent = `${result.right} of ${result.pictures}`;
  $("against").textContent = comparison(result.right, Object.values(result.models));
  const rows = [[`${result.nickname} (you)`, result.right, true], ...Object.entries(result.models)];
  rows.sort((a, b) => b[1] - a[1]);
  const whole = result.pictures;
  $("scores").replaceChildren(...rows.map(([name, right, isPlayer]) => scoreRow(name, whole ? right / whole : 0, `${right}/${whole}`, isPlayer)));
  $("results").replaceChildren(...result.reveals.map(resultRow));
  $("again").focus({ preventScroll: true });
  scrollTo(0, 0);
}

function comparison(right, models) {
  if (models.length === 0) return "";
  const best = Math.max(0, ...models);
  if (right > best) return "You beat every model!";
  return right === best ? "A draw with the best model." : "The best model wins this round.";
}

function resultRow(reveal) {
  const row = element("li", "", reveal.is_right ? "right" : "");
  const image = element("img");
  image.src = photos[reveal.slot] || round.pictures[reveal.slot];
  image.alt = labelTitle(reveal.truth);
  const text = element("div");
  text.append(element("p", `It is ${labelTitle(reveal.truth)}; you answered ${labelTitle(reveal.answer)}.`));
  for (const [name, probabilities] of Object.entries(reveal.said)) {
    const [label, probability] = topLabel(probabilities);
    text.append(element("p", `${label === reveal.truth ? "✓" : "✗"} ${name}: ${labelTitle(label)}, ${percent(probability)}`));
  }
  const source = element("p", `Photo: ${credit(reveal) || "unknown"}`, "small");
  text.append(source);
  row.append(image, text);
  return row;
}

$("nickname").value = recall("nickname");
$("start").addEventListener("submit", (event) => { event.preventDefault(); begin(); });
$("again").addEventListener("click", begin);
$("next").addEventListener("click", goOn);
document.addEventListener("keydown", (event) => {
  if ($("game").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
  const index = { ArrowLeft: 0, ArrowRight: 1 }[event.key] ?? (/^[1-9]$/.test(event.key) ? Number(event.key) - 1 : -1);
  const button = $("choices").children[index];
  if (isOpen && button) {
    event.preventDefault();
    choose(button.dataset.label);
  }
});
