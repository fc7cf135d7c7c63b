"""Names that are ours though no part of the manifest claims them; durable before the fact, so that no kill makes an orphan.

* `.nfold/intents/`: what a shard is about to write, put down before the first of its files and taken away
  when its part is committed.
* `.nfold/surplus/`: rows of files that a shard no longer claims, put down before its part is committed and
  taken away when the sweep at the end of a run has removed them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from nfold.manifest import FileRow, parse_row
from nfold.storage import PRIVATE, LocalStorage

INTENTS = f"{PRIVATE}/intents"
SURPLUS = f"{PRIVATE}/surplus"


def list_name(folder: str, generation: int, bits: str) -> str:
    """The list of one shard in one run."""
    return f"{folder}/{generation}-s{bits}.jsonl"


def lists_by_bits(storage: LocalStorage) -> dict[str, tuple[str, ...]]:
    """All lists, by the bits of the range of the shard that wrote them."""
    found: dict[str, tuple[str, ...]] = {}
    for folder in (INTENTS, SURPLUS):
        for name in storage.names_in(folder):
            bits = name.partition("-s")[2].removesuffix(".jsonl")
            found[bits] = (*found.get(bits, ()), f"{folder}/{name}")
    return found


def declare(storage: LocalStorage, name: str, files: Iterable[str]) -> None:
    """Put down, durably, what is about to be written."""
    storage.put_durably(name, "\n".join(json.dumps({"file": file}) for file in files).encode("ascii"))


def let_go(storage: LocalStorage, name: str, rows: Iterable[FileRow]) -> None:
    """Put down, durably, what is no longer claimed."""
    storage.put_durably(name, "\n".join(json.dumps(row.to_json()) for row in rows).encode("ascii"))


def read_list(storage: LocalStorage, name: str) -> Iterator[tuple[str, FileRow | None]]:
    """The files of a list, each with the row that it had; a file that was merely intended has none."""
    for line in storage.read(name).splitlines():
        entry = json.loads(line)
        if "kind" not in entry:
            yield entry["file"], None
        elif isinstance(row := parse_row(line), FileRow):
            yield row.file, row


def names_in_lists(storage: LocalStorage, names: Iterable[str]) -> set[str]:
    """All files that some lists name; a list that has been taken away meanwhile names none."""
    found: set[str] = set()
    for name in names:
        try:
            found.update(file for file, _ in read_list(storage, name))
        except FileNotFoundError:
            continue
    return found
