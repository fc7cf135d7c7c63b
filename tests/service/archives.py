"""Archives as an attacker, or a careless tool, would make them. Live bombs are made here, never kept."""

from __future__ import annotations

import bz2
import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


def make_zip(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip with these names as they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries:
            info = zipfile.ZipInfo("x")
            info.filename = name
            info.compress_type = method
            archive.writestr(info, content)
    return buffer.getvalue()


def make_tar(*members: tarfile.TarInfo | tuple[str, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar with these members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return buffer.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A member that is no file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def with_pax(name: str, headers: dict[str, str]) -> bytes:
    """A tar with a PAX header of its own."""
    info = tarfile.TarInfo(name)
    info.size, info.pax_headers = len(PNG), headers
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(PNG))
    return buffer.getvalue()


def zip_link() -> bytes:
    """A symbolic link, as zip keeps it."""
    info = zipfile.ZipInfo("a.png")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return buffer.getvalue()


def patched(archive: bytes, mark: bytes, at: int, field: bytes, *, last: bool = False) -> bytes:
    """An archive with a field of a record overwritten."""
    begin = archive.rindex(mark) if last else archive.index(mark)
    return archive[: begin + at] + field + archive[begin + at + len(field) :]


def overlapping(entries: int = 1_000) -> bytes:
    """Many entries that all are the same bytes (the bomb of 2019 in its simplest form)."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    content = bytes(1 << 20)
    body = packed.compress(content) + packed.flush()
    crc = zlib.crc32(content)
    name = b"a.png"
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 33, crc, len(body), len(content), len(name), 0)
    data = local + name + body + bytes(entries * 12_000)  # as large as an honest ratio asks for
    directory = b"".join(
        struct.pack(
            "<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 8, 0, 33, crc, len(body), len(content), 9, 0, 0, 0, 0, 0, 0
        )
        + b"%05d.png" % number
        for number in range(entries)
    )
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, entries, entries, len(directory), len(data), 0)
    return data + directory + end


def many_entries(count: int, *, honest: bool) -> bytes:
    """A directory of very many entries."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0) + b"a.png"
    directory = entry * count
    told = min(count, 0xFFFF) if honest else 1
    extra = b""
    if honest and count >= 0xFFFF:
        extra = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(directory), 0)
        extra += struct.pack("<4sLQL", b"PK\x06\x07", 0, len(directory), 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, told, told, len(directory), 0, 0)
    # It begins with an entry of a directory, and would not be taken for a zip: a local header comes first.
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 33, 0, 0, 0, 5, 0) + b"a.png"
    if extra:
        extra = patched(extra, b"PK\x06\x06", 48, struct.pack("<Q", len(local)))
        extra = patched(extra, b"PK\x06\x07", 8, struct.pack("<Q", len(local) + len(directory)))
    end = patched(end, b"PK\x05\x06", 16, struct.pack("<L", len(local)))
    return local + directory + extra + end


def bomb_tar(compress: Callable[[bytes], bytes]) -> bytes:
    """200 MB of nothing."""
    return compress(make_tar(("a.bmp", bytes(40 << 20)), ("b.bmp", bytes(40 << 20)), ("c.bmp", bytes(40 << 20))))


GOOD = make_zip(("a.png", PNG))

REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "zip dotdot": (lambda: make_zip(("../a.png", PNG)), "archive.name"),
    "zip dotdot within": (lambda: make_zip(("a/../../b.png", PNG)), "archive.name"),
    "zip absolute": (lambda: make_zip(("/tmp/a.png", PNG)), "archive.name"),
    "zip drive": (lambda: make_zip(("C:/a.png", PNG)), "archive.name"),
    "zip backslash": (lambda: make_zip(("C:\\a.png", PNG)), "archive.name"),
    "zip backslash dotdot": (lambda: make_zip(("..\\a.png", PNG)), "archive.name"),
    "zip NUL": (lambda: make_zip(("aXb.png", PNG)).replace(b"aXb.png", b"a\0b.png"), "archive.name"),
    "zip symlink": (zip_link, "archive.special"),
    "zip duplicate": (
        lambda: make_zip(("a.png", PNG), ("b.png", PNG)).replace(b"b.png", b"a.png"),
        "archive.duplicate",
    ),
    "zip case twins": (lambda: make_zip(("a.png", PNG), ("A.PNG", PNG)), "archive.duplicate"),
    "zip folder twins": (lambda: make_zip(("a/1.png", PNG), ("A/2.png", PNG)), "archive.duplicate"),
    "zip file and folder": (lambda: make_zip(("a.png", PNG), ("a.png/b.png", PNG)), "archive.duplicate"),
    "zip NFC twins": (lambda: make_zip(("\u00e9.png", PNG), ("e\u0301.png", PNG)), "archive.duplicate"),
    "zip overlapping": (overlapping, "archive.overlap"),
    "zip 1000:1": (lambda: make_zip(("a.bmp", bytes(40 << 20))), "archive.ratio"),
    "zip lying small": (
        lambda: patched(make_zip(("a.bmp", bytes(100_000))), b"PK\x01\x02", 24, struct.pack("<L", 10), last=True),
        "archive.lying_size",
    ),
    "zip lying large": (
        lambda: patched(GOOD, b"PK\x01\x02", 24, struct.pack("<L", 1_000), last=True),
        "archive.damaged",
    ),
    "zip64 mismatch": (
        lambda: patched(many_entries(70_000, honest=True), b"PK\x05\x06", 8, struct.pack("<HH", 7, 7)),
        "archive.damaged",
    ),
    "zip64 without sizes": (
        lambda: patched(GOOD, b"PK\x01\x02", 20, b"\xff" * 8, last=True),
        "archive.damaged",
    ),
    "zip encrypted": (lambda: patched(GOOD, b"PK\x01\x02", 8, b"\x01\0", last=True), "archive.encrypted"),
    "zip lzma": (lambda: make_zip(("a.png", PNG), method=zipfile.ZIP_LZMA), "archive.method"),
    "zip other name inside": (lambda: GOOD.replace(b"a.png", b"b.png", 1), "archive.damaged"),
    "zip wrong crc": (lambda: patched(GOOD, b"PK\x01\x02", 16, b"\1\2\3\4", last=True), "archive.damaged"),
    "zip 1e6 entries": (lambda: many_entries(1_000_000, honest=True), "archive.too_many_files"),
    "zip 1e6 entries, one told": (lambda: many_entries(1_000_000, honest=False), "archive.too_many_files"),
    "zip 300-byte name": (lambda: make_zip(("a" * 300 + ".png", PNG)), "archive.name"),
    "zip 20 folders deep": (lambda: make_zip(("d/" * 20 + "a.png", PNG)), "archive.depth"),
    "zip empty": (lambda: make_zip(), "archive.empty"),
    "zip only a nested zip": (lambda: make_zip(("inner.zip", GOOD)), "archive.empty"),
    "zip truncated": (lambda: GOOD[:-30], "archive.damaged"),
    "zip with something behind": (lambda: GOOD + PNG, "archive.damaged"),
    "zip behind a png": (lambda: PNG + GOOD, "archive.unknown"),
    "zip of two disks": (lambda: patched(GOOD, b"PK\x05\x06", 4, b"\1\0"), "archive.split"),
    "nothing": (lambda: b"", "archive.unknown"),
    "tar dotdot": (lambda: make_tar(("../a.png", PNG)), "archive.name"),
    "tar absolute": (lambda: make_tar(("/tmp/a.png", PNG)), "archive.name"),
    "tar symlink": (lambda: make_tar(special("a.png", tarfile.SYMTYPE, "/etc/passwd")), "archive.special"),
    "tar link folder": (
        lambda: make_tar(special("d", tarfile.SYMTYPE, "/tmp"), ("d/a.png", PNG)),
        "archive.special",
    ),
    "tar hard link": (lambda: make_tar(("a.png", PNG), special("b.png", tarfile.LNKTYPE, "a.png")), "archive.special"),
    "tar device": (lambda: make_tar(special("a.png", tarfile.CHRTYPE)), "archive.special"),
    "tar block device": (lambda: make_tar(special("a.png", tarfile.BLKTYPE)), "archive.special"),
    "tar FIFO": (lambda: make_tar(special("a.png", tarfile.FIFOTYPE)), "archive.special"),
    "tar sparse": (lambda: make_tar(special("a.png", tarfile.GNUTYPE_SPARSE)), "archive.special"),
    "tar PAX sparse": (lambda: with_pax("a.png", {"GNU.sparse.size": "1000000000"}), "archive.special"),
    "tar PAX path": (lambda: with_pax("a.png", {"path": "../../b.png"}), "archive.name"),
    "tar PAX size": (lambda: with_pax("a.png", {"size": "99999999999"}), "archive.file_too_large"),
    "tar PAX nonsense": (
        lambda: with_pax("a.png", {"comment": "xxxx"}).replace(b"16 comment", b"99 comment"),
        "archive.damaged",
    ),
    "tar duplicate": (lambda: make_tar(("a.png", PNG), ("a.png", PNG)), "archive.duplicate"),
    "tar case twins": (lambda: make_tar(("a.png", PNG), ("A.png", PNG)), "archive.duplicate"),
    "tar truncated": (lambda: make_tar(("a.png", PNG))[:600], "archive.damaged"),
    "tar without end": (lambda: make_tar(("a.png", PNG))[:1024], "archive.damaged"),
    "tar.gz truncated": (lambda: gzip.compress(make_tar(("a.png", PNG)))[:60], "archive.damaged"),
    "tar.gz bomb": (lambda: bomb_tar(gzip.compress), "archive.ratio"),
    "tar.bz2 bomb": (lambda: bomb_tar(bz2.compress), "archive.ratio"),
    "tar.gz of nonsense": (lambda: gzip.compress(b"x" * 2000), "archive.damaged"),
    "tar not UTF-8": (lambda: make_tar(("aXb.png", PNG), format=tarfile.GNU_FORMAT), "archive.damaged"),
}
REFUSED["tar not UTF-8"] = (
    lambda: make_tar(("a\udcffb.png", PNG), format=tarfile.GNU_FORMAT),
    "archive.name",
)

HARMLESS: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "zip CON": (lambda: make_zip(("CON/aux.png", PNG)), {"CON/aux.png"}),
    "zip trailing dot": (lambda: make_zip(("Carabus sp./1.png", PNG)), {"Carabus sp./1.png"}),
    "zip nested": (lambda: make_zip(("a.png", PNG), ("inner.zip", GOOD)), {"a.png"}),
    "zip of a Mac": (lambda: make_zip(("a.png", PNG), ("__MACOSX/._a.png", b"x"), (".DS_Store", b"x")), {"a.png"}),
    "zip NFD": (lambda: make_zip(("e\u0301.png", PNG)), {"\u00e9.png"}),
    "zip name as code": (lambda: make_zip(("run.py", b"x"), ("a.png", PNG)), {"a.png"}),
    "zip stored": (lambda: make_zip(("a.png", PNG), method=zipfile.ZIP_STORED), {"a.png"}),
    "zip top folder": (lambda: make_zip(("top/x/a.png", PNG), ("top/y/b.png", PNG)), {"x/a.png", "y/b.png"}),
    "zip one class": (lambda: make_zip(("cats/a.png", PNG)), {"cats/a.png"}),
    "tar with ./": (lambda: make_tar(("./a/b.png", PNG)), {"a/b.png"}),
    "tar GNU long name": (
        lambda: make_tar(("d/" * 3 + "n" * 150 + ".png", PNG), format=tarfile.GNU_FORMAT),
        {"d/d/" + "n" * 150 + ".png"},
    ),
    "tar ustar prefix": (
        lambda: make_tar(("p" * 90 + "/" + "n" * 60 + ".png", PNG), format=tarfile.USTAR_FORMAT),
        {"p" * 90 + "/" + "n" * 60 + ".png"},
    ),
    "tar.gz": (lambda: gzip.compress(make_tar(("a.png", PNG))), {"a.png"}),
    "tar.bz2": (lambda: bz2.compress(make_tar(("a.png", PNG))), {"a.png"}),
}
