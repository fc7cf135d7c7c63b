// A live line: how many images a second the running job makes.

const HEIGHT = 84;
const MOST = 600;
const AT_LEAST_S = 10;

let chart = null;
let drawn = null;
let job = null;
let began = 0;
let data = [[], []];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export function takeRate(identity, rate) {
  if (job !== identity) {
    job = identity;
    began = performance.now();
    data = [[], []];
  }
  data[0].push((performance.now() - began) / 1000);
  data[1].push(rate);
  if (data[0].length > MOST) for (const values of data) values.shift();
  const place = document.getElementById("rate-line");
  if (!place || data[0].length < 2) return;
  place.parentElement.hidden = false;
  if (drawn !== place) begin(place);
  chart.setData(data.map((values) => [...values]));
}

const clock = (seconds) => seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, "0")}`;

function begin(place) {
  chart?.destroy();
  drawn = place;
  const axis = { stroke: () => colour("soft"), ticks: { show: false }, font: "12px sans-serif" };
  chart = new uPlot({
    width: place.clientWidth, height: HEIGHT, padding: [6, 20, 0, 0], legend: { show: false }, cursor: { show: false }, select: { show: false },
    scales: { x: { time: false, range: (_, from, to) => [from, Math.max(to, from + AT_LEAST_S)] }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.15)] } },
    axes: [{ ...axis, grid: { show: false }, size: 22, space: 70, values: (_, ticks) => ticks.map(clock) }, { ...axis, grid: { stroke: () => colour("rule"), width: 1 }, size: 44, space: 24 }],
    series: [{}, { label: "images a second", stroke: () => colour("offline"), width: 2, points: { show: false }, fill: () => `${colour("offline")}22` }],
  }, [[], []], place);
  const here = chart;
  new ResizeObserver(() => { if (here === chart && place.clientWidth) chart.setSize({ width: place.clientWidth, height: HEIGHT }); }).observe(place);
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart?.redraw());
