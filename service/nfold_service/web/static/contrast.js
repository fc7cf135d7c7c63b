// The heart: offline and on the fly, epoch by epoch, counted by the hashes that the service delivers.

import { json } from "./api.js";
import { curves } from "./chart.js";
import { bytes, clear, h, id, name, number, plural, showProblem } from "./dom.js";
import { tile } from "./pictures.js";
import { copies, recipe, seed } from "./state.js";

const ROWS = 3;
const MOST_COPIES = 9;
const EPOCHS = 10;
const BEAT = 600;

let dataset = null;
let first = 0;
let run = null;
let playing = false;

const fresh = () => ({ epoch: 0, offline: tally(), fly: tally(), last: null, inference: false });
const tally = () => ({ images: 0, bytes: 0, seen: 0, hashes: new Set(), curve: [] });
const shownCopies = () => Math.min(copies(), MOST_COPIES);
export const firstShown = () => first;

export function prepare(onOther) {
  id("next-epoch").addEventListener("click", () => { playing = false; step(run); });
  id("play").addEventListener("click", play);
  id("restart").addEventListener("click", restart);
  id("inference").addEventListener("click", inference);
  id("more-pictures").addEventListener("click", () => { first += ROWS; restart(); onOther(); });
}

// The first time it plays by itself, in sight: what differs is seen before anything is read.
export async function open(found) {
  dataset = found;
  first = 0;
  id("both").hidden = false;
  if (!await restart()) return;
  const mine = run;
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((one) => one.isIntersecting)) return;
    watcher.disconnect();
    if (mine === run && mine.epoch === 1 && !playing && !mine.inference) play();
  }, { threshold: 0.5 });
  watcher.observe(id("meanings"));
}

export function close() {
  dataset = run = null;
  playing = false;
  id("both").hidden = true;
}

export async function restart() {
  if (!dataset) return;
  playing = false;
  run = fresh();
  id("inference").setAttribute("aria-checked", "false");
  id("curves").hidden = true;
  id("epoch").textContent = "";
  blank("offline", shownCopies() + 1);
  blank("fly", 1);
  return step(run);
}

// Picture by picture, so that several workers are at it. Offline all epochs have one answer, which the browser keeps.
async function ask(meaning, epoch, onSource = () => {}) {
  const places = Array.from({ length: ROWS }, (_, place) => first + place);
  const answers = await Promise.all(places.map(async (place, row) => {
    const query = new URLSearchParams({ meaning, ...(meaning === "on_the_fly" ? { epoch } : {}), copies: shownCopies(), recipe: recipe(), seed: seed(), first: place, most: 1, side: 240 });
    const answer = await json(`/v1/datasets/${dataset.id}/variations?${query}`);
    for (const source of answer.sources) onSource(row, source);
    return answer;
  }));
  return { total: answers[0].total, sources: answers.flatMap((one) => one.sources) };
}

// Empty frames as long as the service is at work: large photographs take it a moment.
function blank(side, tiles) {
  const rows = Math.min(ROWS, Math.max(1, dataset.found?.images ?? ROWS));
  sentence(side, "The service is making them.");
  clear(id(`${side}-sources`), ...Array.from({ length: rows }, () => h("li", { class: "source", "aria-hidden": "true" },
    h("div", { class: `tiles t${Math.min(tiles, 10)}` }, Array.from({ length: tiles }, () => h("div", { class: "tile waits" }, h("span", { class: "frame" })))))));
  clear(id(`${side}-counters`));
}

// Until all are there and counted, each picture stands where its frames were empty.
function comes(side, row, source) {
  const place = id(`${side}-sources`).children[row];
  if (place) clear(place, h("div", { class: `tiles t${Math.min(source.tiles.length, 10)}` }, source.tiles.map((made) => tile(made, ""))));
}

// One epoch of both; an answer that comes after a restart is let go.
async function step(mine) {
  if (mine.busy) return false;
  mine.busy = true;
  const epoch = mine.epoch + 1;
  try {
    const early = (side) => (row, source) => { if (mine === run && epoch === 1) comes(side, row, source); };
    const [offline, fly] = await Promise.all([ask("offline", epoch, early("offline")), ask("on_the_fly", epoch, early("fly"))]);
    if (mine !== run) return false;
    if (!offline.sources.length && first > 0) { first = 0; await restart(); return false; }
    mine.epoch = epoch;
    mine.last = { offline: count(mine.offline, offline), fly: count(mine.fly, fly) };
    id("more-pictures").hidden = offline.total <= ROWS;
    showProblem(id("both-problem"), null);
    draw(mine);
    return true;
  } catch (error) {
    if (mine === run) showProblem(id("both-problem"), error);
    return false;
  } finally {
    mine.busy = false;
  }
}

// Whether a picture is new is told by its hash alone; nothing here is worked out by a formula.
function count(kept, answer) {
  const usable = answer.sources.filter((one) => !one.problem);
  kept.images = usable.reduce((sum, one) => sum + one.disk.images, 0);
  kept.bytes = usable.reduce((sum, one) => sum + one.disk.bytes, 0);
  const sources = answer.sources.map((one) => ({
    ...one,
    tiles: one.tiles.map((made) => {
      const isNew = !kept.hashes.has(made.pixels);
      kept.hashes.add(made.pixels);
      kept.seen += 1;
      return { ...made, isNew };
    }),
  }));
  kept.curve.push(kept.hashes.size);
  return sources;
}

function draw(mine) {
  const { epoch, last } = mine;
  id("epoch").textContent = mine.inference ? "Inference" : `Epoch ${epoch}`;
  for (const button of ["next-epoch", "play"]) id(button).disabled = mine.inference;
  if (mine.inference) {
    sentence("offline", "The files were for training. At inference a picture comes as it is.");
    sentence("fly", "At inference every picture passes unchanged.");
  } else {
    const files = last.offline.reduce((sum, one) => sum + one.tiles.length, 0);
    const stored = copies() > MOST_COPIES ? `The first ${MOST_COPIES} of ${number(copies())} copies of each picture, which are stored.` : `${plural(copies(), "copy", "copies")} of each picture ${copies() === 1 ? "is" : "are"} stored.`;
    sentence("offline", `${stored} Every epoch reads the same ${plural(files, "file")}.`);
    const read = last.fly.reduce((sum, one) => sum + one.tiles.length, 0);
    sentence("fly", `Nothing is added. Every epoch reads the same ${plural(read, "file")} and varies each anew.`);
  }
  rows("offline", last.offline, mine);
  rows("fly", last.fly, mine);
  counters("offline", mine.offline, epoch);
  counters("fly", mine.fly, epoch);
  if (!mine.inference) {
    id("both-said").textContent = `Epoch ${epoch}. Offline: ${mine.offline.seen} seen, ${mine.offline.hashes.size} distinct. On the fly: ${mine.fly.seen} seen, ${mine.fly.hashes.size} distinct.`;
  }
  if (epoch > 1) clear(id("curves"), ...curves(mine.offline.curve, mine.fly.curve));
  id("curves").hidden = epoch < 2;
}

const sentence = (side, words) => { id(`${side}-say`).textContent = words; };

function rows(side, sources, mine) {
  clear(id(`${side}-sources`), ...sources.map((one) => h("li", { class: "source" },
    one.problem ? h("p", { class: "missing" }, name(one.source), ": ", one.problem) : null,
    h("div", { class: `tiles t${Math.min(one.tiles.length, 10)}` }, one.tiles.map((made) => badged(made, one.source, mine))))));
}

function badged(made, source, mine) {
  const [sign, words] = mine.inference ? ["=", "unchanged"] : made.isNew ? ["+", "not seen before"] : ["=", "seen before"];
  const element = tile(made, `${source}, ${made.copy === 0 ? "the original" : `variation ${made.copy}`}, ${words}`,
    h("span", { class: "badge", "aria-hidden": "true", title: words }, sign));
  element.classList.add(made.isNew || mine.inference ? "is-new" : "is-seen");
  element.dataset.pixels = made.pixels;
  return element;
}

function counters(side, kept, epoch) {
  const entry = (key, words, value) => h("div", { class: key }, h("dt", null, words), h("dd", { "data-count": key }, value));
  clear(id(`${side}-counters`),
    entry("images", "images on disk", number(kept.images)),
    entry("bytes", "on disk", bytes(kept.bytes)),
    entry("seen", epoch === 1 ? "images seen in 1 epoch" : `images seen in ${epoch} epochs`, number(kept.seen)),
    entry("distinct", "of them distinct", number(kept.hashes.size)));
}

async function play() {
  if (playing) { playing = false; id("play").textContent = "Play ten epochs"; return; }
  if (run.epoch >= EPOCHS) await restart();
  const mine = run;
  playing = true;
  id("play").textContent = "Pause";
  while (playing && mine === run && mine.epoch < EPOCHS && !mine.inference) {
    const began = performance.now();
    if (!await step(mine)) break;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, BEAT - (performance.now() - began))));
  }
  playing = false;
  id("play").textContent = "Play ten epochs";
}

async function inference() {
  const mine = run;
  if (!mine || !mine.last) return;
  playing = false;
  if (mine.inference) {
    Object.assign(mine, { inference: false, last: mine.before });
  } else {
    try {
      const { sources } = await ask("inference", 1);
      if (mine !== run) return;
      Object.assign(mine, { inference: true, before: mine.last, last: { offline: sources, fly: sources } });
    } catch (error) {
      showProblem(id("both-problem"), error);
      return;
    }
  }
  id("inference").setAttribute("aria-checked", String(mine.inference));
  id("both-said").textContent = mine.inference ? "Inference: pictures pass unchanged." : `Training, epoch ${mine.epoch}.`;
  draw(mine);
}
