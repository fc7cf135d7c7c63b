// Files from a drop, a folder or a choice, each with its path below what was given.

const ARCHIVE = /\.(zip|tar|tgz|tar\.gz|tbz2|tar\.bz2|txz|tar\.xz)$/i;

export const isArchive = (file) => ARCHIVE.test(file.name);

export async function fromDrop(transfer) {
  // Entries must be taken before the first await: afterwards the browser has forgotten them.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return fromList(transfer.files);
  const found = [];
  for (const entry of entries) await walk(entry, "", found);
  return withoutTop(found);
}

export const fromList = (files) => withoutTop([...files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));

async function walk(entry, above, found) {
  const path = above + entry.name;
  if (entry.isFile) {
    found.push({ path, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!part.length) return;
    for (const one of part) await walk(one, `${path}/`, found);
  }
}

// The folder that was given is the data set: its own name is no class.
function withoutTop(found) {
  const seen = found.filter(({ path }) => !path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX"));
  const tops = new Set(seen.map(({ path }) => path.split("/")[0]));
  const isOne = tops.size === 1 && seen.every(({ path }) => path.includes("/"));
  return { top: isOne ? [...tops][0] : null, files: isOne ? seen.map(({ file, path }) => ({ file, path: path.slice(path.indexOf("/") + 1) })) : seen };
}
