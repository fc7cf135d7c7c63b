// Two curves: distinct images that a trainer has seen, by epoch.

import { number } from "./dom.js";

const AT_LEAST = 10;
const HEIGHT = 250;
const LABEL = 122; // room for the words at the end of a curve

let chart = null;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const font = (weight) => `${weight} ${Math.round(13 * devicePixelRatio)}px Inter, "Segoe UI", Helvetica, Arial, sans-serif`;
const CURVES = [{ side: "offline", words: "offline" }, { side: "fly", words: "on the fly" }];

export function drawCurves(place, ...curves) {
  const across = Math.max(curves[0].length, AT_LEAST);
  const epochs = Array.from({ length: across }, (_, at) => at + 1);
  const data = [epochs, ...curves.map((values) => epochs.map((_, at) => values[at] ?? null))];
  if (chart) {
    chart.setData(data);
    return;
  }
  chart = new uPlot(options(place.clientWidth), data, place);
  new ResizeObserver(() => { if (place.clientWidth) chart.setSize({ width: place.clientWidth, height: HEIGHT }); }).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.redraw());
}

function options(width) {
  const axis = { stroke: () => colour("soft"), font: font(400).replace(/\d+px/, "13px"), ticks: { show: false } };
  return {
    width, height: HEIGHT, padding: [12, LABEL, 0, 0],
    legend: { show: false }, cursor: { show: false }, select: { show: false },
    scales: { x: { time: false }, y: { range: (_, __, most) => [0, most * 1.08] } },
    axes: [
      { ...axis, grid: { show: false }, label: "epoch", labelFont: "13px sans-serif", labelSize: 22, size: 28, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
      { ...axis, grid: { stroke: () => colour("rule"), width: 1 }, size: 48, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000], values: (_, ticks) => ticks.map(number) },
    ],
    series: [{}, ...CURVES.map(({ side, words }) => ({
      label: words, stroke: () => colour(side), width: 2.6,
      points: { show: true, size: 8, width: 1.5, fill: () => colour(side), stroke: () => colour("paper") },
    }))],
    hooks: { draw: [label] },
  };
}

// Each curve is named where it ends; two that end together stand one above the other.
function label(drawn) {
  const [, ...curves] = drawn.data;
  const ends = curves.map((values) => values.findLastIndex((value) => value !== null));
  const heights = curves.map((values, at) => drawn.valToPos(values[ends[at]], "y", true));
  const apart = 17 * devicePixelRatio;
  if (Math.abs(heights[0] - heights[1]) < apart) {
    const middle = (heights[0] + heights[1]) / 2;
    const sign = heights[0] <= heights[1] ? 1 : -1;
    heights[0] = middle - sign * apart / 2;
    heights[1] = middle + sign * apart / 2;
  }
  const pen = drawn.ctx;
  pen.save();
  Object.assign(pen, { font: font(650), textAlign: "left", textBaseline: "middle" });
  for (const [at, { side, words }] of CURVES.entries()) {
    pen.fillStyle = colour(side);
    pen.fillText(`${words} ${number(curves[at][ends[at]])}`, drawn.valToPos(ends[at] + 1, "x", true) + 10 * devicePixelRatio, heights[at]);
  }
  pen.restore();
}
