// The heart: offline and on the fly, epoch by epoch, counted by the hashes that the service delivers.

import { json } from "./api.js";
import { drawCurves } from "./chart.js";
import { bytes, id, number, plural, showProblem } from "./dom.js";
import { copies, recipe, seed } from "./state.js";

const ROWS = 3;
const MOST_COPIES = 9;
const EPOCHS = 10;
const BEAT = 600;

let dataset = null;
let first = 0;
let run = null;
let tellOther = () => {};
let panel = null; // as Alpine watches it

const tally = () => ({ images: 0, bytes: 0, seen: 0, hashes: new Set(), curve: [] });
const fresh = () => ({ epoch: 0, offline: tally(), fly: tally(), last: null, inference: false });
const view = () => ({ say: "", rows: [], counters: [] });
const shownCopies = () => Math.min(copies(), MOST_COPIES);
export const firstShown = () => first;

// What the panel shows, and its buttons; the markup stands in the template.
const component = () => ({
  isOpen: false, isPlaying: false, isInference: false, hasMore: false, epoch: 0, said: "", offline: view(), fly: view(), curve: [],
  init() { panel = this; },
  next() { this.isPlaying = false; step(run); },
  others() { first += ROWS; restart(); tellOther(); },
  restart, play, inference,
  get title() { return this.isInference ? "Inference" : this.epoch ? `Epoch ${this.epoch}` : ""; },
  get summary() {
    const last = this.curve.at(-1);
    return last ? `Distinct images seen after ${last.epoch} epochs: offline ${last.offline}, on the fly ${last.fly}.` : "";
  },
});

export function prepare(onOther) {
  tellOther = onOther;
  Alpine.data("meanings", component);
}

// The first time it plays by itself, in sight: what differs is seen before anything is read.
export async function open(found) {
  dataset = found;
  first = 0;
  panel.isOpen = true;
  if (!await restart()) return;
  const mine = run;
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((one) => one.isIntersecting)) return;
    watcher.disconnect();
    if (mine === run && mine.epoch === 1 && !panel.isPlaying && !mine.inference) play();
  }, { threshold: 0.5 });
  watcher.observe(id("meanings"));
}

export function close() {
  dataset = run = null;
  Object.assign(panel, { isOpen: false, isPlaying: false });
}

export async function restart() {
  if (!dataset) return false;
  run = fresh();
  Object.assign(panel, { isPlaying: false, isInference: false, epoch: 0, curve: [], offline: blank(shownCopies() + 1), fly: blank(1) });
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

const rowOf = (key, tiles, more) => ({ key, css: `t${Math.min(tiles.length, 10)}`, tiles, ...more });

// Empty frames as long as the service is at work: large photographs take it a moment.
function blank(tiles) {
  const rows = Math.min(ROWS, Math.max(1, dataset.found?.images ?? ROWS));
  const frames = Array.from({ length: tiles }, (_, place) => ({ key: `waits-${place}`, css: "waits" }));
  return { say: "The service is making them.", counters: [], rows: Array.from({ length: rows }, (_, row) => rowOf(row, frames, { waits: true })) };
}

// One epoch of both; an answer that comes after a restart is let go.
async function step(mine) {
  if (mine.busy) return false;
  mine.busy = true;
  const epoch = mine.epoch + 1;
  // Until all are there and counted, each picture stands where its frames were empty.
  const early = (side) => (row, source) => {
    if (mine === run && epoch === 1 && panel[side].rows[row]) panel[side].rows[row] = rowOf(row, source.tiles.map((made) => ({ ...made, key: `early-${made.copy}`, alt: "" })));
  };
  try {
    const [offline, fly] = await Promise.all([ask("offline", epoch, early("offline")), ask("on_the_fly", epoch, early("fly"))]);
    if (mine !== run) return false;
    if (!offline.sources.length && first > 0) { first = 0; await restart(); return false; }
    mine.epoch = epoch;
    mine.last = { offline: count(mine.offline, offline), fly: count(mine.fly, fly) };
    panel.hasMore = offline.total > ROWS;
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
  const { epoch, last, offline, fly } = mine;
  const rows = (side) => last[side].map((source, row) => rowOf(row, source.tiles.map((made) => badged(made, source.source, mine)), { problem: source.problem, source: source.source }));
  const [stored, varied] = sentences(mine);
  Object.assign(panel, {
    epoch, isInference: mine.inference,
    offline: { say: stored, rows: rows("offline"), counters: counters(offline, epoch) },
    fly: { say: varied, rows: rows("fly"), counters: counters(fly, epoch) },
    curve: offline.curve.map((distinct, place) => ({ epoch: place + 1, offline: distinct, fly: fly.curve[place] })),
    said: mine.inference ? "Inference: pictures pass unchanged." : `Epoch ${epoch}. Offline: ${offline.seen} seen, ${offline.hashes.size} distinct. On the fly: ${fly.seen} seen, ${fly.hashes.size} distinct.`,
  });
  if (epoch > 1) Alpine.nextTick(() => drawCurves(id("chart"), offline.curve, fly.curve));
}

function sentences({ inference: isInference, last }) {
  if (isInference) return ["The files were for training. At inference a picture comes as it is.", "At inference every picture passes unchanged."];
  const files = (side) => plural(last[side].reduce((sum, one) => sum + one.tiles.length, 0), "file");
  const stored = copies() > MOST_COPIES ? `The first ${MOST_COPIES} of ${number(copies())} copies of each picture, which are stored.` : `${plural(copies(), "copy", "copies")} of each picture ${copies() === 1 ? "is" : "are"} stored.`;
  return [`${stored} Every epoch reads the same ${files("offline")}.`, `Nothing is added. Every epoch reads the same ${files("fly")} and varies each anew.`];
}

// Pictures that stay the same keep their key, and with it their element: only what is new arrives.
function badged(made, source, mine) {
  const [sign, words] = mine.inference ? ["=", "unchanged"] : made.isNew ? ["+", "not seen before"] : ["=", "seen before"];
  const alt = `${source}, ${made.copy === 0 ? "the original" : `variation ${made.copy}`}, ${words}`;
  return { ...made, key: `${made.copy}-${made.pixels}`, sign, words, alt, css: made.isNew || mine.inference ? "is-new" : "is-seen" };
}

const counters = (kept, epoch) => [
  { key: "images", words: "images on disk", value: number(kept.images) },
  { key: "bytes", words: "on disk", value: bytes(kept.bytes) },
  { key: "seen", words: epoch === 1 ? "images seen in 1 epoch" : `images seen in ${epoch} epochs`, value: number(kept.seen) },
  { key: "distinct", words: "of them distinct", value: number(kept.hashes.size) },
];

async function play() {
  if (panel.isPlaying) { panel.isPlaying = false; return; }
  if (run.epoch >= EPOCHS) await restart();
  const mine = run;
  panel.isPlaying = true;
  while (panel.isPlaying && mine === run && mine.epoch < EPOCHS && !mine.inference) {
    const began = performance.now();
    if (!await step(mine)) break;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, BEAT - (performance.now() - began))));
  }
  if (mine === run) panel.isPlaying = false;
}

async function inference() {
  const mine = run;
  if (!mine || !mine.last) return;
  panel.isPlaying = false;
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
  draw(mine);
}
