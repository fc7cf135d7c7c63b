// What is watched and looked through: an expansion from its order to its end, the history, how a picture was made.

import { json, post } from "./api.js";
import { id, showProblem } from "./dom.js";
import { onLoad, show } from "./fragments.js";
import { watchPicture } from "./pictures.js";
import { takeRate } from "./rates.js";
import { change, state } from "./state.js";

export function prepare() {
  const { body } = document;
  id("history-open").addEventListener("click", () => { id("history").showModal(); list(); });
  for (const dialog of ["history", "how"]) id(`${dialog}-close`).addEventListener("click", () => id(dialog).close());
  addEventListener("hashchange", () => id("history").close());
  id("how-body").addEventListener("htmx:afterSwap", () => { if (!id("how").open) id("how").showModal(); });
  body.addEventListener("htmx:afterRequest", ({ detail }) => {
    const gone = detail.elt.dataset?.deletes;
    if (gone && detail.successful) forget(gone);
  });
  body.addEventListener("click", (event) => { if (event.target.id === "compare") compare(event.target); });
  onLoad("[data-picture]", watchPicture);
  onLoad("#job-bar", (bar) => { if (bar.dataset.rate) takeRate(bar.dataset.job, Number(bar.dataset.rate)); });
}

const list = () => { for (const one of document.querySelectorAll("#history .past")) htmx.trigger(one, "shown"); };

function forget(gone) {
  if (state.job === gone) change({ job: null, comparison: null });
  if (state.dataset === gone) change({ dataset: null });
  if (id("history").open) list();
}

export function close() {
  id("work").hidden = true;
  id("work-body").replaceChildren();
}

export function open(identity) {
  id("work").hidden = false;
  show(`/page/expansions/${identity}${state.comparison ? `?comparison=${state.comparison}` : ""}`, id("work-body"));
}

async function compare({ dataset }) {
  const { copies, recipe, seed } = JSON.parse(dataset.request);
  try {
    const made = await post("/v1/comparisons", { dataset: dataset.dataset, copies: Math.min(50, Math.max(1, copies ?? 5)), ...(recipe ? { recipe } : {}), seed: seed ?? 0, epochs: 10 });
    change({ comparison: made.id }, { replaces: true });
    show(`/page/comparisons/${made.id}`, id("comparison"));
  } catch (error) {
    showProblem(id("comparison"), error);
  }
}
