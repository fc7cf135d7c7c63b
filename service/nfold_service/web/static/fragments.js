// What htmx does for the whole page: the key, errors where the answer would have stood, and what asks twice.

import { askForKey, headersWith, key, objectUrl, Problem } from "./api.js";
import { h, showProblem } from "./dom.js";

const LOST = new Problem({ detail: "The service does not answer.", hint: "Check that it runs, then try again. Nothing is lost." });
const NO_KEY = new Problem({ detail: "This service asks for a key.", hint: "Try again to give one." });
const isPolling = (element) => element.getAttribute("hx-trigger")?.startsWith("every");
const swapOf = (element) => element.closest("[hx-swap]")?.getAttribute("hx-swap") ?? htmx.config.defaultSwapStyle;

// Fetches a fragment into an element; a later one for the same place (hx-sync) takes the place of an earlier one, whose
// promise is then broken. Errors stand where the fragment would have stood.
export const show = (path, target) => htmx.ajax("GET", path, { source: target, target }).then(() => true, () => false);

// Calls for each element below one that came by a swap, and for the page itself.
export const onLoad = (selector, action) => htmx.onLoad((root) => {
  for (const one of [...(root.matches?.(selector) ? [root] : []), ...root.querySelectorAll(selector)]) action(one);
});

function placeOf(element, target) {
  for (let above = element; above; above = above.parentElement) {
    const place = [...above.children].find((one) => one.hasAttribute("data-problem"));
    if (place) return place;
  }
  return target;
}

export function prepare() {
  const { body } = document;
  body.addEventListener("htmx:configRequest", ({ detail }) => { for (const [name, value] of headersWith({})) detail.headers[name] = value; });
  body.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const { xhr, elt, requestConfig } = detail;
    if (xhr.status < 400) return;
    detail.shouldSwap = xhr.status !== 401;
    detail.isError = false;
    if (xhr.status === 401) again(elt, detail.target, requestConfig);
    else if (swapOf(elt) === "none") { detail.target = placeOf(elt, detail.target); detail.swapOverride = htmx.config.defaultSwapStyle; }
  });
  body.addEventListener("htmx:sendError", ({ detail }) => {
    if (!isPolling(detail.elt)) showProblem(swapOf(detail.elt) === "none" ? placeOf(detail.elt, detail.target) : detail.target, LOST);
  });
  body.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.question) return;
    event.preventDefault(); // the window that the browser would open for it
    if (!sure(event.target, event.detail.question)) event.detail.issueRequest(true);
  });
  body.addEventListener("click", (event) => {
    const button = event.target.closest("[data-save], [data-copy]");
    if (button?.dataset.save) save(button);
    else if (button) copy(button);
  });
  onLoad("time[datetime]", (one) => { one.textContent = new Date(one.dateTime).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }); });
}

// Somebody may have given a new key while this request was on its way. What asks every second asks again by itself, but
// not of somebody who has closed the dialog.
async function again(element, target, { verb, path, formData, headers }) {
  const used = headers["x-api-key"] ?? null;
  if (used === key() && !await askForKey(used === null ? "" : "This key is not known, or was taken back.")) {
    if (element.isConnected) showProblem(isPolling(element) ? element.parentElement : placeOf(element, target), NO_KEY);
    return;
  }
  if (!isPolling(element)) htmx.ajax(verb.toUpperCase(), path, { source: element, target, swap: swapOf(element), values: formData ? Object.fromEntries(formData) : {} });
}

// Asked twice in place, since what is deleted is gone; whether it has yet to be asked a second time.
function sure(button, question) {
  if (button.dataset.sure) return false;
  const words = button.textContent;
  button.dataset.sure = "yes";
  button.textContent = question;
  button.addEventListener("blur", () => { delete button.dataset.sure; button.textContent = words; }, { once: true });
  return true;
}

// A link can send no key.
async function save(button) {
  try {
    const url = await objectUrl(button.dataset.save);
    h("a", { href: url, download: button.dataset.file }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (error) {
    showProblem(placeOf(button, button.parentElement), error);
  }
}

async function copy(button) {
  const text = button.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(text);
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}
