// Originals beside their copies, in pages; small pictures are fetched when they come into sight.

import { json, objectUrl, pathOf } from "./api.js";
import { bytes, clear, h, id, name, plural, showProblem } from "./dom.js";
import { overlay, swatch } from "./pictures.js";

const PAGE = 8;
let watcher = null;
let urls = [];

export function closeGallery() {
  watcher?.disconnect();
  for (const url of urls) URL.revokeObjectURL(url);
  urls = [];
}

export async function openGallery(job, place) {
  const list = h("ol", { class: "gallery" });
  const said = h("p", { class: "hint", role: "status" });
  const filter = h("select", { "aria-label": "Class" }, h("option", { value: "" }, "All classes"));
  const back = h("button", { type: "button" }, "Back");
  const next = h("button", { type: "button" }, "Next");
  let first = 0;
  let following = null;
  const page = async () => {
    try {
      const query = new URLSearchParams({ first, limit: PAGE, ...(filter.value ? { category: filter.value.slice(1) } : {}) });
      const found = await json(`/v1/expansions/${job.id}/sources?${query}`);
      closeGallery();
      watcher = new IntersectionObserver(seen, { rootMargin: "300px" });
      following = found.next;
      clear(list, ...found.sources.map((one) => row(job, one)));
      back.disabled = first === 0;
      next.disabled = following === null;
      back.hidden = next.hidden = back.disabled && next.disabled;
      said.textContent = found.sources.length ? `Sources ${first + 1} to ${first + found.sources.length}` : "Nothing of this class.";
    } catch (error) {
      showProblem(list, error);
    }
  };
  back.addEventListener("click", () => { first = Math.max(0, first - PAGE); page(); });
  next.addEventListener("click", () => { first = following ?? first; page(); });
  filter.addEventListener("change", () => { first = 0; page(); });
  clear(place, h("div", { class: "gallery-head" }, h("h3", null, "The result"), filter, said, h("p", { class: "buttons" }, back, next)), list);
  await page();
  try {
    const dataset = await json(`/v1/datasets/${job.dataset}`);
    const classes = [...new Set((dataset.found?.classes || []).map((one) => one.category).filter((one) => one !== null))];
    filter.append(...classes.map((one) => h("option", { value: `=${one}` }, one)));
    filter.hidden = classes.length < 2;
  } catch {
    filter.hidden = true; // its data set is gone; the result is not
  }
}

function row(job, source) {
  const missing = source.copies_missing ? `${plural(source.copies_missing, "copy", "copies")} could not be made distinct` : "";
  return h("li", null,
    h("p", { class: "source-name" }, name(source.source), source.category ? h("small", null, " ", name(source.category)) : null),
    source.problem ? h("p", { class: "missing" }, "Skipped: ", source.problem) : null,
    missing ? h("p", { class: "missing" }, missing) : null,
    !missing && source.files.length === 1 && job.request.copies !== 0 ? h("p", { class: "hint" }, "Kept as it is: no copies are made of it.") : null,
    h("div", { class: "copies" }, source.files.map((file) => picture(job, source, file))));
}

function picture(job, source, file) {
  const words = file.copy === 0 ? "original" : `copy ${file.copy}`;
  const frame = h("span", { class: "frame" });
  frame.dataset.path = `/v1/expansions/${job.id}/thumbnails/${pathOf(file.name)}?side=160`;
  frame.marks = file.marks;
  watcher.observe(frame);
  return h("button", { type: "button", class: `tile ${file.copy === 0 ? "original" : ""}`, "aria-label": `${source.source}, ${words}: how it was made`, onclick: () => how(job, source, file) },
    frame, h("small", null, words, file.dropped.length ? ` (${plural(file.dropped.length, "label")} dropped)` : ""));
}

async function seen(entries, observer) {
  for (const entry of entries.filter((one) => one.isIntersecting)) {
    observer.unobserve(entry.target);
    draw(entry.target);
  }
}

async function draw(frame) {
  try {
    const url = await objectUrl(frame.dataset.path);
    urls.push(url);
    const image = h("img", { src: url, alt: "" });
    await image.decode();
    const shapes = overlay(frame.marks, image.naturalWidth, image.naturalHeight);
    frame.replaceChildren(image, ...(shapes ? [shapes] : []));
  } catch (error) {
    frame.append(h("small", { class: "missing" }, error.message));
  }
}

async function how(job, source, file) {
  const frame = h("span", { class: "frame large" });
  frame.dataset.path = `/v1/expansions/${job.id}/thumbnails/${pathOf(file.name)}?side=640`;
  frame.marks = file.marks;
  clear(id("how-body"),
    frame,
    h("dl", { class: "facts" },
      entry("File", name(file.name)), entry("From", name(source.source)), entry("Size", bytes(file.bytes)),
      file.labels_kept === null ? null : entry("Labels", `${file.labels_kept} kept, ${file.dropped.length} dropped`),
      named(file.marks)),
    file.copy === 0 ? h("p", null, "The original, byte for byte.") : transforms(file),
    file.dropped.length ? h("ul", null, file.dropped.map((one) => h("li", null, `Label ${one.annotation + 1} was dropped: ${String(one.rule).replaceAll("_", " ")}.`))) : null);
  id("how").showModal();
  await draw(frame);
}

function named(marks) {
  const words = [...new Set(marks.map((mark) => mark.name).filter(Boolean))];
  return words.length ? entry("Marked", words.map((word) => h("span", { class: "legend-entry" }, swatch(word), name(word), " "))) : null;
}

const entry = (term, words) => h("div", null, h("dt", null, term), h("dd", null, words));

function transforms(file) {
  if (!file.applied.length) return h("p", null, "No transform fired.");
  return h("ol", { class: "transforms" }, file.applied.map(({ name: title, parameters }) => h("li", null, h("strong", null, title),
    h("dl", null, Object.entries(parameters || {}).map(([term, value]) => parameter(term, shortened(value)))))));
}

const parameter = (term, text) => h("div", text.length > 24 ? { class: "wide" } : null, h("dt", null, term.replaceAll("_", " ")), h("dd", null, text));

function shortened(value) {
  const rounded = JSON.stringify(value, (_, part) => typeof part === "number" ? Math.round(part * 1e3) / 1e3 : part);
  const text = typeof value === "string" ? value : rounded.replaceAll(",", ", ");
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}
