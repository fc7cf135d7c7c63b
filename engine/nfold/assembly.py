"""Label files about many pictures: written at the end of a run, from the manifest, in memory that stays flat.

What stands in `.nfold/assembled.jsonl` are rows of these files. Their names are put down there before the
first of them is written, so that no kill leaves a file that nobody knows.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from nfold import faults
from nfold.annotations import ImageLabels, OutputImage
from nfold.annotations.codec import decode_labels, shapes_from_json
from nfold.errors import ForeignFileError, InputError
from nfold.formats import LabelWriter
from nfold.manifest import DIGEST_MODULUS, FileRow, all_records, file_digest, parse_row
from nfold.plain_files import open_plain
from nfold.plan.layout import companion_names
from nfold.plan.table import PlannedSource, SourceTable, from_blob, to_blob
from nfold.storage import PRIVATE, LocalStorage, WrittenText

RECORD = f"{PRIVATE}/assembled.jsonl"
_PIECE_BYTES = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class AssembledFile:
    """A label file about many pictures.

    Attributes:
        file: Its path in the output.
        sha256: Of its bytes; None while it is only intended.
        size: Bytes.
        mtime_ns: Time when it was written.
        retained: It is no longer asked for and was left in place by --keep-removed.
    """

    file: str
    sha256: str | None = None
    size: int = 0
    mtime_ns: int = 0
    retained: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AssemblyReport:
    """What an assembly did.

    Attributes:
        digest: Share of these files in the tree digest.
        bytes: What they weigh.
        written: How many were written anew.
        kept: Files of an earlier run that are no longer asked for and had been changed.
        removed: How many such files went.
        retained: How many of them stay, by --keep-removed.
    """

    digest: int = 0
    bytes: int = 0
    written: int = 0
    kept: tuple[str, ...] = ()
    removed: int = 0
    retained: int = 0


def read_assembled(storage: LocalStorage) -> dict[str, AssembledFile]:
    """The files that the last run assembled, or was about to, by name."""
    try:
        lines = storage.read(RECORD).splitlines()
    except FileNotFoundError:
        return {}
    return {entry["file"]: AssembledFile(**entry) for entry in map(json.loads, lines)}


def refuse_foreign_label_files(storage: LocalStorage, names: Iterable[str]) -> None:
    """Before any work: whatever stands where a label file would go has to be ours.

    Raises:
        ForeignFileError: It is not.
    """
    ours = read_assembled(storage)
    for name in names:
        if storage.exists(name) and name not in ours:
            raise ForeignFileError(
                f"{storage.path(name)} stands where a label file of the data set would go, and nfold did not write it.",
                hint="Move it away, or choose another folder.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembler:
    """Writes the label files of one output.

    Attributes:
        storage: The output.
        table: Sources with their labels.
        writer: Of the output's format.
        source_root: Where companions are copied from.
        companions: Files that are copied as they are.
        keep_removed: Leave files that are no longer asked for.
        set_aside: Where files are kept that somebody had changed.
    """

    storage: LocalStorage
    table: SourceTable
    writer: LabelWriter
    source_root: Path
    companions: tuple[str, ...] = ()
    keep_removed: bool = False
    set_aside: list[str] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        """What will be written."""
        return tuple(dict.fromkeys((*self.writer.assembled(), *self.companions)))

    def carry_out(self) -> AssemblyReport:
        """Write what differs from what is there, and remove what is no longer asked for.

        Raises:
            DiskError: The disk refused.
        """
        former = read_assembled(self.storage)
        if not self.names and not former:
            return AssemblyReport()
        self._record({name: former.get(name, AssembledFile(file=name)) for name in (*self.names, *former)})
        faults.hit("assembly.intended")
        files: dict[str, AssembledFile] = {}
        with closing(sqlite3.connect("", isolation_level=None)) as scratch:
            scratch.executescript("pragma journal_mode=off; pragma synchronous=off; pragma cache_size=-65536;")
            gathered = False
            for name in self.names:
                if name in self.companions:
                    files[name] = self._copy(name, former.get(name))
                    continue
                if not gathered:
                    self._gather(scratch)
                    gathered = True
                files[name] = self._write(name, former.get(name), scratch)
                faults.hit("assembly.between_files")
        surplus = self._surplus(former)
        retained = self._retained(surplus) if self.keep_removed else {}
        removed, kept = self._remove(entry for name, entry in surplus.items() if name not in retained)
        self._record({**files, **retained})
        return AssemblyReport(
            digest=digest_of_assembled(files.values()),
            bytes=sum(entry.size for entry in files.values()),
            written=sum(not _is_taken_over(entry, former.get(name)) for name, entry in files.items()),
            kept=kept,
            removed=removed,
            retained=len(retained),
        )

    def _record(self, files: Mapping[str, AssembledFile]) -> None:
        with self.storage.lines(RECORD) as write:
            for entry in files.values():
                write(json.dumps(asdict(entry)))

    def _write(self, name: str, former: AssembledFile | None, scratch: sqlite3.Connection) -> AssembledFile:
        with self.storage.text(name, former=former.sha256 if former else None) as text:
            self.writer.assemble(name, lambda: self._images(scratch), text, scratch)
        return self._told(name, text)

    def _copy(self, name: str, former: AssembledFile | None) -> AssembledFile:
        with self.storage.text(name, former=former.sha256 if former else None) as text:
            for piece in _pieces(self.source_root / name):
                text.add(piece)
        return self._told(name, text)

    def _told(self, name: str, text: WrittenText) -> AssembledFile:
        if text.set_aside is not None:
            self.set_aside.append(text.set_aside)
        return AssembledFile(file=name, sha256=text.sha256, size=text.facts.size, mtime_ns=text.facts.mtime_ns)

    def _surplus(self, former: Mapping[str, AssembledFile]) -> dict[str, AssembledFile]:
        """What is there and no longer asked for; a file that goes with a picture by now is that picture's."""
        surplus = {name: entry for name, entry in former.items() if name not in self.names}
        surplus = {name: entry for name, entry in surplus.items() if self.storage.exists(name)}
        if surplus:
            for _, record in all_records(self.storage):
                for row in record.files:
                    surplus.pop(row.file, None)
        return surplus

    @staticmethod
    def _retained(surplus: Mapping[str, AssembledFile]) -> dict[str, AssembledFile]:
        """What --keep-removed leaves: all but leftovers of a killed run, which nobody has asked for since."""
        return {name: replace(entry, retained=True) for name, entry in surplus.items() if entry.sha256 is not None}

    def _remove(self, surplus: Iterable[AssembledFile]) -> tuple[int, tuple[str, ...]]:
        removed, kept = 0, []
        for entry in surplus:
            if is_as_assembled(self.storage, entry):
                self.storage.remove(entry.file)
                self.storage.remove_empty_folders_above(entry.file)
                removed += 1
            else:
                kept.append(entry.file)
        return removed, tuple(kept)

    def _gather(self, scratch: sqlite3.Connection) -> None:
        """Rows of all pictures in the order in which label files name them."""
        scratch.execute(
            "create table output_images (is_copy integer, rank integer, copy integer, source blob, row text, "
            "primary key (is_copy, rank, copy)) without rowid"
        )
        scratch.execute("begin")
        for source, record in all_records(self.storage):
            planned = self.table.get(source)
            if planned is None:
                continue
            for row in record.files:
                if row.role is None and not row.retained:
                    values = (row.copy > 0, planned.rank, row.copy, to_blob(source), json.dumps(row.to_json()))
                    scratch.execute("insert into output_images values (?, ?, ?, ?, ?)", values)
        scratch.execute("commit")

    def _images(self, scratch: sqlite3.Connection) -> Iterator[OutputImage]:
        query = "select source, row from output_images order by is_copy, rank, copy"
        for source, text in scratch.execute(query):
            planned, row = self.table.get(from_blob(source)), parse_row(text)
            assert planned is not None
            assert isinstance(row, FileRow)
            yield output_image(planned, row)


def _is_taken_over(entry: AssembledFile, former: AssembledFile | None) -> bool:
    """Whether a file is the one that was there; it may have been left by --keep-removed, and is asked for again."""
    return former is not None and entry == replace(former, retained=False)


def _pieces(path: Path) -> Iterator[bytes]:
    """The bytes of a file of the source, a piece at a time."""
    try:
        with open_plain(path) as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}.",
            hint="Put it back and run the same command: it goes on where it stopped.",
            code="source.vanished",
        ) from error


def output_image(planned: PlannedSource, row: FileRow) -> OutputImage:
    """A picture of the output with its labels, from its row in the manifest and what its source says."""
    labels = decode_labels(planned.labels) if planned.labels is not None else ImageLabels()
    return OutputImage(
        name=row.file,
        label_name=companion_names(planned, row.file).get("labels"),
        source=row.source,
        copy=row.copy,
        rank=planned.rank,
        size_wh=(row.size_wh[0], row.size_wh[1]) if row.size_wh else (0, 0),
        split=planned.split,
        category=planned.category,
        labels=labels,
        annotations=tuple(shapes_from_json(entry, labels) for entry in row.annotations),
        is_untouched=row.copy == 0 and row.sha256 == row.source_sha256,
    )


def digest_of_assembled(files: Iterable[AssembledFile]) -> int:
    """The share of such files in the tree digest."""
    return (
        sum(file_digest(entry.file, entry.sha256) for entry in files if entry.sha256 and not entry.retained)
        % DIGEST_MODULUS
    )


def is_as_assembled(storage: LocalStorage, entry: AssembledFile) -> bool:
    """Whether a file is as it was written; what was merely intended is a leftover of a killed run."""
    if entry.sha256 is None:
        return True
    facts = storage.facts(entry.file)
    if facts is None or facts.size != entry.size:
        return False
    return facts.mtime_ns == entry.mtime_ns or storage.sha256(entry.file) == entry.sha256
