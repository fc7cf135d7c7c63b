// Requests to the service: the key, and problems in plain words.

const KEY = "nfold-key";
let asking = null;

export class Problem extends Error {
  constructor(document) {
    super(document.detail || "The service gave no reason.");
    this.hint = document.hint || "";
    this.code = document.code || "";
    this.status = document.status || 0;
    this.errors = document.errors || [];
  }
}

export const key = () => sessionStorage.getItem(KEY);

export function headersWith(given) {
  const headers = new Headers(given);
  if (key() !== null) headers.set("X-API-Key", key());
  return headers;
}

async function problemOf(answer) {
  const text = await answer.text();
  try {
    return new Problem({ status: answer.status, ...JSON.parse(text) });
  } catch {
    return new Problem({ status: answer.status, detail: `The service answered ${answer.status}.` });
  }
}

// The dialog that asks for a key, one for all requests that wait for it at the same time.
let dialog = null; // as Alpine watches it
export const prepare = () => Alpine.data("keyDialog", () => ({
  say: "Whoever runs it can give you one. It is kept until this tab is closed.", key: "",
  init() { dialog = this; },
  closed() {
    const given = this.key.trim();
    if (given) sessionStorage.setItem(KEY, given);
    asking.resolve(Boolean(given));
    asking = null;
  },
}));

export function askForKey(say) {
  if (asking === null) {
    asking = {};
    asking.promise = new Promise((resolve) => { asking.resolve = resolve; });
    if (say) dialog.say = say;
    document.getElementById("ask-key").showModal();
  }
  return asking.promise;
}

export async function send(path, options = {}) {
  let answer;
  const used = key();
  try {
    answer = await fetch(path, { ...options, headers: headersWith(options.headers) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ detail: "The service does not answer.", hint: "Check that it runs, then try again. Nothing is lost." });
  }
  if (answer.status === 401 && !(options.body instanceof ReadableStream)) {
    const problem = await problemOf(answer);
    // Somebody may have given a new key while this one was on its way.
    if (used !== key() || await askForKey(used === null ? "" : problem.message)) return send(path, options);
    throw problem;
  }
  if (!answer.ok) throw await problemOf(answer);
  return answer;
}

export async function json(path, options = {}) {
  const answer = await send(path, options);
  return answer.status === 204 ? null : answer.json();
}

export const post = (path, body) => json(path, {
  method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" },
});

export async function objectUrl(path, options) {
  return URL.createObjectURL(await (await send(path, options)).blob());
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export const pathOf = (name) => name.split("/").map(encodeURIComponent).join("/");
