import { $, ask, element, judge, model, saidBy, sides, title } from "./common.js";

let round = null, slot = 0, mine = {}, reveals = [], isOpen = false;
const seen = [];

model(); // begins to load while the first picture is looked at

function remembered(name) { try { return localStorage.getItem(name) || ""; } catch { return ""; } }
function remember(name, value) { try { localStorage.setItem(name, value); } catch { /* a browser that forgets */ } }

$("nickname").value = remembered("nickname");

$("start").addEventListener("submit", async (event) => {
  event.preventDefault();
  await begin();
});
$("again").addEventListener("click", begin);

async function begin() {
  $("refused").textContent = "";
  try {
    round = await ask("/play/rounds", { nickname: $("nickname").value, player: remembered("player") });
  } catch (error) {
    $("refused").textContent = error.message;
    return;
  }
  remember("nickname", $("nickname").value);
  remember("player", round.player);
  [slot, reveals, mine] = [0, [], {}];
  seen.length = 0;
  $("welcome").hidden = true;
  $("end").hidden = true;
  $("game").hidden = false;
  $("dots").replaceChildren(...round.pictures.map(() => element("li")));
  await show();
}

async function show() {
  $("verdict").textContent = "";
  $("verdict").className = "verdict";
  $("said").replaceChildren();
  $("credit").textContent = "";
  $("next").hidden = true;
  $("choices").hidden = false;
  for (const button of $("choices").children) button.disabled = true; // until there is something to see
  [...$("dots").children].forEach((dot, n) => dot.classList.toggle("now", n === slot));
  $("count").textContent = `Picture ${slot + 1} of ${round.pictures.length}`;
  const answer = await fetch(round.pictures[slot]);
  const blob = await answer.blob();
  seen[slot] = { blob, address: URL.createObjectURL(blob) };
  $("photo").src = seen[slot].address;
  $("photo").alt = `Picture ${slot + 1}: is it ${title(round.labels[0])}?`;
  $("frame").classList.remove("pop");
  requestAnimationFrame(() => $("frame").classList.add("pop"));
  await $("photo").decode().catch(() => {});
  for (const button of $("choices").children) button.disabled = false;
  isOpen = true;
  const here = slot;
  judge(blob).then((found) => { if (found) mine[here] = found; }).catch(() => {});
}

async function choose(label) {
  if (!isOpen) return;
  isOpen = false;
  let found;
  try {
    found = await ask(`/play/rounds/${round.round}/${slot}`, { answer: label });
  } catch (error) {
    $("verdict").textContent = error.message;
    $("next").hidden = false;
    return;
  }
  reveals[slot] = found;
  const dot = $("dots").children[slot];
  dot.classList.add(found.is_right ? "right" : "wrong");
  dot.textContent = found.is_right ? "✓" : "✗";
  const truth = title(found.truth);
  $("verdict").textContent = found.is_right ? `Right: it is ${truth}!` : `Fooled you: it is ${truth}.`;
  $("verdict").classList.add(found.is_right ? "right" : "wrong");
  const said = { ...found.said };
  if (mine[slot]) said["your browser"] = mine[slot];
  saidBy($("said"), said);
  $("credit").textContent = credit(found);
  $("choices").hidden = true;
  $("next").hidden = false;
  $("next").textContent = slot + 1 < round.pictures.length ? "Next picture" : "Who won?";
  $("next").focus({ preventScroll: true });
}

function credit(found) {
  return [found.creator || found.site, found.licence].filter(Boolean).join(", ");
}

async function onwards() {
  slot += 1;
  if (slot < round.pictures.length) return show();
  const table = await ask(`/play/rounds/${round.round}`);
  $("game").hidden = true;
  $("end").hidden = false;
  const best = Math.max(0, ...Object.values(table.models));
  const against = Object.keys(table.models).length === 0 ? "" :
    table.right > best ? "You beat every model!" : table.right === best ? "A draw with the best model." : "The machines win this one.";
  $("score").textContent = `${table.right} of ${table.pictures}`;
  $("against").textContent = against;
  const rows = [[`${table.nickname} (you)`, table.right, true], ...Object.entries(table.models)];
  rows.sort((a, b) => b[1] - a[1]);
  sides($("sides"), rows, table.pictures);
  $("results").replaceChildren(...table.reveals.map((found) => {
    const row = element("li", "", found.is_right ? "right" : "");
    const image = element("img");
    image.src = seen[found.slot]?.address || round.pictures[found.slot];
    image.alt = title(found.truth);
    const text = element("div");
    text.append(element("p", `It is ${title(found.truth)}; you said ${title(found.answer)}.`));
    for (const [name, probabilities] of Object.entries(found.said)) {
      const [label, sure] = Object.entries(probabilities).sort((a, b) => b[1] - a[1])[0];
      text.append(element("p", `${label === found.truth ? "✓" : "✗"} ${name}: ${title(label)}, ${Math.round(100 * sure)} %`));
    }
    const from = element("p", `Photo: ${credit(found) || "unknown"}`, "small");
    from.style.textAlign = "left";
    text.append(from);
    row.append(image, text);
    return row;
  }));
  $("again").focus({ preventScroll: true });
  scrollTo(0, 0);
}

$("next").addEventListener("click", onwards);
for (const button of $("choices").children) button.addEventListener("click", () => choose(button.dataset.label));
document.addEventListener("keydown", (event) => {
  if ($("game").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
  const button = { ArrowLeft: 0, ArrowRight: 1 }[event.key] ?? (/^[1-9]$/.test(event.key) ? Number(event.key) - 1 : -1);
  if (isOpen && $("choices").children[button]) {
    event.preventDefault();
    choose($("choices").children[button].dataset.label);
  }
});
