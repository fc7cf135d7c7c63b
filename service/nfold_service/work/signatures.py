"""What kind of archive a file is, by its first bytes."""

from __future__ import annotations

from typing import Final, Literal

ArchiveKind = Literal["zip", "tar", "gzip", "bzip2", "xz"]

ENOUGH: Final = 512
"""Bytes that are needed to tell."""

_STARTS: Final[tuple[tuple[bytes, ArchiveKind], ...]] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)


def archive_kind(start: bytes) -> ArchiveKind | None:
    """The kind of a file that begins like this, or None when it is no archive that is taken."""
    for mark, kind in _STARTS:
        if start.startswith(mark):
            return kind
    return "tar" if _is_tar(start) else None


def _is_tar(start: bytes) -> bool:
    """Whether the first block has the right sum: old tars have no mark."""
    if len(start) < ENOUGH:
        return False
    digits = start[148:156].strip(b" \0")
    if not digits or any(digit not in b"01234567" for digit in digits):
        return False
    return int(digits, 8) == sum(start[:148]) + sum(b" " * 8) + sum(start[156:512])
