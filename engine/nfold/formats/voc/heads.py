"""What the beginning of an XML file says: which element is its outermost."""

from __future__ import annotations

import re
from pathlib import Path

from nfold.plain_files import open_plain

_HEAD_BYTES = 8192
_OUTERMOST = re.compile(rb"<([A-Za-z_][^\s/>]*)[\s/>]")
_NOT_ELEMENTS = re.compile(rb"<\?.*?\?>|<!--.*?-->|<![^>\[]*(?:\[[^\]]*\])?[^>]*>", re.DOTALL)


def outermost_element(path: Path) -> str | None:
    """The name of the outermost element; None when none begins in the first 8 KiB.

    Raises:
        OSError: The file cannot be read, or is no plain file.
    """
    with open_plain(path) as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", "ignore").encode()
    outermost = _OUTERMOST.search(_NOT_ELEMENTS.sub(b"", head))
    return None if outermost is None else outermost[1].decode("utf-8", "replace")
