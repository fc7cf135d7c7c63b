// What the page is about stands in the address: a reload, a bookmark and the back button bring it again.

const SHORT = { dataset: "d", job: "j", comparison: "c", recipe: "r", copies: "n", perClass: "p", seed: "s" };
const FORM = { dataset: /^ds_[0-9a-f]{20}$/, job: /^job_[0-9a-f]{20}$/, comparison: /^job_[0-9a-f]{20}$/, recipe: /^[a-z0-9-]{1,40}$/, copies: /^\d{1,4}$/, perClass: /^\d{1,9}$/, seed: /^\d{1,16}$/ };
const YAML = "nfold-recipe";
const listeners = new Set();

export const state = { dataset: null, job: null, comparison: null, recipe: null, copies: null, perClass: null, seed: null };

function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const [field, short] of Object.entries(SHORT)) {
    const value = given.get(short);
    state[field] = value !== null && FORM[field].test(value) ? value : null;
  }
}

export function change(values, { replaces = false } = {}) {
  const before = { ...state };
  Object.assign(state, values);
  const parts = Object.entries(SHORT).filter(([field]) => state[field] !== null && state[field] !== "").map(([field, short]) => `${short}=${state[field]}`);
  const address = parts.length ? `#${parts.join("&")}` : location.pathname;
  if (address !== location.hash) history[replaces ? "replaceState" : "pushState"](null, "", address);
  tell(before);
}

function tell(before) {
  const changed = new Set(Object.keys(SHORT).filter((field) => before[field] !== state[field]));
  if (changed.size) for (const listener of listeners) listener(changed);
}

export const onChange = (listener) => listeners.add(listener);

export function begin() {
  read();
  addEventListener("popstate", () => {
    const before = { ...state };
    if (/^#[a-z-]+$/.test(location.hash) && !location.hash.includes("=")) return; // a link within the page
    read();
    tell(before);
  });
  for (const listener of listeners) listener(new Set(Object.keys(SHORT)));
}

// A recipe of one's own is too long for an address; it lives as long as the tab.
export const ownRecipe = () => sessionStorage.getItem(YAML);
export function setOwnRecipe(text) {
  if (text === null) sessionStorage.removeItem(YAML);
  else sessionStorage.setItem(YAML, text);
}
export const isOwn = () => /^own-\d+$/.test(state.recipe ?? "") && ownRecipe() !== null;
export const recipe = () => isOwn() ? ownRecipe() : (!state.recipe || state.recipe.startsWith("own-") ? "flip-rotate" : state.recipe);

// Each change has a number, so that everything that depends on it is drawn anew.
export function takeOwn(text) {
  setOwnRecipe(text);
  change({ recipe: `own-${Number(/^own-(\d+)$/.exec(state.recipe ?? "")?.[1] ?? 0) + 1}` }, { replaces: true });
}
export const copies = () => Number(state.copies ?? 5);
export const seed = () => state.seed ?? "0";
