"""A finished folder as one zip: same folder, same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)
MANIFEST, PARTS, CARD = "manifest.jsonl", ".nfold/parts", "nfold.json"
_MODE = 0o100644 << 16
_TIME = re.compile(rb',"mtime_ns":[0-9]+')
"""When a file was written here, which means nothing to whoever unpacks it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A zip that was written."""

    size: int
    sha256: str


def pack_folder(folder: Path, target: Path) -> Packed:
    """Write all files of a folder, in the order of their names, without times and owners, uncompressed: images are compressed already.

    The parts of the manifest come as one file, manifest.jsonl. The zip appears under its name when it is whole. A name that is no UTF-8 keeps its bytes as far as zip can tell them.
    """
    partial = target.with_name(f".{target.name}.partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED, allowZip64=True, strict_timestamps=False) as archive:
        for path in _files(folder):
            name = path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = _MODE
            with (
                path.open("rb") as source,
                archive.open(entry, "w", force_zip64=path.stat().st_size > 2**31) as written,
            ):
                while chunk := source.read(1 << 20):
                    written.write(chunk)
        entry = zipfile.ZipInfo(MANIFEST, _EPOCH)
        entry.external_attr = _MODE
        with archive.open(entry, "w", force_zip64=True) as written:
            for part in sorted((folder / PARTS).glob("*.jsonl")):
                with part.open("rb") as lines:
                    for line in lines:
                        written.write(_TIME.sub(b"", line))
    with partial.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    partial.replace(target)
    return Packed(size=target.stat().st_size, sha256=digest)


def forget_places(folder: Path) -> None:
    """Take the paths of this machine out of the card of an output."""
    card = folder / CARD
    document = json.loads(card.read_bytes())
    document["source"] = ""
    document["request"].update(source="", target="")
    partial = card.with_name(f".{CARD}.partial")
    partial.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(card)


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders.sort()
        if Path(root) == folder and ".nfold" in folders:
            folders.remove(".nfold")  # its parts are the manifest
        found.extend(Path(root) / name for name in names)
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())
