"""The files of an output in the order of their names, from any name on, without a look at all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path


def names_after(root: Path, after: str, most: int, *, private: str) -> list[tuple[str, int]]:
    """At most so many names that come after one, by code point, with their bytes.

    A page costs the listing of the folders that it touches, and of those above them.

    Args:
        private: A folder at the top that is passed over.
    """
    found = islice(_in_order(root, "", after, private), most)
    return [(name, (root / name).stat().st_size) for name in found]


def _in_order(root: Path, prefix: str, after: str, private: str) -> Iterator[str]:
    with os.scandir(root / prefix) as entries:
        # With its slash, since 'a.txt' comes before 'a/b.txt' though 'a' comes before 'a.txt'.
        names = sorted(one.name + ("/" if one.is_dir(follow_symlinks=False) else "") for one in entries)
    for name in names:
        path = prefix + name
        if not name.endswith("/"):
            if path > after:
                yield path
        elif path != f"{private}/" and (path > after or after.startswith(path)):
            yield from _in_order(root, path, after, private)
