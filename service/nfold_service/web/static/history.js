// What was there before: expansions and data sets, each to be opened or deleted.

import { json } from "./api.js";
import { bytes, clear, h, id, name, plural, showProblem } from "./dom.js";
import { change, state } from "./state.js";
import { sure, WORDS } from "./work.js";

export function prepare() {
  id("history-open").addEventListener("click", async () => { id("history").showModal(); await list(); });
  for (const dialog of ["history", "how"]) id(`${dialog}-close`).addEventListener("click", () => id(dialog).close());
}

async function list() {
  const place = id("history-list");
  try {
    const [jobs, datasets] = await Promise.all([pages("/v1/expansions", "jobs"), pages("/v1/datasets", "datasets")]);
    const names = new Map(datasets.map((one) => [one.id, one.name]));
    clear(place,
      h("h3", null, "Expansions"),
      jobs.length ? h("ul", { class: "past" }, jobs.map((job) => line(
        [name(names.get(job.dataset) ?? "a data set that is gone"), h("small", null, ` ${described(job)}`)],
        `${WORDS[job.state]}, ${when(job.created_at)}`,
        () => change({ dataset: names.has(job.dataset) ? job.dataset : null, job: job.id, comparison: null }), `/v1/expansions/${job.id}`))) : h("p", { class: "hint" }, "None yet."),
      h("h3", null, "Data sets"),
      datasets.length ? h("ul", { class: "past" }, datasets.map((one) => line(
        [name(one.name), h("small", null, ` ${plural(one.found?.images ?? one.files, "image")}, ${bytes(one.bytes)}`)],
        `${one.state}, ${when(one.created_at)}`,
        () => change({ dataset: one.id, job: null, comparison: null }), `/v1/datasets/${one.id}`))) : h("p", { class: "hint" }, "None yet."));
  } catch (error) {
    showProblem(place, error);
  }
}

async function pages(path, field) {
  const found = [];
  for (let cursor = null, page = 0; page < 5; page += 1) {
    const answer = await json(`${path}?limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    found.push(...answer[field]);
    cursor = answer.next;
    if (cursor === null) break;
  }
  return found;
}

function line(words, more, open, path) {
  const problem = h("div", null);
  const remove = async () => {
    try {
      await json(path, { method: "DELETE" });
      const gone = path.split("/").at(-1);
      if (state.job === gone) change({ job: null, comparison: null });
      if (state.dataset === gone) change({ dataset: null });
      await list();
    } catch (error) {
      showProblem(problem, error);
    }
  };
  return h("li", null, h("button", { type: "button", class: "link", onclick: () => { id("history").close(); open(); } }, words), h("small", null, more),
    h("button", { type: "button", class: "quiet", onclick: (event) => sure(event.target, remove) }, "Delete"), problem);
}

const when = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

function described({ request }) {
  const count = request.per_class ? `${request.per_class} of each class` : plural(request.copies ?? 0, "copy", "copies");
  return `${count}, ${typeof request.recipe === "string" ? request.recipe : "own recipe"}`;
}
