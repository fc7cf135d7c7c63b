"""The two facts that are wanted from EXIF, orientation and density, read within bounds and never trusted."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from nfold.images.kinds import Density

ORIENTATION_TAG = 0x0112
X_RESOLUTION_TAG = 0x011A
Y_RESOLUTION_TAG = 0x011B
RESOLUTION_UNIT_TAG = 0x0128

_MAX_ENTRIES = 512
_BYTE_ORDERS = {b"II": "<", b"MM": ">"}
_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_INTEGER_LETTERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a TIFF directory; its value is `count` items of `kind` at `offset`."""

    tag: int
    kind: int
    count: int
    position: int
    offset: int

    @property
    def size(self) -> int:
        """Bytes of the value, 0 for an unknown type."""
        return _TYPE_SIZES.get(self.kind, 0) * self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """The first directory of TIFF bytes: its entries by tag, and where the next directory is (0: nowhere)."""

    byte_order: str
    offset: int
    entries: dict[int, Entry]
    next_offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExifFacts:
    """What EXIF says about how the pixels are to be shown."""

    orientation: int = 1
    density: Density | None = None


def read_exif(tiff: bytes) -> ExifFacts:
    """Orientation and density; bytes that make no sense say nothing."""
    try:
        directory = read_directory(tiff)
    except (struct.error, ValueError):
        return ExifFacts()
    return ExifFacts(orientation=orientation_in(tiff, directory), density=density_in(tiff, directory))


def read_directory(tiff: bytes) -> Directory:
    """Read the first directory, at most 512 entries of it.

    Raises:
        ValueError: The bytes do not begin like TIFF, or have too many entries.
        struct.error: The directory lies outside the bytes.
    """
    byte_order = _BYTE_ORDERS.get(tiff[:2])
    if byte_order is None:
        raise ValueError("no TIFF byte order")
    (offset,) = struct.unpack_from(byte_order + "I", tiff, 4)
    (count,) = struct.unpack_from(byte_order + "H", tiff, offset)
    if count > _MAX_ENTRIES:
        raise ValueError(f"{count} entries in a TIFF directory")
    entry_form = struct.Struct(byte_order + "HHI4s")
    entries: dict[int, Entry] = {}
    for position in range(offset + 2, offset + 2 + 12 * count, 12):
        tag, kind, items, value = entry_form.unpack_from(tiff, position)
        is_inline = _TYPE_SIZES.get(kind, 0) * items <= 4
        value_offset = position + 8 if is_inline else struct.unpack(byte_order + "I", value)[0]
        entries.setdefault(tag, Entry(tag=tag, kind=kind, count=items, position=position, offset=value_offset))
    next_position = offset + 2 + 12 * count
    has_next = next_position + 4 <= len(tiff)
    next_offset = struct.unpack_from(byte_order + "I", tiff, next_position)[0] if has_next else 0
    return Directory(byte_order=byte_order, offset=offset, entries=entries, next_offset=next_offset)


def integers_in(tiff: bytes, directory: Directory, tag: int, *, at_most: int = 16) -> list[int]:
    """Read the integers of an entry, the first `at_most` of them; empty when it is missing or makes no sense."""
    entry = directory.entries.get(tag)
    if entry is None or entry.kind not in _INTEGER_LETTERS or entry.offset + entry.size > len(tiff):
        return []
    form = f"{directory.byte_order}{min(entry.count, at_most)}{_INTEGER_LETTERS[entry.kind]}"
    return list(struct.unpack_from(form, tiff, entry.offset))


def orientation_in(tiff: bytes, directory: Directory) -> int:
    """EXIF orientation 1 to 8; 1 when it is missing or makes no sense."""
    values = integers_in(tiff, directory, ORIENTATION_TAG)
    return values[0] if values and 1 <= values[0] <= 8 else 1


def density_in(tiff: bytes, directory: Directory) -> Density | None:
    """Pixels per inch, None without a unit of length."""
    unit = (integers_in(tiff, directory, RESOLUTION_UNIT_TAG) or [2])[0]
    x, y = (_rational_in(tiff, directory, tag) for tag in (X_RESOLUTION_TAG, Y_RESOLUTION_TAG))
    if unit == 3:
        return density_from(x * 2.54, y * 2.54)
    return density_from(x, y) if unit == 2 else None


def density_from(x: float, y: float) -> Density | None:
    """Make a density, or None of values that nobody means (below 1 or above a million pixels per inch)."""
    if 1 <= x <= 1e6 and 1 <= y <= 1e6:
        return Density(x=x, y=y)
    return None


def _rational_in(tiff: bytes, directory: Directory, tag: int) -> float:
    entry = directory.entries.get(tag)
    if entry is None or entry.kind != 5 or entry.count != 1 or entry.offset + 8 > len(tiff):
        return 0.0
    numerator, denominator = struct.unpack_from(directory.byte_order + "II", tiff, entry.offset)
    return float(numerator / denominator) if denominator else 0.0
