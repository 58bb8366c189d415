import { $, judge, model, saidBy } from "./common.js";

window.judge = judge; // for who wants to try it from the console
model().then((found) => { $("where").textContent = found ? "The model runs in this page: your photo stays on this device." : "This browser cannot run the model: your photo is sent to this server, judged in memory and not kept."; });

async function look(file) {
  if (!file) return;
  $("verdict").textContent = "Looking …";
  $("photo").src = URL.createObjectURL(file);
  $("frame").hidden = false;
  try {
    let found = await judge(file);
    if (!found) {
      const answer = await fetch("/playground/judge", { method: "POST", body: file });
      const told = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Error(told.detail || `the server said ${answer.status}`);
      found = told.probabilities;
    }
    const [label, sure] = Object.entries(found).sort((a, b) => b[1] - a[1])[0];
    $("verdict").textContent = `${sure > 0.8 ? "It is" : sure > 0.6 ? "Probably" : "Perhaps"} ${label.replaceAll("_", " ")}.`;
    saidBy($("said"), Object.fromEntries(Object.entries(found).map(([name, p]) => [name.replaceAll("_", " "), { [name]: p }])));
  } catch (error) {
    $("verdict").textContent = error.message.includes("decoded") ? "That is no picture this browser can read." : error.message;
    $("said").replaceChildren();
  }
}

$("file").addEventListener("change", () => look($("file").files[0]));
const drop = $("drop");
drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => { event.preventDefault(); drop.classList.remove("over"); look(event.dataTransfer.files[0]); });
