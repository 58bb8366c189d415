// Sign in to the wall at the machine itself.
import { $, postJson, sentence } from "./common.js";

$("begin").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await postJson("/review/begin", { name: $("name").value });
    location.reload();
  } catch (error) {
    $("problem").textContent = sentence(error.message);
  }
});
