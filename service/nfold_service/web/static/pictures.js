// A picture with what is marked in it.

import { objectUrl } from "./api.js";
import { h, s } from "./dom.js";

const COLOURS = 6;
const known = new Map();

// A class has one colour in all pictures of the page, in the order of what was found; fragments come with the same.
export function begin(objects) {
  known.clear();
  for (const { category } of objects ?? []) colourOf(category);
}

function colourOf(word) {
  if (!known.has(word)) known.set(word, known.size % COLOURS);
  return `c${known.get(word)}`;
}

// Coordinates are shares of width and height; the drawing fits into its frame just as the picture does.
function overlay(marks, width, height) {
  if (!marks.length) return null;
  const shapes = marks.flatMap((mark) => {
    const css = `mark ${colourOf(mark.name)}`;
    const rings = mark.rings || (mark.box ? [corners(mark.box)] : []);
    const shown = rings.map((ring) => s("polygon", { class: css, points: pairs(ring).map(([x, y]) => `${x * width},${y * height}`).join(" ") }));
    for (const [x, y] of pairs(mark.points || [])) shown.push(s("circle", { class: `${css} point`, cx: x * width, cy: y * height, r: Math.max(width, height) / 60 }));
    return shown;
  });
  return s("svg", { class: "marks", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, shapes);
}

const corners = ([left, top, right, bottom]) => [left, top, right, top, right, bottom, left, bottom];

function pairs(flat) {
  const found = [];
  for (let place = 0; place + 1 < flat.length; place += 2) found.push([flat[place], flat[place + 1]]);
  return found;
}

const inFrame = (made, words) => [h("img", { src: made.picture, alt: words, width: made.width, height: made.height }), overlay(made.marks, made.width, made.height)].filter(Boolean);

export const tile = (made, words, ...more) => h("div", { class: "tile" }, h("span", { class: "frame" }, inFrame(made, words)), ...more);

// The directive x-picture: a picture with what is marked in it, in a frame of the template.
export function drawInto(frame, { expression }, { evaluateLater, effect }) {
  const evaluated = evaluateLater(expression);
  effect(() => evaluated((made) => {
    const image = frame.querySelector("img");
    if (!made.picture) frame.replaceChildren();
    else if (image?.src === made.picture) image.alt = made.alt;
    else frame.replaceChildren(...inFrame(made, made.alt));
  }));
}

const watcher = new IntersectionObserver((entries) => {
  for (const { target } of entries.filter((one) => one.isIntersecting)) {
    watcher.unobserve(target);
    fetchInto(target);
  }
}, { rootMargin: "300px" });

// Small pictures of results are fetched when they come into sight, since an image can send no key.
export const watchPicture = (frame) => watcher.observe(frame);

async function fetchInto(frame) {
  try {
    const url = await objectUrl(frame.dataset.picture);
    const image = h("img", { src: url, alt: "" });
    await image.decode();
    frame.prepend(image);
    URL.revokeObjectURL(url);
  } catch (error) {
    frame.append(h("small", { class: "missing" }, error.message));
  }
}
