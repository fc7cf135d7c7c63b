// An expansion from its order to its end; several may run, and one is watched here.

import { follow, hasKey, json, objectUrl, post } from "./api.js";
import { commandLine, copyable, curlCall } from "./commands.js";
import { bytes, clear, h, id, number, plural, seconds, showProblem } from "./dom.js";
import { closeGallery, openGallery } from "./gallery.js";
import { change, state } from "./state.js";

const FINAL = new Set(["succeeded", "succeeded_with_errors", "failed", "cancelled", "expired"]);
export const WORDS = {
  queued: "Waiting for its turn", running: "At work", publishing: "Packing the result", succeeded: "Done",
  succeeded_with_errors: "Done, with some left out", failed: "Failed", cancelled: "Cancelled", expired: "Expired",
};
const STAGES = { plan: "Planning", survey: "Reading the pictures", work: "Making copies", publish: "Packing the result" };
let stopper = null;

export function close() {
  stopper?.abort();
  stopper = null;
  closeGallery();
  clear(id("job"));
  clear(id("result"));
  id("work").hidden = true;
}

export async function open(identity) {
  close();
  const stop = stopper = new AbortController();
  id("work").hidden = false;
  try {
    await watch(`/v1/expansions/${identity}`, stop.signal, (job) => showJob(job));
  } catch (error) {
    if (!stop.signal.aborted) showProblem(id("job"), error);
  }
}

// Shows a job whenever something happens to it; answers with its last state.
async function watch(path, signal, show) {
  let job = await json(path, { signal });
  show(job);
  if (FINAL.has(job.state)) return job;
  await follow(`${path}/events`, async (kind, data) => {
    if (kind === "progress") job = { ...job, progress: { ...job.progress, ...data } };
    else job = await json(path, { signal });
    show(job);
    return FINAL.has(job.state) ? "end" : null;
  }, signal);
  return job;
}

function progressOf(job) {
  const { stage, done, total, images_per_s: rate, seconds_left: left } = job.progress || {};
  const words = job.state === "running" && STAGES[stage] ? STAGES[stage] : WORDS[job.state];
  const more = job.state === "running" && total ? `${number(done ?? 0)} of ${plural(total, "image")}${rate ? `, ${rate < 10 ? rate.toFixed(1) : number(rate)} a second` : ""}${left ? `, ${seconds(left)} left` : ""}` : "";
  return { words, more, share: job.state === "running" && total && stage !== "publish" ? (done ?? 0) / total : null };
}

function showJob(job) {
  const { words, more, share } = progressOf(job);
  let box = id("job").firstElementChild;
  if (box?.dataset.job !== job.id) {
    box = h("div", { class: "job", "data-job": job.id },
      h("p", { role: "status" }, h("strong", { id: "job-state" }), h("span", { id: "job-more" })),
      h("progress", { id: "job-bar", "aria-label": "Progress", max: 1 }),
      h("p", { class: "buttons", id: "job-stop" },
        h("button", { type: "button", id: "cancel", onclick: () => cancel(job.id) }, "Cancel"),
        h("span", { class: "hint" }, "It goes on without this page, too.")));
    clear(id("job"), box);
  }
  const isFinal = FINAL.has(job.state);
  id("job-state").textContent = words;
  id("job-more").textContent = more;
  if (share === null) id("job-bar").removeAttribute("value");
  else id("job-bar").value = share;
  id("job-bar").hidden = id("job-stop").hidden = isFinal;
  if (job.state === "succeeded" || job.state === "succeeded_with_errors") showResult(job);
  else if (isFinal) showEnd(job);
}

function showEnd(job) {
  const { message, hint } = job.problem ?? {};
  const words = job.state === "failed" ? message || "The expansion failed." : message;
  clear(id("result"),
    words ? h("div", { class: "problem" }, h("p", null, h("strong", null, words)), hint ? h("p", null, hint) : null) : "",
    h("p", { class: "buttons" }, removal(job)));
}

async function cancel(identity) {
  try {
    await json(`/v1/expansions/${identity}/cancel`, { method: "POST" });
  } catch (error) {
    showProblem(id("result"), error);
  }
}

const removal = (job) => h("button", { type: "button", class: "quiet", onclick: (event) => sure(event.target, () => remove(job.id)) }, "Delete");

// Asked twice in place, since what is deleted is gone.
export function sure(button, action) {
  if (button.dataset.sure) { action(); return; }
  const words = button.textContent;
  button.dataset.sure = "yes";
  button.textContent = "Really delete?";
  button.addEventListener("blur", () => { delete button.dataset.sure; button.textContent = words; }, { once: true });
}

async function remove(identity) {
  try {
    await json(`/v1/expansions/${identity}`, { method: "DELETE" });
    change({ job: null, comparison: null });
  } catch (error) {
    showProblem(id("result"), error);
  }
}

function showResult(job) {
  const result = job.result;
  const left = [
    result.skipped ? `${plural(result.skipped, "source")} skipped` : "",
    result.copies_missing ? `${plural(result.copies_missing, "copy", "copies")} could not be made distinct` : "",
  ].filter(Boolean).join(", ");
  clear(id("result"),
    h("p", { class: "outcome" }, h("strong", null, plural(result.images_before, "image")), " became ", h("strong", null, plural(result.images_after, "image")), `, ${bytes(result.bytes)} as a zip.`, left ? ` ${left}.` : ""),
    h("p", { class: "buttons" }, download(job), h("button", { type: "button", id: "compare", onclick: () => compare(job) }, "Measure both meanings"), removal(job)),
    h("div", { id: "comparison" }),
    h("div", { id: "gallery" }),
    h("details", { class: "commands" }, h("summary", null, "The same from a terminal"),
      copyable("Command line", commandLine(job.request)),
      typeof job.request.recipe === "string" || !job.request.recipe ? null : savedRecipe(job.request.recipe),
      copyable("Request", curlCall(job))));
  openGallery(job, id("gallery"));
  if (state.comparison) showComparison(state.comparison);
}

function savedRecipe(document_) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(document_, null, 2)], { type: "application/yaml" }));
  return h("p", null, h("a", { href: url, download: "recipe.yaml" }, "Save recipe.yaml"), ", which the command line reads.");
}

function download(job) {
  const path = `/v1/expansions/${job.id}/result`;
  if (!hasKey()) return h("a", { class: "button main", id: "download", href: path, download: `${job.id}.zip` }, "Download zip");
  // A link can send no key.
  return h("button", { type: "button", class: "main", id: "download", onclick: () => save(path, `${job.id}.zip`) }, "Download zip");
}

async function save(path, file) {
  try {
    const url = await objectUrl(path);
    h("a", { href: url, download: file }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (error) {
    showProblem(id("comparison"), error);
  }
}

async function compare(job) {
  try {
    const { copies, recipe, seed } = job.request;
    const made = await post("/v1/comparisons", { dataset: job.dataset, copies: Math.min(50, Math.max(1, copies ?? 5)), ...(recipe ? { recipe } : {}), seed: seed ?? 0, epochs: 10 });
    change({ comparison: made.id }, { replaces: true });
    await showComparison(made.id);
  } catch (error) {
    showProblem(id("comparison"), error);
  }
}

async function showComparison(identity) {
  try {
    await watch(`/v1/comparisons/${identity}`, stopper.signal, (job) => {
      const path = `/v1/comparisons/${identity}/report`;
      const isThere = job.state === "succeeded" || job.state === "succeeded_with_errors";
      const { words, more } = progressOf(job);
      const link = hasKey() ? h("button", { type: "button", onclick: () => save(path, "contrast.html") }, "Save the report") : h("a", { href: path, target: "_blank", rel: "noopener" }, "Open the report");
      clear(id("comparison"), h("p", { class: "comparison", role: "status" }, isThere ? [job.result?.answer ?? "Both meanings are measured on your pictures.", " ", link] : [`Comparison: ${words}. ${more}`, job.problem ? ` ${job.problem.message}` : ""]));
    });
  } catch (error) {
    if (error.name !== "AbortError") showProblem(id("comparison"), error);
  }
}
