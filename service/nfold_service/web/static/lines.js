// The line of a YAML text that a JSON pointer means; the nearest one above where it cannot be told.

export function lineOf(text, pointer) {
  const told = /line (\d+)/.exec(pointer || "");
  if (told) return Number(told[1]);
  const lines = text.split("\n");
  let at = -1;
  let indent = -1;
  for (const part of (pointer || "").split("/").filter(Boolean).map((one) => one.replaceAll("~1", "/").replaceAll("~0", "~"))) {
    const next = /^\d+$/.test(part) ? itemOf(lines, at, indent, Number(part)) : keyOf(lines, at, part);
    if (next === null) break;
    at = next;
    indent = lines[at].search(/\S/);
  }
  return Math.max(at, 0) + 1;
}

function keyOf(lines, at, key) {
  const wanted = new RegExp(`(^|[\\s{,-])["']?${key.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}["']?\\s*(:|$)`);
  for (let place = Math.max(at, 0); place < lines.length; place += 1) if (wanted.test(lines[place].replace(/#.*/, ""))) return place;
  return null;
}

function itemOf(lines, at, indent, index) {
  let left = index;
  let depth = null;
  for (let place = at + 1; place < lines.length; place += 1) {
    const found = /^(\s*)- /.exec(lines[place]);
    if (!found) continue;
    depth ??= found[1].length;
    if (found[1].length !== depth) { if (found[1].length < Math.max(indent, 0)) return null; continue; }
    if (left === 0) return place;
    left -= 1;
  }
  return null;
}
