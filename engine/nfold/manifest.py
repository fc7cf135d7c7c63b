"""The manifest: what was written and from what, in parts of one JSON object a line.

`.nfold/parts/s0110.jsonl` covers all sources whose key begins with the bits 0110. Its first line is a
header; then come, in the order of keys, a `source` row for each source, a `file` row for each of its
files, a `short` row for each copy that could not be made distinct, and `skip` rows for sources that
could not be used. Where parts overlap (a run was killed while ranges were being halved), the one
with the higher generation speaks for the keys that it covers.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Literal, Self

from nfold.errors import OutputError
from nfold.plan.table import KEY_BITS, source_key
from nfold.storage import PRIVATE, LocalStorage

PARTS = f"{PRIVATE}/parts"
DIGEST_MODULUS = 2**256


class _Row:
    """Reading and writing shared by the rows; keys that are None or empty are left out of the file."""

    kind: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {"kind": self.kind}
        for name in _FIELDS[self.kind]:
            value = getattr(self, name)
            if value is not None and value != () and value is not False:
                row[name] = value
        return row

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        known = _FIELDS[cls.kind]
        return cls(
            **{name: tuple(value) if type(value) is list else value for name, value in row.items() if name in known}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow(_Row):
    """A source as it was read.

    Attributes:
        source: Its id.
        path: Where it lies below the source folder, when that is not its id.
        sha256: Of its bytes.
        size: Bytes.
        mtime_ns: Time of its last change; equal size and time spare reading it again.
        pixels: Hash of its prepared pixels (xxh3-128 over shape, type and values).
        build: Which recipe, seed and versions its files were made with.
        area_px: Width times height.
        split: In the output.
        group: What --group found in its id: sources of one group belong in one split.
        category: Class.
        labels_state: Digest over its labels and over size and time of their files; tells cheaply that nothing changed.
        conversions: What about the stored form a copy does not carry as it was.
    """

    kind: ClassVar[str] = "source"
    source: str
    sha256: str
    size: int
    mtime_ns: int
    pixels: str
    build: str
    area_px: int | None = None
    path: str | None = None
    split: str | None = None
    group: str | None = None
    category: str | None = None
    labels_state: str | None = None
    conversions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow(_Row):
    """A file of the output.

    Attributes:
        file: Its path in the output.
        source: Id of the source that it shows.
        source_sha256: Digest of that source when the file was made.
        copy: 0 for the original.
        draw: How often the copy was drawn again.
        sha256: Of its bytes.
        size: Bytes.
        mtime_ns: Time when it was written; equal size and time spare reading it again.
        pixels: Hash of its pixels before encoding, see SourceRow.
        build: Which recipe, seed and versions it was made with.
        applied: Transforms with their parameters, as [name, parameters].
        carried: How pixels were carried through transforms that do not take them as they are.
        role: `labels` or `mask` for a file that goes with a picture; None for the picture itself.
        labels_sha256: Digest of the source's labels, and of the files that hold them, when the file was made.
        size_wh: Width and height, of pictures with labels.
        labels_in: How many annotations the source has.
        annotations: Those that this picture has, each with its number `i` among those of the source, in pixels.
        dropped: Those that it has not, as [number, rule, measured value].
        looseness: Of boxes that had no outline to be tight around: [number, area of the box over that of the shape in it].
        retained: It is no longer asked for and was left in place by --keep-removed.
    """

    kind: ClassVar[str] = "file"
    file: str
    source: str
    source_sha256: str
    copy: int
    draw: int
    sha256: str
    size: int
    mtime_ns: int
    pixels: str
    build: str
    applied: tuple[Any, ...] = ()
    carried: tuple[str, ...] = ()
    role: Literal["labels", "mask"] | None = None
    labels_sha256: str | None = None
    size_wh: tuple[int, int] | None = None
    labels_in: int | None = None
    annotations: tuple[Any, ...] = ()
    dropped: tuple[Any, ...] = ()
    looseness: tuple[Any, ...] = ()
    retained: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortRow(_Row):
    """A copy that could not be made: no draw gave pixels unlike the source and its siblings."""

    kind: ClassVar[str] = "short"
    source: str
    source_sha256: str
    copy: int
    draws: int
    build: str
    labels_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipRow(_Row):
    """A source that could not be used; it has no file in the output."""

    kind: ClassVar[str] = "skip"
    source: str
    code: str
    message: str
    hint: str | None = None


Row = SourceRow | FileRow | ShortRow | SkipRow
_KINDS: dict[str, type[SourceRow] | type[FileRow] | type[ShortRow] | type[SkipRow]] = {
    row.kind: row for row in (SourceRow, FileRow, ShortRow, SkipRow)
}
_FIELDS = {kind: tuple(field.name for field in fields(row)) for kind, row in _KINDS.items()}


@dataclass(slots=True, kw_only=True)
class SourceRecord:
    """All that the manifest says about one source."""

    source: SourceRow | None = None
    files: list[FileRow] = field(default_factory=list)
    shorts: list[ShortRow] = field(default_factory=list)
    skip: SkipRow | None = None

    def rows(self) -> Iterator[Row]:
        """In the order in which they stand in a part."""
        if self.source is not None:
            yield self.source
        yield from sorted(self.files, key=lambda row: (row.copy, row.role or "", row.file))
        yield from sorted(self.shorts, key=lambda row: row.copy)
        if self.skip is not None:
            yield self.skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PartHeader:
    """The first line of a part.

    Attributes:
        bits: The range of keys that it covers.
        generation: Counted up by each run that changed something.
        digest: The part's share of the tree digest, hexadecimal.
    """

    bits: str
    generation: int
    digest: str


def part_name(bits: str) -> str:
    """The file of the manifest that covers a range."""
    return f"{PARTS}/s{bits}.jsonl"


def list_parts(storage: LocalStorage) -> dict[str, str]:
    """The files of the manifest by the bits of the ranges that they cover."""
    names = storage.names_in(PARTS)
    return {name[1:-6]: f"{PARTS}/{name}" for name in names if name.startswith("s") and name.endswith(".jsonl")}


def file_digest(file: str, sha256: str) -> int:
    """What one file adds to the tree digest: SHA-256 over its path, a zero byte and its own SHA-256.

    The tree digest is the sum of these modulo 2**256: equal trees have equal digests in any order, and
    each part knows its share.
    """
    line = file.encode("utf-8", "surrogateescape") + b"\0" + sha256.encode("ascii")
    return int.from_bytes(hashlib.sha256(line).digest(), "big")


def digest_of(rows: Iterable[FileRow]) -> int:
    """The share of some files in the tree digest; files that are merely retained do not count."""
    return sum(file_digest(row.file, row.sha256) for row in rows if not row.retained) % DIGEST_MODULUS


def encode_part(header: PartHeader, records: Iterable[SourceRecord]) -> bytes:
    """A part as bytes."""
    lines = [json.dumps(asdict(header))]
    lines += [json.dumps(row.to_json(), separators=(",", ":")) for record in records for row in record.rows()]
    return ("\n".join(lines) + "\n").encode("ascii")


def read_part(storage: LocalStorage, name: str) -> tuple[PartHeader, list[Row]]:
    """A part's header and its rows, a few hundred.

    Raises:
        OutputError: It is damaged.
    """
    try:
        header, *lines = storage.read(name).splitlines()
        return PartHeader(**json.loads(header)), [parse_row(line) for line in lines]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OutputError(
            f"{storage.path(name)} is damaged: {error}.",
            hint="Remove this file and run the same expand command: what it covers is compared and taken up again.",
            code="output.damaged",
        ) from error


def parse_row(line: bytes | str) -> Row:
    """One row of a part."""
    row = json.loads(line)
    return _KINDS[row["kind"]].from_json(row)


def read_records(storage: LocalStorage, parts: Iterable[str], *, first: int, end: int) -> dict[str, SourceRecord]:
    """What parts of the manifest say about the sources of a range of keys, by source id."""
    read = [read_part(storage, name) for name in parts]
    generations = {header.bits: header.generation for header, _ in read}
    found: dict[str, SourceRecord] = {}
    for header, rows in read:
        for source, record in group_rows(rows):
            if first <= source_key(source) < end and _speaks(header, source, generations):
                found[source] = record
    return found


def all_records(storage: LocalStorage) -> Iterator[tuple[str, SourceRecord]]:
    """Every source of the output with all that the manifest says about it, part by part."""
    for _, records in records_by_part(storage):
        yield from records


def records_by_part(storage: LocalStorage) -> Iterator[tuple[str, Iterator[tuple[str, SourceRecord]]]]:
    """The parts of the manifest by name, in the order of keys, each with what it says; it is read when that is asked for."""
    parts = list_parts(storage)
    generations = (
        {bits: read_part(storage, name)[0].generation for bits, name in parts.items()} if _any_overlap(parts) else {}
    )
    for _, name in sorted(parts.items()):
        yield name, _records_in(storage, name, generations)


def _records_in(storage: LocalStorage, name: str, generations: Mapping[str, int]) -> Iterator[tuple[str, SourceRecord]]:
    header, rows = read_part(storage, name)
    for source, record in group_rows(rows):
        if not generations or _speaks(header, source, generations):
            yield source, record


def group_rows(rows: Iterable[Row]) -> Iterator[tuple[str, SourceRecord]]:
    """Rows of one source stand together in a part."""
    current: str | None = None
    record = SourceRecord()
    for row in rows:
        if row.source != current:
            if current is not None:
                yield current, record
            current, record = row.source, SourceRecord()
        match row:
            case SourceRow():
                record.source = row
            case FileRow():
                record.files.append(row)
            case ShortRow():
                record.shorts.append(row)
            case SkipRow():
                record.skip = row
    if current is not None:
        yield current, record


def _speaks(header: PartHeader, source: str, generations: Mapping[str, int]) -> bool:
    """Whether no later part covers this source; parts of one generation never overlap."""
    if len(generations) == 1:
        return True
    bits = f"{source_key(source):0{KEY_BITS}b}"
    return all(generations.get(bits[:length], -1) <= header.generation for length in range(len(bits) + 1))


def _any_overlap(parts: Iterable[str]) -> bool:
    in_order = sorted(parts)
    return any(later.startswith(earlier) for earlier, later in itertools.pairwise(in_order))
