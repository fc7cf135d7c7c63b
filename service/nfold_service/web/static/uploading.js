// Archives, resumable by tus 1.0: in pieces, each asked for again from where the service stands; after a reload, too.

import { pause, Problem, send } from "./api.js";

const PIECE = 8 * 1024 * 1024;
const TUS = { "Tus-Resumable": "1.0.0" };
const KEPT = "nfold-uploads";
const MOST = 5;

// What was begun and is not whole yet. A page cannot open a file again by itself: whoever has it gives it once more.
export function unfinished() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one) => one && typeof one.place === "string") : [];
  } catch {
    return [];
  }
}

export const keepUpload = (upload) => keep([upload, ...unfinished().filter((one) => one.place !== upload.place)]);
const keep = (list) => localStorage.setItem(KEPT, JSON.stringify(list.slice(0, MOST)));
export const forgetUpload = (place) => keep(unfinished().filter((one) => one.place !== place));
const isOf = (file) => (one) => one.name === file.name && one.size === file.size && one.modified === file.lastModified;

// Where the service stands with an upload; null when it knows it no more.
async function offsetOf(place, signal) {
  try {
    return Number((await send(place, { method: "HEAD", signal, headers: TUS })).headers.get("Upload-Offset"));
  } catch (error) {
    if (error instanceof Problem && (error.status === 404 || error.status === 410)) return null;
    throw error;
  }
}

// The upload of this very file that was cut, with the bytes that are there; null without any.
export async function begun(file, signal) {
  const found = unfinished().find(isOf(file));
  if (!found) return null;
  const offset = await offsetOf(found.place, signal);
  if (offset !== null && offset < file.size) return { ...found, offset };
  forgetUpload(found.place);
  return null;
}

export async function beginUpload(dataset, file, signal) {
  const made = await send(`/v1/datasets/${dataset}/uploads`, { method: "POST", signal, headers: { ...TUS, "Upload-Length": String(file.size) } });
  const upload = { dataset, place: made.headers.get("Location"), name: file.name, size: file.size, modified: file.lastModified, offset: 0 };
  if (file.size > PIECE) keep([upload, ...unfinished().filter((one) => !isOf(file)(one))]);
  return upload;
}

export async function goOn({ place, offset: from }, file, onBytes, signal) {
  let offset = from;
  for (let failures = 0; offset < file.size;) {
    onBytes(offset);
    try {
      const answer = await send(place, {
        method: "PATCH", signal, body: file.slice(offset, offset + PIECE),
        headers: { ...TUS, "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" },
      });
      offset = Number(answer.headers.get("Upload-Offset"));
      failures = 0;
    } catch (error) {
      if (error.name === "AbortError") throw error;
      failures += 1;
      const isLost = error instanceof Problem && (error.status === 0 || error.status === 409 || error.status >= 500);
      if (!isLost) forgetUpload(place);
      if (!isLost || failures > 5) throw error;
      await pause(500 * 2 ** failures);
      offset = await again(place, offset, signal);
    }
    keep(unfinished().map((one) => one.place === place ? { ...one, offset } : one));
  }
  onBytes(offset);
  forgetUpload(place);
}

async function again(place, offset, signal) {
  try {
    const there = await offsetOf(place, signal);
    if (there === null) throw new Problem({ status: 404, detail: "The service knows this upload no more.", hint: "Give the archive again." });
    return there;
  } catch (error) {
    if (!(error instanceof Problem) || error.status === 404) throw error;
    return offset;
  }
}
