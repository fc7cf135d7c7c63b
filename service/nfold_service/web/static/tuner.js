// Switches and sliders for the steps of a recipe, and the recipe that they make as text.

import { h } from "./dom.js";
import { choice, pair, rangeOf, slider, toggle } from "./knobs.js";

// A recipe as YAML, a step a line.
export function yamlOf(recipe) {
  const lines = [];
  for (const [key, value] of Object.entries(recipe)) {
    if (Array.isArray(value) && value.length) lines.push(`${key}:`, ...value.flatMap((step) => stepLines(step, "  ")));
    else lines.push(`${key}: ${flow(value)}`);
  }
  return `${lines.join("\n")}\n`;
}

function stepLines(step, indent) {
  const [title, options] = Object.entries(step)[0];
  if (!options?.transforms) return [`${indent}- ${title}: ${flow(options ?? {})}`];
  const { transforms, ...rest } = options;
  return [`${indent}- ${title}:`, ...Object.entries(rest).map(([key, value]) => `${indent}    ${key}: ${flow(value)}`),
    `${indent}    transforms:`, ...transforms.flatMap((one) => stepLines(one, `${indent}      `))];
}

function flow(value) {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (value && typeof value === "object") return `{${Object.entries(value).map(([key, one]) => `${flow(key)}: ${flow(one)}`).join(", ")}}`;
  const isPlain = typeof value === "string" && /^[A-Za-z][\w-]*$/.test(value) && !/^(true|false|yes|no|on|off|null|y|n)$/i.test(value);
  return isPlain ? value : JSON.stringify(value);
}

// Calls `onRecipe` with a changed copy whenever something is moved.
export function tuner(recipe, schema, onRecipe) {
  const steps = recipe.augment.map(opened);
  const rules = [
    rule(recipe, schema, "labels", "LabelRules", "min_visibility", "share of an object that must be left"),
    rule(recipe, schema, "output", "OutputRules", "jpeg_quality", "quality of JPEG copies"),
  ].filter(Boolean);
  const tell = () => {
    const kept = steps.filter((step) => step.on);
    const changed = { ...recipe, name: "my-recipe", augment: (kept.length ? kept : steps.slice(0, 1)).map(closed) };
    for (const { part, field, value } of rules) changed[part] = { ...changed[part], [field]: value };
    onRecipe(changed);
  };
  return h("ul", { class: "tuner", "aria-label": "Steps of the recipe" },
    steps.map((step) => h("li", null, stepRows(step, schema, tell, ""))),
    rules.length ? h("li", null, rules.map((one) => slider(one.words, one.words, one.value, one.range, (value) => { one.value = value; tell(); }))) : null);
}

function opened(step) {
  const [title, options] = Object.entries(step)[0];
  const { transforms, ...rest } = options || {};
  return { title, options: rest, on: true, inner: transforms?.map(opened) };
}

function closed({ title, options, inner }) {
  const kept = inner?.filter((one) => one.on);
  return { [title]: inner ? { ...options, transforms: (kept.length ? kept : inner.slice(0, 1)).map(closed) } : options };
}

function rule(recipe, schema, part, definition, field, words) {
  const value = recipe[part]?.[field];
  const property = schema.$defs?.[definition]?.properties?.[field];
  return typeof value === "number" && property ? { part, field, words, value, range: rangeOf(field, property, value) } : null;
}

const TOGETHER = { OneOf: "one of", SomeOf: "some of", Sequential: "in a row" };

function stepRows(step, schema, tell, within) {
  const words = step.inner && TOGETHER[step.title] ? `${TOGETHER[step.title]}: ${step.inner.map((one) => spaced(one.title)).join(", ")}` : spaced(step.title);
  const label = within ? `${within}, ${words}` : words;
  const box = h("input", { type: "checkbox", checked: true, onchange: () => { step.on = box.checked; tell(); } });
  const rows = Object.entries(withCommon(step.options, schema.$defs?.[step.title]?.properties)).map(([key, value]) => knob(step, key, value, schema.$defs?.[step.title]?.properties?.[key], label, tell));
  return [
    h("label", { class: "named" }, box, h("span", null, words)),
    rows,
    step.inner ? h("details", null, h("summary", null, "Each of them"), step.inner.map((one) => h("div", { class: "inner" }, stepRows(one, schema, tell, words)))) : null,
  ];
}

// A recipe leaves out what is as it is by default; the ranges that most people want to move are shown all the same.
const COMMON = ["brightness", "contrast", "saturation", "hue", "brightness_limit", "contrast_limit", "rotate", "scale", "limit"];

function withCommon({ p, ...options }, properties = {}) {
  const left = COMMON.filter((key) => !(key in options) && Array.isArray(properties[key]?.default));
  const shown = { ...options, ...Object.fromEntries(left.map((key) => [key, properties[key].default])) };
  return p === undefined ? shown : { p, ...shown };
}

// What a parameter may be is in the schema, what it is tells which of several forms; without either it stays in the text.
function knob(step, key, value, property, label, tell) {
  if (!property) return null;
  const words = key === "p" ? "how often" : key.replaceAll("_", " ");
  const named = `${label}: ${words}`;
  const set = (changed) => { step.options = { ...step.options, [key]: changed }; tell(); };
  const forms = property.anyOf ?? [property];
  if (typeof value === "boolean") return toggle(words, named, value, set);
  const listed = forms.find((one) => one.enum?.includes(value));
  if (listed) return choice(words, named, value, listed.enum.filter((one) => typeof one === typeof value), set);
  if (typeof value === "number") {
    const form = forms.find((one) => one.type === "number" || one.type === "integer");
    return form ? slider(words, named, value, rangeOf(key, form, value), set) : null;
  }
  const form = forms.find((one) => one.prefixItems?.length === 2);
  const isPair = Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === "number");
  return form && isPair ? pair(words, named, value, rangeOf(key, form.prefixItems[0], ...value), set) : null;
}

const spaced = (title) => title.replaceAll(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
