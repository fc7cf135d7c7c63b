// Recipe, number of copies, seed; what comes of them is estimated by the service.

import { json, post } from "./api.js";
import { firstShown } from "./contrast.js";
import { bytes, clear, h, id, plural, seconds, showProblem } from "./dom.js";
import { lineOf } from "./lines.js";
import { tile } from "./pictures.js";
import { change, isOwn, recipe, seed, setOwnRecipe, state, takeOwn } from "./state.js";
import { tuner, yamlOf } from "./tuner.js";

let dataset = null;
let watcher = null;
let timer = 0;
let schema = null;
let filled = null;
let panel = null; // as Alpine watches it

// What the panel shows, and what its fields and buttons do; the markup stands in the template.
const component = () => ({
  isOpen: false, isOrdering: false, isTaken: false, recipe: "", copies: "5", perClass: "", seed: "0", yaml: "", faults: [], after: "", more: "",
  init() { panel = this; },
  take(field, value) { change({ [field]: value }, { replaces: true }); },
  typed(field, input) {
    if (input.checkValidity()) this.take(field, input.value === "" ? null : input.value);
    else Object.assign(this, { after: "", more: input.validationMessage });
  },
  dropYaml() {
    setOwnRecipe(null);
    quiet();
    this.take("recipe", null);
  },
  fill, useYaml, order, mark,
});

export const prepare = () => Alpine.data("choose", component);

export function open(found) {
  dataset = found;
  panel.isOpen = true;
  showChoice();
  showPresets();
}

export function close() {
  dataset = null;
  watcher?.disconnect();
  panel.isOpen = false;
}

export function showChoice() {
  Object.assign(panel, { recipe: recipe(), copies: state.copies ?? "5", perClass: state.perClass ?? "", seed: seed() });
  fill();
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

// The recipe in force as text, with switches and sliders beside it, once somebody looks at them.
async function fill() {
  if (!id("tune").open || filled === recipe()) return;
  const wanted = filled = recipe();
  try {
    schema ??= await json("/v1/recipes/schema");
    const found = isOwn() ? { text: wanted, ...await check(wanted) } : await json(`/v1/recipes/${wanted}`);
    if (wanted !== filled) return;
    panel.yaml = found.text;
    drawTuner(found.recipe);
  } catch (error) {
    showProblem(id("yaml-problem"), error);
  }
}

const check = (text) => json("/v1/recipes/check", { method: "POST", body: text, headers: { "Content-Type": "application/yaml" } });

function drawTuner(document_) {
  clear(id("tuner"), tuner(document_, schema, (changed) => {
    const text = panel.yaml = filled = yamlOf(changed); // the sliders stand as they are
    takeOwn(text);
  }));
}

function quiet() {
  Object.assign(panel, { isTaken: false, faults: [] });
  showProblem(id("yaml-problem"), null);
}

async function useYaml() {
  const text = panel.yaml;
  quiet();
  try {
    const { recipe: document_ } = await check(text);
    filled = text;
    takeOwn(text);
    drawTuner(document_);
    panel.isTaken = true;
  } catch (error) {
    panel.faults = (error.errors || []).map((one, place) => ({
      key: place, line: lineOf(text, one.pointer), message: [one.message.replace(/^Line \d+: /, ""), one.hint].filter(Boolean).join(" "),
    }));
    if (!panel.faults.length) showProblem(id("yaml-problem"), error);
    const line = panel.faults[0]?.line ?? /line (\d+)/.exec(error.message)?.[1];
    if (line) mark(Number(line));
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
    const time = found.seconds ? ` and ${seconds(found.seconds)}` : "";
    Object.assign(panel, { after: plural(found.images_after, "image"), more: ` from ${plural(found.images_before, "image")}, about ${bytes(found.bytes)}${time}` });
    showProblem(id("choose-problem"), null);
  } catch (error) {
    Object.assign(panel, { after: "", more: "" });
    showProblem(id("choose-problem"), error);
  }
}

async function order() {
  panel.isOrdering = true;
  try {
    // A seed may be beyond what a number of this language holds, the field allows none of those.
    const job = await post("/v1/expansions", { dataset: dataset.id, ...counts(), recipe: recipe(), seed: Number(seed()) });
    showProblem(id("choose-problem"), null);
    change({ job: job.id, comparison: null });
    id("work").scrollIntoView();
  } catch (error) {
    showProblem(id("choose-problem"), error);
  } finally {
    panel.isOrdering = false;
  }
}
