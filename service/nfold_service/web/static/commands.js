// The same from a terminal: the command line and the request, exactly.

import { hasKey } from "./api.js";
import { h } from "./dom.js";

const quoted = (word) => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

const FLAG = (name) => `--${name.replaceAll("_", "-")}`;

export function commandLine(request) {
  const words = ["nfold", "expand", "FOLDER", "OUTPUT"];
  for (const [name, value] of Object.entries(request)) {
    if (value === null || value === undefined) continue;
    if (name === "recipe" && typeof value !== "string") words.push("--recipe", "recipe.yaml");
    else if (Array.isArray(value)) for (const one of value) words.push(FLAG(name), quoted(String(one)));
    else if (value === true) words.push(FLAG(name));
    else if (value !== false) words.push(FLAG(name), quoted(String(value)));
  }
  return words.join(" ");
}

export function curlCall(job) {
  const body = JSON.stringify({ dataset: job.dataset, ...job.request });
  const key = hasKey() ? " -H \"X-API-Key: $NFOLD_API_KEY\"" : "";
  return `curl -X POST ${location.origin}/v1/expansions${key} -H 'Content-Type: application/json' -d ${quoted(body)}`;
}

export function copyable(label, text) {
  const button = h("button", { type: "button", class: "quiet", onclick: async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }, "aria-label": `Copy ${label}` }, "Copy");
  const code = h("code", null, text);
  return h("div", { class: "command" }, h("p", null, label), h("pre", { tabindex: "0", "aria-label": label }, code), button);
}
