"""Zip archives, entry by entry. Python's own reader keeps a million entries in memory and trusts what they say of themselves."""

from __future__ import annotations

import stat
import struct
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from nfold_service.work.members import LUMP, ArchiveLimits, Member, damaged, no_regular_file, refuse, too_big, too_many
from nfold_service.work.names import checked_name, shown

_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_UNKNOWN_16, _UNKNOWN_32 = 0xFFFF, 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    name: str
    method: int
    crc: int
    packed: int
    size: int
    offset: int


def zip_members(file: BinaryIO, packed: int, limits: ArchiveLimits) -> Iterator[Member]:
    """The files of a zip of `packed` bytes. The whole directory is checked before the first one is given.

    Raises:
        InputError: It is damaged, encrypted, too large, or holds what no data set needs.
    """
    start, size = _directory(file, packed, limits)
    _check_all(file, start, size, packed, limits)
    for entry in _entries(file, start, size, limits):
        if not entry.name.endswith("/"):
            yield Member(name=entry.name, size=entry.size, chunks=_inflated(file, entry))


def _directory(file: BinaryIO, packed: int, limits: ArchiveLimits) -> tuple[int, int]:
    """Where the directory begins, and its bytes."""
    tail_size = min(packed, _END.size + 65_535)
    tail = _read_at(file, packed - tail_size, tail_size)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > tail_size:
        raise damaged("its directory at the end is missing")
    _, disk, first_disk, here, count, size, start, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != tail_size:
        raise damaged("something follows its end")
    end = packed - tail_size + at
    locator_at = end - _LOCATOR_64.size
    if locator_at >= 0 and _read_at(file, locator_at, 4) == b"PK\x06\x07":
        _, _, end_64, _ = _LOCATOR_64.unpack(_read_at(file, locator_at, _LOCATOR_64.size))
        if end_64 + _END_64.size > locator_at:
            raise damaged("its zip64 directory is not where it should be")
        mark, _, _, _, disk, first_disk, here_64, count_64, size_64, start_64 = _END_64.unpack(
            _read_at(file, end_64, _END_64.size)
        )
        pairs = ((count, count_64, _UNKNOWN_16), (size, size_64, _UNKNOWN_32), (start, start_64, _UNKNOWN_32))
        if mark != b"PK\x06\x06" or any(short not in (long, unknown) for short, long, unknown in pairs):
            raise damaged("its two directories (zip and zip64) contradict each other")
        here, count, size, start, end = here_64, count_64, size_64, start_64, end_64
    if disk or first_disk or here != count:
        raise refuse("split", "The archive is one part of several.", "Pack it as one file.")
    if count > limits.files:
        raise too_many(limits.files)
    if start + size != end or count * _ENTRY.size > size:
        raise damaged("its directory is not where it should be")
    return start, size


def _check_all(file: BinaryIO, start: int, size: int, packed: int, limits: ArchiveLimits) -> None:
    """What can be known before a byte is inflated: names, sizes, and that no two entries share bytes."""
    begins, ends = array("Q"), array("Q")
    total = 0
    for entry in _entries(file, start, size, limits):
        checked_name(entry.name, limits.names)
        total += entry.size
        if total > limits.most_bytes(packed):
            raise too_big(limits, packed)
        begins.append(entry.offset)
        ends.append(entry.offset + _LOCAL.size + entry.packed)
    order = sorted(range(len(begins)), key=begins.__getitem__)
    limit = start
    for index in reversed(order):
        if ends[index] > limit:
            raise refuse("overlap", "Entries of the archive overlap.", "Pack it again with an ordinary tool.")
        limit = begins[index]


def _entries(file: BinaryIO, start: int, size: int, limits: ArchiveLimits) -> Iterator[_Entry]:
    at, count, window, base = start, 0, b"", start
    end = start + size
    while at < end:
        count += 1
        if count > limits.files:
            raise too_many(limits.files)
        if at - base + _ENTRY.size > len(window):
            base, window = at, _read_at(file, at, min(LUMP, end - at))
        if at - base + _ENTRY.size > len(window):
            raise damaged("its directory is cut off")
        fixed = _ENTRY.unpack_from(window, at - base)
        length = _ENTRY.size + fixed[10] + fixed[11] + fixed[12]
        if at - base + length > len(window):
            base, window = at, _read_at(file, at, min(max(LUMP, length), end - at))
        if at - base + length > len(window):
            raise damaged("its directory is cut off")
        yield _entry(fixed, window[at - base + _ENTRY.size : at - base + length])
        at += length


def _entry(fixed: tuple[int, ...], rest: bytes) -> _Entry:
    mark, _, _, flags, method, _, _, crc, packed, size, name_size, extra_size, _, _, _, outside, offset = fixed
    if mark != b"PK\x01\x02":  # type: ignore[comparison-overlap]
        raise damaged("its directory makes no sense")
    name = _name_of(rest[:name_size], flags)
    packed, size, offset = _zip64(rest[name_size : name_size + extra_size], size, packed, offset)
    if flags & 0x41:
        raise refuse("encrypted", f"'{shown(name)}' in the archive is encrypted.", "Pack it without a password.")
    mode = outside >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise no_regular_file(name, "a link" if stat.S_ISLNK(mode) else "a device, pipe or socket")
    if method not in (0, 8):
        raise refuse(
            "method", f"'{shown(name)}' is compressed by method {method}.", "Pack with deflate, or without compression."
        )
    if method == 0 and size != packed:
        raise damaged(f"'{shown(name)}' has two sizes")
    return _Entry(name=name, method=method, crc=crc, packed=packed, size=size, offset=offset)


def _name_of(raw: bytes, flags: int) -> str:
    """UTF-8 where it is, whatever the flag says (macOS sets none), else the code page of old."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if flags & 0x800:
            raise refuse("name", "A name in the archive is not UTF-8.", "Pack it again.") from error
        return raw.decode("cp437")


def _zip64(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """Packed bytes, bytes, offset: from the extra field where the directory has no room for them."""
    wanted = [value == _UNKNOWN_32 for value in (size, packed, offset)]
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        body = extra[at + 4 : at + 4 + length]
        at += 4 + length
        if kind != 1:
            continue
        if len(body) < 8 * sum(wanted):
            raise damaged("a zip64 entry lacks its sizes")
        values = iter(struct.unpack_from(f"<{sum(wanted)}Q", body))
        size, packed, offset = (
            next(values) if is_wanted else value
            for is_wanted, value in zip(wanted, (size, packed, offset), strict=True)
        )
        return packed, size, offset
    if any(wanted):
        raise damaged("a zip64 entry lacks its sizes")
    return packed, size, offset


def _inflated(file: BinaryIO, entry: _Entry) -> Iterator[bytes]:
    mark, _, _, method, _, _, _, _, _, name_size, extra_size = _LOCAL.unpack(_read_at(file, entry.offset, _LOCAL.size))
    if mark != b"PK\x03\x04" or method != entry.method:
        raise damaged(f"'{shown(entry.name)}' is not where the directory says")
    if _name_of(_read_at(file, entry.offset + _LOCAL.size, name_size), 0) != entry.name:
        raise damaged(f"'{shown(entry.name)}' has another name in its own header")
    at, left = entry.offset + _LOCAL.size + name_size + extra_size, entry.packed
    inflater = zlib.decompressobj(-15) if entry.method == 8 else None
    crc, given = 0, 0
    waiting = b""
    while True:
        if not waiting and left:
            waiting = _read_at(file, at, min(LUMP, left))
            at, left = at + len(waiting), left - len(waiting)
        if inflater is None:
            chunk, waiting = waiting, b""
        else:
            try:
                chunk = inflater.decompress(waiting, LUMP)
            except zlib.error as error:
                raise damaged(f"'{shown(entry.name)}' cannot be inflated") from error
            waiting = inflater.unconsumed_tail
        given += len(chunk)
        if given > entry.size:
            raise refuse("lying_size", f"'{shown(entry.name)}' is larger than the archive says.", "Pack it again.")
        crc = zlib.crc32(chunk, crc)
        if chunk:
            yield chunk
        elif not waiting and not left:
            break
        if inflater is not None and inflater.eof:
            break
    if given != entry.size or crc != entry.crc or left or (inflater is not None and not inflater.eof):
        raise damaged(f"'{shown(entry.name)}' does not hold what the archive says")


def _read_at(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    found = file.read(size)
    if len(found) != size:
        raise damaged("it ends too early")
    return found
