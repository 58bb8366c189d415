// The playground: the default model on a photo of the visitor's.
import { $, classify, labelTitle, loadModel, percent, postFile, scoreRow, sentence, topLabel } from "./common.js";

const SURE = 0.8, PROBABLE = 0.6; // probabilities from which the page says "It is" and "Probably"

window.classify = classify; // to try it from the console
let chosen = null; // the newest file: an older one may take longer

loadModel().then((model) => {
  $("privacy").textContent = model
    ? "The model runs in this page. Your photo stays on this device."
    : "This browser cannot run the model. Your photo is sent to this server, classified in memory, and not kept.";
});

async function classifyFile(file) {
  if (!file) return;
  chosen = file;
  $("verdict").textContent = "Classifying …";
  $("predictions").replaceChildren();
  $("frame").hidden = true;
  $("photo").src = URL.createObjectURL(file);
  $("photo").decode().then(() => { $("frame").hidden = file !== chosen; }, () => {}); // a file that is no picture stays hidden
  try {
    const probabilities = await classify(file) ?? (await postFile("/playground/judge", file)).probabilities;
    if (file !== chosen) return;
    const [label, probability] = topLabel(probabilities);
    const certainty = probability > SURE ? "It is" : probability > PROBABLE ? "Probably" : "Perhaps";
    $("verdict").textContent = `${certainty} ${labelTitle(label)}.`;
    const rows = Object.entries(probabilities).map(([name, p]) => scoreRow(labelTitle(name), p, percent(p)));
    $("predictions").replaceChildren(...rows);
  } catch (error) {
    if (file === chosen) $("verdict").textContent = sentence(error.message);
  }
}

$("file").addEventListener("change", () => classifyFile($("file").files[0]));
const drop = $("drop");
drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  classifyFile(event.dataTransfer.files[0]);
});
