// Puts the parts together: what stands in the address decides what is shown.

import * as api from "./api.js";
import * as bring from "./bring.js";
import * as choose from "./choose.js";
import * as contrast from "./contrast.js";
import * as fragments from "./fragments.js";
import { drawInto } from "./pictures.js";
import { begin, onChange, state } from "./state.js";
import * as work from "./work.js";

let shown = null;

function ready(dataset) {
  shown = dataset.id;
  choose.open(dataset);
  contrast.open(dataset);
}

async function openDataset() {
  document.body.classList.toggle("has-data", state.dataset !== null);
  if (state.dataset === null) {
    shown = null;
    bring.forget();
    contrast.close();
    choose.close();
  } else if (shown !== state.dataset) {
    contrast.close();
    choose.close();
    await bring.open(state.dataset, ready);
  }
}

// Alpine takes up the markup when it has started; what it calls must be known before.
document.addEventListener("alpine:init", () => {
  Alpine.directive("picture", drawInto);
  api.prepare();
  choose.prepare();
  contrast.prepare(choose.showPresets);
});
document.addEventListener("alpine:initialized", () => {
  fragments.prepare();
  bring.prepare();
  work.prepare();
  onChange((changed) => {
    if (changed.has("job")) {
      if (state.job) work.open(state.job);
      else work.close();
    }
    if (changed.has("dataset")) openDataset();
    else if (shown && ["recipe", "copies", "seed"].some((field) => changed.has(field))) contrast.restart();
    if (shown && ["recipe", "copies", "perClass", "seed"].some((field) => changed.has(field))) choose.showChoice();
  });
  begin();
});
