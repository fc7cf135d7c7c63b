// Files one by one, each under its path; what a reload cut goes on when the same folder is given again.

import { json, pathOf, post, Problem, send } from "./api.js";
import { number, plural } from "./dom.js";
import { forgetUpload, keepUpload, unfinished } from "./uploading.js";

const AT_ONCE = 4;
const WORTH_KEEPING = 8; // files
const TOLD_EVERY = 10;

export const create = async (label) => (await post("/v1/datasets", { name: label.slice(0, 200) })).id;

const named = (path) => path.normalize("NFC");

// Tells the same files with the same times from others (FNV-1a); which of them came is asked of the service.
function markOf(files) {
  let mark = 0x811c9dc5;
  const sorted = [...files].sort((one, other) => one.path < other.path ? -1 : 1);
  for (const { path, file } of sorted) for (const letter of `${path}\0${file.size}\0${file.lastModified}\n`) mark = Math.imul(mark ^ letter.codePointAt(0), 0x01000193);
  return `${files.length}-${(mark >>> 0).toString(16)}`;
}

// The data set to which these very files were on their way, and those that are there; null without any.
async function begun(mark) {
  const found = unfinished().find((one) => one.mark === mark);
  if (!found) return null;
  try {
    const { state } = await json(found.place);
    const there = new Map();
    for (let cursor = ""; state === "receiving" && cursor !== null;) {
      const page = await json(`${found.place}/files?limit=1000${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
      for (const one of page.files) there.set(one.path, one.bytes);
      cursor = page.next;
    }
    if (state === "receiving") return { dataset: found.dataset, there };
  } catch (error) {
    if (error.status !== 404) throw error;
  }
  forgetUpload(found.place);
  return null;
}

// Answers with the data set, and with the files that were refused.
export async function sendFiles(label, files, say, signal) {
  const mark = markOf(files);
  const { dataset, there } = await begun(mark) ?? { dataset: await create(label), there: new Map() };
  const upload = { dataset, place: `/v1/datasets/${dataset}`, name: label, mark, files: files.length };
  const missing = files.filter(({ path, file }) => there.get(named(path)) !== file.size);
  const refused = [];
  const words = there.size ? "Going on with" : "Uploading";
  let done = files.length - missing.length;
  const tell = () => {
    say(`${words} ${plural(files.length, "file")}: ${number(done)} there`, done / files.length);
    if (files.length > WORTH_KEEPING && done % TOLD_EVERY === 0) keepUpload({ ...upload, done });
  };
  if (files.length > WORTH_KEEPING) keepUpload({ ...upload, done });
  tell();
  const waiting = missing.values();
  const work = async () => {
    for (const { path, file } of waiting) {
      try {
        await send(`/v1/datasets/${dataset}/files/${pathOf(named(path))}`, { method: "PUT", body: file, signal });
      } catch (error) {
        if (error.name === "AbortError" || !(error instanceof Problem) || !error.status || error.status >= 500 || error.status === 401) throw error;
        refused.push({ path, why: error.message });
      }
      done += 1;
      tell();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  forgetUpload(upload.place);
  if (refused.length === files.length) throw new Problem({ detail: "None of these files could be taken.", hint: refused[0].why });
  await json(`/v1/datasets/${dataset}/inspect`, { method: "POST", signal });
  return { dataset, refused };
}
