// Recipe, number of copies, seed; what comes of them is estimated by the service.

import { json, post } from "./api.js";
import { bytes, clear, h, id, plural, seconds, showProblem } from "./dom.js";
import { lineOf } from "./lines.js";
import { tile } from "./pictures.js";
import { change, isOwn, recipe, seed, setOwnRecipe, state, takeOwn } from "./state.js";
import { tuner, yamlOf } from "./tuner.js";
import { firstShown } from "./contrast.js";

let dataset = null;
let watcher = null;
let timer = 0;
let schema = null;
let filled = null;

export function prepare() {
  id("presets").addEventListener("change", (event) => {
    if (event.target.name === "preset") change({ recipe: event.target.value }, { replaces: true });
  });
  for (const [field, key] of [["copies", "copies"], ["per-class", "perClass"], ["seed", "seed"]]) {
    id(field).addEventListener("input", (event) => {
      const value = event.target.value;
      if (event.target.checkValidity()) change({ [key]: value === "" ? null : value }, { replaces: true });
      else clear(id("estimate"), event.target.validationMessage);
    });
  }
  id("tune").addEventListener("toggle", () => { if (id("tune").open && filled !== recipe()) fill(); });
  id("use-yaml").addEventListener("click", useYaml);
  id("drop-yaml").addEventListener("click", () => { setOwnRecipe(null); clear(id("yaml-said")); change({ recipe: null }, { replaces: true }); });
  id("order").addEventListener("submit", order);
}

export function open(found) {
  dataset = found;
  id("choose").hidden = false;
  showChoice();
  showPresets();
}

export function close() {
  dataset = null;
  watcher?.disconnect();
  id("choose").hidden = true;
}

export function showChoice() {
  for (const radio of document.querySelectorAll("[name=preset]")) radio.checked = radio.value === recipe();
  for (const [field, value] of [["copies", state.copies ?? "5"], ["per-class", state.perClass ?? ""], ["seed", seed()]]) {
    if (id(field).value !== value && document.activeElement !== id(field)) id(field).value = value;
  }
  id("copies").disabled = Boolean(state.perClass);
  if (id("tune").open && filled !== recipe()) fill();
  clearTimeout(timer);
  timer = setTimeout(estimate, 250);
}

// Each preset on the first picture that is shown above; made when it comes into sight.
export function showPresets() {
  watcher?.disconnect();
  watcher = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((one) => one.isIntersecting)) {
      watcher.unobserve(entry.target);
      drawPreset(entry.target);
    }
  }, { rootMargin: "200px" });
  for (const place of document.querySelectorAll("[data-preset]")) watcher.observe(place);
}

async function drawPreset(place) {
  const query = new URLSearchParams({ recipe: place.dataset.preset, seed: 3, first: firstShown(), most: 1, side: 240 });
  try {
    const made = await json(`/v1/datasets/${dataset.id}/variations?${query}`);
    if (made.sources[0]?.tiles.length) clear(place, tile(made.sources[0].tiles[0], ""));
  } catch (error) {
    clear(place, h("small", { class: "missing" }, error.message));
  }
}

// The recipe in force as text, with switches and sliders beside it.
async function fill() {
  const wanted = filled = recipe();
  try {
    schema ??= await json("/v1/recipes/schema");
    const found = isOwn() ? { text: wanted, ...await check(wanted) } : await json(`/v1/recipes/${wanted}`);
    if (wanted !== filled) return;
    id("yaml").value = found.text;
    drawTuner(found.recipe);
  } catch (error) {
    showProblem(id("yaml-said"), error);
  }
}

const check = (text) => json("/v1/recipes/check", { method: "POST", body: text, headers: { "Content-Type": "application/yaml" } });

function drawTuner(document_) {
  clear(id("tuner"), tuner(document_, schema, (changed) => {
    const text = filled = yamlOf(changed); // the sliders stand as they are
    id("yaml").value = text;
    takeOwn(text);
  }));
}

async function useYaml() {
  const text = id("yaml").value;
  clear(id("yaml-said"));
  try {
    const { recipe: document_ } = await check(text);
    filled = text;
    takeOwn(text);
    drawTuner(document_);
    clear(id("yaml-said"), h("p", { class: "good" }, "The recipe is in use: see it above, in both meanings."));
  } catch (error) {
    const places = (error.errors || []).map((one) => ({ one, line: lineOf(text, one.pointer) }));
    const line = /line (\d+)/.exec(error.message)?.[1];
    if (!places.length) {
      showProblem(id("yaml-said"), error);
      if (line) mark(Number(line));
      return;
    }
    clear(id("yaml-said"), h("div", { class: "problem" }, h("p", null, h("strong", null, places.length === 1 ? "The recipe cannot be used as it is." : `The recipe cannot be used as it is, for ${places.length} reasons.`)), h("ul", null, places.map((place) =>
      h("li", null, h("button", { type: "button", class: "link", onclick: () => mark(place.line) }, `Line ${place.line}`), " ", place.one.message.replace(/^Line \d+: /, ""), place.one.hint ? ` ${place.one.hint}` : "")))));
    mark(places[0].line);
  }
}

function mark(line) {
  const field = id("yaml");
  const lines = field.value.split("\n");
  if (line > lines.length) return;
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  field.focus();
  field.setSelectionRange(start, start + lines[line - 1].length);
}

const counts = () => state.perClass ? { per_class: Number(state.perClass) } : { copies: Number(state.copies ?? 5) };

async function estimate() {
  if (!dataset) return;
  const asked = dataset;
  try {
    const query = new URLSearchParams({ ...counts(), recipe: recipe(), seed: seed() });
    const found = await json(`/v1/datasets/${asked.id}/estimate?${query}`);
    if (asked !== dataset) return;
    clear(id("estimate"), h("strong", null, plural(found.images_after, "image")), ` from ${plural(found.images_before, "image")}, about ${bytes(found.bytes)}${found.seconds ? ` and ${seconds(found.seconds)}` : ""}`);
    showProblem(id("choose-problem"), null);
  } catch (error) {
    clear(id("estimate"));
    showProblem(id("choose-problem"), error);
  }
}

async function order(event) {
  event.preventDefault();
  id("expand").disabled = true;
  try {
    // A seed may be beyond what a number of this language holds, the field allows none of those.
    const job = await post("/v1/expansions", { dataset: dataset.id, ...counts(), recipe: recipe(), seed: Number(seed()) });
    showProblem(id("choose-problem"), null);
    change({ job: job.id, comparison: null });
    id("work").scrollIntoView();
  } catch (error) {
    showProblem(id("choose-problem"), error);
  } finally {
    id("expand").disabled = false;
  }
}
