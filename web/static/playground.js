// The playground: the default model on a photo of the visitor's.
import { $, classify, labelTitle, loadModel, postFile, showPredictions, topLabel } from "./common.js";

const SURE = 0.8, PROBABLE = 0.6; // probabilities from which the page says "It is" and "Probably"

window.classify = classify; // to try it from the console

loadModel().then((model) => {
  $("privacy").textContent = model
    ? "The model runs in this page. Your photo stays on this device."
    : "This browser cannot run the model. Your photo is sent to this server, classified in memory, and not kept.";
});

async function classifyFile(file) {
  if (!file) return;
  $("verdict").textContent = "Classifying …";
  $("photo").src = URL.createObjectURL(file);
  $("frame").hidden = false;
  try {
    const probabilities = await classify(file) ?? (await postFile("/playground/judge", file)).probabilities;
    const [label, probability] = topLabel(probabilities);
    const certainty = probability > SURE ? "It is" : probability > PROBABLE ? "Probably" : "Perhaps";
    $("verdict").textContent = `${certainty} ${labelTitle(label)}.`;
    const rows = Object.entries(probabilities).map(([name, p]) => [labelTitle(name), { [name]: p }]);
    showPredictions($("predictions"), Object.fromEntries(rows));
  } catch (error) {
    const isUnreadable = error.message.includes("decoded");
    $("verdict").textContent = isUnreadable ? "This browser cannot read this file as a picture." : error.message;
    $("predictions").replaceChildren();
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
