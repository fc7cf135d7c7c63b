// A picture with what is marked in it.

import { h, s } from "./dom.js";

const COLOURS = 6;

export function overlay(marks) {
  if (!marks.length) return null;
  const names = [...new Set(marks.map((mark) => mark.name))];
  const shapes = marks.flatMap((mark) => {
    const css = `mark c${names.indexOf(mark.name) % COLOURS}`;
    const rings = mark.rings || (mark.box ? [corners(mark.box)] : []);
    const shown = rings.map((ring) => s("polygon", { class: css, points: pairs(ring).map(([x, y]) => `${x * 100},${y * 100}`).join(" ") }));
    for (const [x, y] of pairs(mark.points || [])) shown.push(s("circle", { class: `${css} point`, cx: x * 100, cy: y * 100, r: 1.6 }));
    return shown;
  });
  return s("svg", { class: "marks", viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" }, shapes);
}

const corners = ([left, top, right, bottom]) => [left, top, right, top, right, bottom, left, bottom];

function pairs(flat) {
  const found = [];
  for (let place = 0; place + 1 < flat.length; place += 2) found.push([flat[place], flat[place + 1]]);
  return found;
}

export function tile(made, words, ...more) {
  return h("div", { class: "tile" },
    h("span", { class: "frame" },
      h("img", { src: made.picture, alt: words, width: made.width, height: made.height }),
      overlay(made.marks)),
    ...more);
}
