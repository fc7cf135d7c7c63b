"""A finished folder as one zip: same folder, same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
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
    records of the run, so that `nfold verify` and `nfold explain` know what was unpacked. Card and records come without
    what tells of the machine and of how often the work was cut off: the zip of a job that was killed is that of one that
    was not, byte for byte. It appears under its name when it is whole and durable. A name that is no UTF-8 keeps its
    bytes as far as zip can tell them.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        _write_zip(folder, partial)
        with partial.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
    except BaseException:
        partial.unlink(missing_ok=True)  # on a full disk it would keep the store from saying so
        raise
    partial.replace(target)
    _sync_folder(target.parent)
    return Packed(size=target.stat().st_size, sha256=digest)


def _write_zip(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True, strict_timestamps=False) as archive:
        for path in _files(folder):
            name = path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            if name == CARD:
                archive.writestr(_entry(name), plain_card(path.read_bytes()))
                continue
            if name.startswith(f"{PRIVATE}/"):
                with archive.open(_entry(name), "w", force_zip64=True) as written:
                    for line in plain_records(path):
                        written.write(line)
                continue
            with (
                path.open("rb") as source,
                archive.open(_entry(name), "w", force_zip64=path.stat().st_size > 2**31) as written,
            ):
                while chunk := source.read(1 << 20):
                    written.write(chunk)
        if (folder / MANIFEST).exists():
            return  # the data set has a file of that name; the parts say the same
        with archive.open(_entry(MANIFEST), "w", force_zip64=True) as written:
            for part in manifest_parts(folder):
                for row in manifest_rows(part):
                    written.write(row)


def plain_card(card: bytes) -> bytes:
    """A card without paths of this machine, and without the count of runs that it took."""
    document = json.loads(card)
    document["generation"] = 1
    document["source"] = document["request"]["source"] = ""
    return (json.dumps(document, indent=2) + "\n").encode("ascii")


def plain_records(path: Path) -> Iterator[bytes]:
    """The lines of a record of the run, without times of files and the count of runs."""
    with path.open("rb") as lines:
        for line in lines:
            row = json.loads(line)
            for name, value in (("mtime_ns", 0), ("generation", 1)):
                if name in row:
                    row[name] = value
            yield json.dumps(row, separators=(",", ":")).encode("ascii") + b"\n"


def manifest_parts(folder: Path) -> list[Path]:
    """The parts of an output's manifest, in order."""
    return sorted((folder / PARTS).glob("*.jsonl"))


def manifest_rows(part: Path) -> Iterator[bytes]:
    """The rows of a part, one JSON object each: without its header and the times of files, which hold on this machine only."""
    with part.open("rb") as lines:
        next(lines, None)
        for line in lines:
            row = json.loads(line)
            row.pop("mtime_ns", None)
            yield json.dumps(row, separators=(",", ":")).encode("ascii") + b"\n"


def write_whole(target: Path, data: bytes) -> None:
    """Write a file that is there as a whole, or not at all."""
    partial = target.with_name(f".{target.name}.partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(target)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.external_attr = _MODE
    return entry


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
