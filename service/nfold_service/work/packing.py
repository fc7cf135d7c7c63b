"""A finished folder as one zip: same folder, same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

from nfold.card import CARD

_EPOCH = (1980, 1, 1, 0, 0, 0)
MANIFEST, PARTS = "manifest.jsonl", ".nfold/parts"
PRIVATE, RECORDS = ".nfold", ("assembled.jsonl", "skipped.jsonl", "split.jsonl")
_MODE = 0o100644 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A zip that was written."""

    size: int
    sha256: str


def pack_folder(folder: Path, target: Path) -> Packed:
    """Write all files of a folder, in the order of their names, without times and owners, uncompressed: images are compressed already.

    The parts of the manifest come as one file, manifest.jsonl, for people and programs, and as they are with the other
    records of the run, so that `nfold verify` and `nfold explain` know what was unpacked. The card names no folder of this
    machine. The zip appears under its name when it is whole. A name that is no UTF-8 keeps its bytes as far as zip can tell them.
    """
    partial = target.with_name(f".{target.name}.partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED, allowZip64=True, strict_timestamps=False) as archive:
        for path in _files(folder):
            name = path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = _MODE
            if path == folder / CARD:
                archive.writestr(entry, _card(path))
                continue
            with (
                path.open("rb") as source,
                archive.open(entry, "w", force_zip64=path.stat().st_size > 2**31) as written,
            ):
                while chunk := source.read(1 << 20):
                    written.write(chunk)
        if not (folder / MANIFEST).exists():
            entry = zipfile.ZipInfo(MANIFEST, _EPOCH)
            entry.external_attr = _MODE
            with archive.open(entry, "w", force_zip64=True) as written:
                for part in sorted((folder / PARTS).glob("*.jsonl")):
                    written.write(part.read_bytes())
    with partial.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    partial.replace(target)
    return Packed(size=target.stat().st_size, sha256=digest)


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders.sort()
        if Path(root) == folder and PRIVATE in folders:
            folders.remove(PRIVATE)
            found.extend((folder / PARTS).glob("*.jsonl"))
            found.extend(path for name in RECORDS if (path := folder / PRIVATE / name).exists())
        found.extend(Path(root) / name for name in names)
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _card(path: Path) -> bytes:
    card = json.loads(path.read_text(encoding="utf-8"))
    card["source"] = card["request"]["source"] = ""
    return (json.dumps(card, indent=2) + "\n").encode()
