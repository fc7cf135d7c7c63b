// Elements and words. Names come from files of anybody: they are only ever set as text.

import { Problem } from "./api.js";

const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.setAttribute("class", value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const h = (tag, attributes, ...children) => filled(document.createElement(tag), attributes, children);
export const s = (tag, attributes, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);
export const id = (name) => document.getElementById(name);
export const name = (text) => h("bdi", null, text);

export const number = (value) => Math.round(value).toLocaleString("en");

export function plural(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

export function bytes(value) {
  if (value < 1000) return `${value} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let size = value / 1000;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) { size /= 1000; unit += 1; }
  return `${size < 10 ? size.toFixed(1) : number(size)} ${units[unit]}`;
}

export function seconds(value) {
  if (value < 60) return `${Math.max(1, Math.round(value))} s`;
  if (value < 3600) return `${Math.round(value / 60)} min`;
  return `${(value / 3600).toFixed(1)} h`;
}

export function clear(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// What went wrong, and what to do; the error itself for people who look into the console.
export function showProblem(element, error) {
  if (error === null) { element.replaceChildren(); return; }
  if (error.name === "AbortError") return;
  const known = error instanceof Problem;
  if (!known) console.error(error);
  const details = known ? error.errors.slice(0, 10).map((one) => h("li", null, one.pointer ? h("code", null, one.pointer) : null, one.pointer ? " " : "", one.message, one.hint ? ` ${one.hint}` : "")) : [];
  clear(element, h("div", { class: "problem", role: "alert" },
    h("p", null, h("strong", null, known ? error.message : "The page stumbled over this.")),
    known && error.hint ? h("p", null, error.hint) : null,
    details.length ? h("ul", null, details) : null));
}
