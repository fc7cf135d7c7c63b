// One parameter to be moved: a slider, two of them for a range, a switch, a choice.

import { h } from "./dom.js";

const NATURAL = { rotate: [-180, 180], limit: [-180, 180], shear: [-60, 60], temperature_limit: [3000, 15000] };
const BETWEEN = { temperature_limit: 6000 }; // white has to lie within the range

// The bounds of the schema only keep out what would break; a slider ends where pictures still look like something.
export function rangeOf(key, form, ...values) {
  const least = form.minimum ?? form.exclusiveMinimum ?? 0;
  const most = form.maximum ?? 1;
  if (most - least <= 1 || key === "jpeg_quality" || key === "quality_range") return { least, most, step: stepOf(least, most, form) };
  const far = rounded(3 * Math.max(0.01, ...values.map(Math.abs)));
  const isPositive = values.every((value) => value >= 0);
  const [natural, end] = NATURAL[key] ?? [-far, far];
  const low = Math.max(least, isPositive ? Math.max(0, natural) : natural);
  const high = Math.min(most, end);
  return { least: low, most: high, step: stepOf(low, high, form), between: BETWEEN[key] };
}

function rounded(value) {
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((one) => one * size).find((one) => one >= value * 0.999);
}

function stepOf(least, most, form) {
  const step = rounded((most - least) / 200);
  return form.type === "integer" ? Math.max(1, Math.round(step)) : step;
}

const tidy = (value, step) => Number(value.toFixed(Math.max(0, Math.ceil(-Math.log10(step)))));
const said = (value, { least, most, step }) => least === 0 && most === 1 ? `${Math.round(value * 100)} %` : String(tidy(value, Math.min(step, 1)));

function range(label, value, bounds, onInput, onChange) {
  const field = h("input", { type: "range", "aria-label": label, min: bounds.least, max: bounds.most, step: "any", value, oninput: () => onInput(tidy(Number(field.value), bounds.step)), onchange: () => onChange() });
  field.step = bounds.step;
  field.value = value;
  return field;
}

const row = (words, ...parts) => h("div", { class: "knob-row" }, h("span", { class: "words" }, words), ...parts);

export function slider(words, label, value, bounds, onValue) {
  let now = value;
  const shown = h("output", null, said(value, bounds));
  return row(words, range(label, value, bounds, (moved) => { now = moved; shown.textContent = said(now, bounds); }, () => onValue(now)), shown);
}

// A range about zero has one slider, any other one for each end; neither end passes the other.
export function pair(words, label, [low, high], bounds, onValue) {
  if (low === -high && high >= 0) {
    const shown = h("output", null, `± ${said(high, { ...bounds, least: 1 })}`);
    let now = high;
    return row(words, range(`${label}, at most`, high, { ...bounds, least: 0 }, (moved) => { now = moved; shown.textContent = `± ${said(now, { ...bounds, least: 1 })}`; }, () => onValue([-now || 0, now])), shown);
  }
  const now = [low, high];
  const shown = h("output", null);
  const tell = () => { shown.textContent = `${said(now[0], bounds)} to ${said(now[1], bounds)}`; };
  const limits = [{ ...bounds, most: bounds.between ?? bounds.most }, { ...bounds, least: bounds.between ?? bounds.least }];
  const ends = ["from", "to"].map((word, place) => range(`${label}, ${word}`, now[place], limits[place], (moved) => {
    now[place] = moved;
    if (now[0] > now[1]) { now[1 - place] = moved; ends[1 - place].value = moved; }
    tell();
  }, () => onValue([...now])));
  tell();
  return row(words, h("span", { class: "ends" }, ends), shown);
}

export function toggle(words, label, value, onValue) {
  const box = h("input", { type: "checkbox", role: "switch", "aria-label": label, checked: value, onchange: () => onValue(box.checked) });
  return row(words, h("span", null, box));
}

export function choice(words, label, value, values, onValue) {
  const field = h("select", { "aria-label": label, onchange: () => onValue(values[field.selectedIndex]) }, values.map((one) => h("option", { selected: one === value }, String(one).replaceAll("_", " "))));
  return row(words, field);
}
