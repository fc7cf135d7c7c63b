// A live line: how many images a second the running job makes.

const HEIGHT = 84;
const MOST = 600;

let chart = null;
let drawn = null;
let job = null;
let data = [[], []];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export function takeRate(identity, rate) {
  if (job !== identity) {
    job = identity;
    data = [[], []];
  }
  data[0].push(Date.now() / 1000);
  data[1].push(rate);
  if (data[0].length > MOST) for (const values of data) values.shift();
  const place = document.getElementById("rate-line");
  if (!place || data[0].length < 2) return;
  place.parentElement.hidden = false;
  if (drawn !== place) begin(place);
  chart.setData(data.map((values) => [...values]));
}

function begin(place) {
  chart?.destroy();
  drawn = place;
  const axis = { stroke: () => colour("soft"), ticks: { show: false }, font: "12px sans-serif" };
  chart = new uPlot({
    width: place.clientWidth, height: HEIGHT, padding: [6, 8, 0, 0], legend: { show: false }, cursor: { show: false }, select: { show: false },
    scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.15)] } },
    axes: [{ ...axis, grid: { show: false }, size: 22, space: 70 }, { ...axis, grid: { stroke: () => colour("rule"), width: 1 }, size: 44, space: 24 }],
    series: [{}, { label: "images a second", stroke: () => colour("offline"), width: 2, points: { show: false }, fill: () => `${colour("offline")}22` }],
  }, [[], []], place);
  const here = chart;
  new ResizeObserver(() => { if (here === chart && place.clientWidth) chart.setSize({ width: place.clientWidth, height: HEIGHT }); }).observe(place);
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart?.redraw());
