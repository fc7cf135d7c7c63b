// The first step: pictures come in, and what was found is shown.

import { json, Problem, send } from "./api.js";
import { bytes, clear, h, id, name, number, plural, showProblem } from "./dom.js";
import { show } from "./fragments.js";
import { fromDrop, fromList, isArchive } from "./gathering.js";
import { begin } from "./pictures.js";
import { create, sendFiles } from "./sending.js";
import { change, state } from "./state.js";
import { begun, beginUpload, forgetUpload, goOn, unfinished } from "./uploading.js";

let stopper = null;
let refused = [];

export function prepare() {
  const drop = id("drop");
  for (const kind of ["dragenter", "dragover"]) addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) addEventListener(kind, (event) => { event.preventDefault(); if (kind === "drop" || !event.relatedTarget) drop.classList.remove("over"); });
  addEventListener("drop", async (event) => take(await fromDrop(event.dataTransfer)));
  id("pick-files").addEventListener("click", () => id("files").click());
  id("pick-folder").addEventListener("click", () => id("folder").click());
  for (const field of ["files", "folder"]) {
    id(field).addEventListener("change", async (event) => {
      const given = fromList(event.target.files);
      event.target.value = "";
      if (given.files.length) await take(given);
    });
  }
  id("try-example").addEventListener("click", async () => {
    let file;
    try {
      file = await (await send("/example.zip")).blob();
    } catch (error) {
      showProblem(id("bring-problem"), error);
      return;
    }
    await take({ top: "five photographs", files: [{ path: "example.zip", file: new File([file], "example.zip") }] });
  });
  id("bring-stop").addEventListener("click", () => stopper?.abort());
  showUnfinished();
}

async function take({ top, files }) {
  stopper?.abort();
  const stop = stopper = new AbortController();
  showProblem(id("bring-problem"), null);
  refused = [];
  try {
    if (!files.length) throw new Problem({ detail: "There is no file in what was given.", hint: "Drop pictures, a folder of pictures, or an archive." });
    const archives = files.filter(({ file }) => isArchive(file));
    if (archives.length && files.length > 1) throw new Problem({ detail: "An archive came together with other files.", hint: "Drop one archive, or files and folders without any." });
    say("Making room for it", null);
    const label = top || (files.length === 1 ? files[0].file.name : plural(files.length, "file"));
    clear(id("unfinished"));
    const dataset = archives.length ? await sendArchive(label, archives[0].file, stop.signal) : await sendAll(label, files, stop.signal);
    stopper = null;
    change({ dataset, job: null, comparison: null }); // which shows it
  } catch (error) {
    if (stopper === stop) { stopper = null; quiet(); }
    if (stopper !== null) return; // another one has begun
    if (error.name === "AbortError") showProblem(id("bring-problem"), new Problem({ detail: "The upload was stopped.", hint: unfinished().length ? "" : "Nothing of it is used." }));
    else showProblem(id("bring-problem"), error);
    showUnfinished();
  }
}

function say(words, share) {
  id("bring-progress").hidden = false;
  id("bring-say").textContent = words;
  const bar = id("bring-bar");
  if (share === null) bar.removeAttribute("value");
  else bar.value = share;
  id("bring-stop").hidden = stopper === null;
}

const quiet = () => { id("bring-progress").hidden = true; };

async function sendArchive(label, file, signal) {
  const upload = await begun(file, signal) ?? await beginUpload(await create(label), file, signal);
  const words = upload.offset ? `Going on with ${file.name}` : `Uploading ${file.name}`;
  await goOn(upload, file, (sent) => say(`${words}: ${bytes(sent)} of ${bytes(file.size)}`, sent / file.size), signal);
  return upload.dataset;
}

async function sendAll(label, files, signal) {
  const sent = await sendFiles(label, files, say, signal);
  refused = sent.refused;
  return sent.dataset;
}

const cutAt = (one) => one.mark ? `${number(one.done)} of ${plural(one.files, "file")}. Give the same folder again` : `${bytes(one.offset)} of ${bytes(one.size)}. Give the same file again`;

// Archives and folders whose upload was cut, by a reload or by whoever stopped it.
function showUnfinished() {
  clear(id("unfinished"), ...unfinished().map((one) => h("p", { class: "unfinished" },
    h("span", null, "The upload of ", name(one.name), ` was cut at ${cutAt(one)}, and it goes on from there.`),
    h("button", { type: "button", class: "quiet", onclick: () => giveUp(one) }, "Give it up"))));
}

async function giveUp({ dataset, place }) {
  try {
    await json(`/v1/datasets/${dataset}`, { method: "DELETE" });
  } catch (error) {
    if (error.status !== 404) showProblem(id("bring-problem"), error);
  }
  forgetUpload(place);
  showUnfinished();
}

// Waits until the service has unpacked and read it; also what a reload comes back to.
export async function open(dataset, onReady) {
  showProblem(id("bring-problem"), null);
  try {
    let found = await json(`/v1/datasets/${dataset}`);
    while (found.state === "unpacking" || found.state === "receiving") {
      if (state.dataset !== dataset) return;
      say(found.state === "unpacking" ? `Reading what came: ${plural(found.files, "file")}` : "Waiting for the rest of the upload", null);
      await new Promise((resolve) => setTimeout(resolve, 300));
      found = await json(`/v1/datasets/${dataset}`);
    }
    quiet();
    if (state.dataset !== dataset) return;
    if (found.state === "empty") throw new Problem({ detail: "Its upload was cut off before the end.", hint: "Give the files again." });
    if (found.state === "broken") {
      const { message, hint, choices } = found.problem ?? {};
      showProblem(id("bring-problem"), new Problem({ detail: message || "This cannot be used.", hint: choices ? "Choose the one to follow." : hint }));
      if (choices) id("bring-problem").firstElementChild.append(chooser(dataset, choices, onReady));
      return;
    }
    begin(found.found?.objects);
    if (!await show(`/page/datasets/${dataset}`, id("found")) || state.dataset !== dataset) return;
    showRefused();
    onReady(found); // before the strip, which may wait: what is asked first is made first
    for (const strip of document.querySelectorAll("#found .strip")) htmx.trigger(strip, "strip");
  } catch (error) {
    quiet();
    if (error.status === 404) change({ dataset: null, job: null }, { replaces: true });
    showProblem(id("bring-problem"), error);
  }
}

// Labels of the same pictures in several formats may contradict each other: only one of them can be followed.
function chooser(dataset, choices, onReady) {
  return h("p", { class: "buttons" }, choices.map((one) => h("button", { type: "button", onclick: async () => {
    try {
      await json(`/v1/datasets/${dataset}/inspect?format=${encodeURIComponent(one)}`, { method: "POST" });
      await open(dataset, onReady);
    } catch (error) {
      showProblem(id("bring-problem"), error);
    }
  } }, `Follow ${one.replaceAll("_", " ")}`)));
}

export function forget() {
  id("found").replaceChildren();
}

function showRefused() {
  if (!refused.length) return;
  clear(id("refused"), h("details", { class: "troubles" }, h("summary", null, `${plural(refused.length, "file")} could not be taken`), h("ul", null,
    refused.slice(0, 8).map(({ path, why }) => h("li", null, name(path), ": ", why)),
    refused.length > 8 ? h("li", null, `and ${plural(refused.length - 8, "more file")}`) : null)));
}
