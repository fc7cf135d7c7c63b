"""Tar archives, entry by entry: ustar, GNU and PAX. Python's own reader keeps every entry, and reads headers of any length."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Literal

from nfold_service.work.members import LUMP, ArchiveLimits, Member, damaged, no_regular_file, refuse, too_big, too_many
from nfold_service.work.names import checked_name, shown

Compression = Literal["", "gz", "bz2", "xz"]

_BLOCK = 512
_LONGEST_HEADER = 64 * 1024
_XZ_MEMORY = 256 << 20
_SPECIAL = {b"1": "a hard link", b"2": "a link", b"3": "a device", b"4": "a device", b"6": "a pipe", b"S": "sparse"}


def tar_members(file: BinaryIO, packed: int, compression: Compression, limits: ArchiveLimits) -> Iterator[Member]:
    """The files of a tar of `packed` bytes.

    Raises:
        InputError: It is damaged, too large, or holds what no data set needs.
    """
    stream = _Counted(_plain(file, compression), packed, limits)
    count = 0
    extra: dict[str, str] = {}
    lasting: dict[str, str] = {}
    while (header := stream.take(_BLOCK, at_end=True)) and header != bytes(_BLOCK):
        _check_sum(header)
        kind, size = header[156:157], _number(header[124:136])
        if kind in b"LKxXg":
            text = _long_header(stream, size)
            if kind == b"L":
                extra["path"] = text.rstrip(b"\0").decode("utf-8", "surrogateescape")
            elif kind != b"K":
                (lasting if kind == b"g" else extra).update(_pax(text))
            continue
        count += 1
        if count > limits.files:
            raise too_many(limits.files)
        pax, extra = {**lasting, **extra}, {}
        name = pax.get("path") or _name(header)
        if any(key.startswith("GNU.sparse") for key in pax) or kind in _SPECIAL:
            raise no_regular_file(name, _SPECIAL.get(kind, "sparse"))
        if "size" in pax:
            size = _decimal(pax["size"])
        checked_name(name, limits.names)
        if kind == b"5" or (kind == b"\0" and name.endswith("/")):
            stream.skip(_padded(size))
            continue
        if kind not in (b"0", b"\0", b"7"):
            raise no_regular_file(name, "of a kind that is not known")
        chunks = stream.chunks(size)
        yield Member(name=name, size=size, chunks=chunks)
        for _ in chunks:
            pass
        stream.skip(_padded(size) - size)
    if not header:
        raise damaged("its end is missing")  # every tool writes an end; without it the upload was cut


class _Counted:
    """The unpacked stream, counted against the limits."""

    def __init__(self, source: Iterator[bytes], packed: int, limits: ArchiveLimits) -> None:
        self._source, self._packed, self._limits = source, packed, limits
        self._most = limits.most_bytes(packed)
        self._waiting = memoryview(b"")
        self._total = 0

    def take(self, size: int, *, at_end: bool = False) -> bytes:
        """Exactly so many bytes; none at all where the stream may end."""
        found = b"".join(self.chunks(size, at_end=at_end))
        if found and len(found) != size:
            raise damaged("it ends too early")
        return found

    def skip(self, size: int) -> None:
        """Go on."""
        for _ in self.chunks(size):
            pass

    def chunks(self, size: int, *, at_end: bool = False) -> Iterator[bytes]:
        """So many bytes, in pieces."""
        left = size
        while left:
            if not self._waiting:
                self._waiting = memoryview(next(self._source, b""))
                self._total += len(self._waiting)
                if self._total > self._most:
                    raise too_big(self._limits, self._packed)
            if not self._waiting:
                if at_end:
                    return
                raise damaged("it ends too early")
            piece, self._waiting = self._waiting[:left], self._waiting[left:]
            left -= len(piece)
            yield bytes(piece)


def _plain(file: BinaryIO, compression: Compression) -> Iterator[bytes]:
    if compression == "":
        while chunk := file.read(LUMP):
            yield chunk
        return
    try:
        yield from _gunzipped(file) if compression == "gz" else _expanded(file, compression)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        raise damaged("it cannot be decompressed") from error


def _gunzipped(file: BinaryIO) -> Iterator[bytes]:
    waiting = file.read(LUMP)
    while waiting:
        inflater = zlib.decompressobj(31)
        while not inflater.eof:
            if not waiting:
                waiting = file.read(LUMP)
                if not waiting:
                    raise EOFError
            if chunk := inflater.decompress(waiting, LUMP):
                yield chunk
            waiting = inflater.unconsumed_tail
        waiting = inflater.unused_data or file.read(LUMP)
        if not waiting.lstrip(b"\0"):
            return  # zeros after the end are padding


def _expanded(file: BinaryIO, compression: Compression) -> Iterator[bytes]:
    waiting = file.read(LUMP)
    while waiting:
        expander = (
            bz2.BZ2Decompressor()
            if compression == "bz2"
            else lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
        )
        while not expander.eof:
            if expander.needs_input and not waiting:
                waiting = file.read(LUMP)
                if not waiting:
                    raise EOFError
            if chunk := expander.decompress(waiting, LUMP):
                yield chunk
            waiting = b""
        waiting = expander.unused_data or file.read(LUMP)


def _long_header(stream: _Counted, size: int) -> bytes:
    if size > _LONGEST_HEADER:
        raise refuse("header", "The archive has a header of more than 64 KiB.", "Pack it again with an ordinary tool.")
    return stream.take(_padded(size))[:size]


def _pax(text: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    while text.strip(b"\0"):
        digits, space, _ = text.partition(b" ")
        length = _decimal(digits.decode("ascii", "replace"))
        record = text[len(digits) + 1 : length]
        key, equals, value = record.partition(b"=")
        if not space or not equals or not value.endswith(b"\n") or length > len(text):
            raise damaged("a header makes no sense")
        found[key.decode("utf-8", "replace")] = value[:-1].decode("utf-8", "surrogateescape")
        text = text[length:]
    return found


def _name(header: bytes) -> str:
    name = header[:100].split(b"\0")[0]
    prefix = header[345:500].split(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return (prefix + b"/" + name if prefix else name).decode("utf-8", "surrogateescape")


def _check_sum(header: bytes) -> None:
    blank = header[:148] + b" " * 8 + header[156:]
    if _number(header[148:156]) != sum(blank):
        raise damaged("a header makes no sense")


def _number(field: bytes) -> int:
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    text = field.strip(b" \0")
    try:
        value = int(text, 8) if text else 0
    except ValueError as error:
        raise damaged("a header makes no sense") from error
    if value < 0:
        raise damaged("a header makes no sense")
    return value


def _decimal(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise damaged(f"a header has '{shown(text)}' for a number")
    return int(text)


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
