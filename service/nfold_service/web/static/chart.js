// Two curves: distinct images that a trainer has seen, by epoch.

import { h, s, number } from "./dom.js";

const AT_LEAST = 10;
const W = 640, H = 250, LEFT = 44, RIGHT = 150, TOP = 14, BOTTOM = 36;

function steps(most) {
  const raw = most / 4;
  const size = 10 ** Math.floor(Math.log10(Math.max(raw, 1)));
  const step = [1, 2, 5, 10].map((one) => one * size).find((one) => one >= raw) || 1;
  const found = [];
  for (let value = 0; value <= most + step * 0.999; value += step) found.push(value);
  return found;
}

export function curves(offline, fly) {
  const epochs = offline.length;
  const across = Math.max(epochs, AT_LEAST);
  const ticks = steps(Math.max(...offline, ...fly));
  const most = ticks.at(-1);
  const x = (epoch) => LEFT + (epoch - 1) / (across - 1) * (W - LEFT - RIGHT);
  const y = (value) => TOP + (1 - value / most) * (H - TOP - BOTTOM);
  const ends = apart(y(offline.at(-1)), y(fly.at(-1)));
  const line = (values, css) => s("g", { class: css },
    s("polyline", { class: "line", points: values.map((value, place) => `${x(place + 1)},${y(value)}`).join(" ") }),
    values.map((value, place) => s("circle", { class: "dot", cx: x(place + 1), cy: y(value), r: 3.2 })));
  const label = (words, values, css, at) => s("text", { class: `label ${css}`, x: x(epochs) + 10, y: at + 4 }, `${words} ${number(values.at(-1))}`);
  const words = `Distinct images seen after ${epochs} epochs: offline ${offline.at(-1)}, on the fly ${fly.at(-1)}.`;
  return [
    h("figcaption", null, h("strong", null, "Distinct images that the trainer has seen"), h("span", null, words)),
    s("svg", { class: "chart", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": words },
      ticks.map((value) => [
        s("line", { class: "rule", x1: LEFT, x2: W - RIGHT, y1: y(value), y2: y(value) }),
        s("text", { class: "tick", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, number(value)),
      ]),
      numbered(across).map((epoch) => s("text", { class: "tick", x: x(epoch), y: H - BOTTOM + 18, "text-anchor": "middle" }, epoch)),
      s("text", { class: "tick", x: (LEFT + W - RIGHT) / 2, y: H - 2, "text-anchor": "middle" }, "epoch"),
      line(offline, "offline"), line(fly, "fly"),
      label("offline", offline, "offline", ends[0]), label("on the fly", fly, "fly", ends[1])),
  ];
}

// Every epoch, or as many of them as there is room for.
function numbered(across) {
  const step = Math.ceil(across / 12);
  return Array.from({ length: across }, (_, place) => place + 1).filter((epoch) => epoch === 1 || epoch % step === 0);
}

function apart(one, other) {
  if (Math.abs(one - other) >= 16) return [one, other];
  return one <= other ? [one - 8, other + 8] : [one + 8, other - 8];
}
