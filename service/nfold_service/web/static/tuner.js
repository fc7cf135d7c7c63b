// Switches and sliders for the steps of a recipe, and the recipe that they make as text.

import { h } from "./dom.js";

// A recipe as YAML, a step a line.
export function yamlOf(recipe) {
  const lines = [];
  for (const [key, value] of Object.entries(recipe)) {
    if (Array.isArray(value)) {
      lines.push(value.length ? `${key}:` : `${key}: []`, ...value.map((step) => Object.entries(step).map(([title, options]) => `  - ${title}: ${JSON.stringify(options)}`)[0]));
    } else {
      lines.push(`${key}: ${JSON.stringify(value)}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

// Calls `onRecipe` with a changed copy whenever something is moved.
export function tuner(recipe, schema, onRecipe) {
  const steps = recipe.augment.map((step) => {
    const [title, options] = Object.entries(step)[0];
    return { title, options: options || {}, on: true };
  });
  const rules = [slid("labels", "min_visibility", "Share of an object that must be left"), slid("output", "jpeg_quality", "Quality of JPEG copies")]
    .map((one) => ({ ...one, ...bounds(schema, one.part, one.field), value: recipe[one.part]?.[one.field] })).filter((one) => typeof one.value === "number" && one.most !== undefined);
  const tell = () => {
    const kept = steps.filter((step) => step.on);
    const changed = { ...recipe, name: "my-recipe", augment: (kept.length ? kept : steps.slice(0, 1)).map((step) => ({ [step.title]: step.options })) };
    for (const { part, field, value } of rules) changed[part] = { ...changed[part], [field]: value };
    onRecipe(changed);
  };
  return h("ul", { class: "tuner", "aria-label": "Steps of the recipe" },
    steps.map((step, place) => stepRow(step, place, tell)),
    rules.map((rule, place) => h("li", null, h("label", { class: "named", for: `rule-${place}` }, rule.words),
      ...slider(`rule-${place}`, rule.words, rule, (value) => { rule.value = value; tell(); }))));
}

const slid = (part, field, words) => ({ part, field, words });

function bounds(schema, part, field) {
  const found = schema.$defs?.[{ labels: "LabelRules", output: "OutputRules" }[part]]?.properties?.[field] ?? {};
  return { least: found.minimum, most: found.maximum, step: found.type === "integer" ? 1 : 0.05 };
}

function stepRow(step, place, tell) {
  const options = step.options.transforms?.map((one) => Object.keys(one)[0]);
  const words = options ? `${step.title === "OneOf" ? "One of" : step.title} ${options.map(spaced).join(", ")}` : spaced(step.title);
  const box = h("input", { type: "checkbox", checked: true, onchange: () => { step.on = box.checked; tell(); } });
  const has = typeof step.options.p === "number";
  return h("li", null, h("span", { class: has ? "named" : "named only" }, h("label", { class: "named" }, box, h("span", null, words))),
    has ? slider(`step-${place}`, `${words}: how often`, { least: 0, most: 1, step: 0.05, value: step.options.p }, (value) => { step.options = { ...step.options, p: value }; tell(); }) : null);
}

const spaced = (title) => title.replaceAll(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();

function slider(name, label, { least, most, step, value }, onValue) {
  const shown = h("output", { for: name }, said(value, most));
  const range = h("input", { type: "range", id: name, "aria-label": label, min: least, max: most, step, value, oninput: () => { shown.textContent = said(Number(range.value), most); }, onchange: () => onValue(Number(range.value)) });
  return [range, shown];
}

const said = (value, most) => most === 1 ? `${Math.round(value * 100)} %` : String(value);
