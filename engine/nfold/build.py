"""Bring the files of one source up to date: read, vary, write only what is not there yet."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from nfold.distinct import draw_copy
from nfold.errors import ImageError, SampleError
from nfold.images import DecodeLimits, Image, decode_image, encode_image
from nfold.manifest import FileRow, ShortRow, SkipRow, SourceRecord, SourceRow
from nfold.placing import Placer, is_unmodified
from nfold.plan.collisions import name_parts
from nfold.plan.naming import NameTemplate
from nfold.plan.table import PlannedSource
from nfold.storage import FileFacts
from nfold.variation import MOST_DRAWS, RecipeInForce, Sample, blamed_on_image, pixel_hash, prepare

LONGEST_NAME = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSettings:
    """What all sources of a run have in common.

    Attributes:
        source_root: The folder of images.
        seed: Of the run.
        template: Names of copies.
        extension: Of the output format, None when each copy keeps its source's.
        originals: How they come into the output.
        limits: What is decoded at all.
        damaged: Whether to keep what can be decoded of damaged files.
        build: What the files of this run are made with.
        accepted: Builds whose files may stay.
        keep_removed: Leave files that are no longer asked for.
    """

    source_root: str
    seed: int
    template: NameTemplate
    extension: str | None
    originals: Literal["copy", "link", "none"]
    limits: DecodeLimits
    damaged: Literal["skip", "keep"]
    build: str
    accepted: frozenset[str]
    keep_removed: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Loaded:
    data: bytes
    sha256: str
    size: int
    mtime_ns: int


@dataclass(slots=True, kw_only=True, eq=False)
class _Work:
    """One source in the making: what is wanted, what was there, what it was read as, what is done."""

    planned: PlannedSource
    wanted: Mapping[int, str]
    former: SourceRecord
    loaded: _Loaded
    sample: Sample
    source: SourceRow
    reusable: Mapping[int, FileRow]
    files: list[FileRow] = field(default_factory=list)
    shorts: list[ShortRow] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class SourceBuilder:
    """Builds sources one after the other into one output.

    Attributes:
        settings: Of the run.
        recipe: Compiled in this process.
        placer: Writes the files.
        step: Told the id of a source before each of its copies, as a sign of life.
        surplus: Rows of files that are no longer asked for, by file.
    """

    settings: BuildSettings
    recipe: RecipeInForce
    placer: Placer
    step: Callable[[str], None]
    surplus: dict[str, FileRow] = field(default_factory=dict)

    def build(self, planned: PlannedSource, former: SourceRecord) -> SourceRecord:
        """The record of a source after its files are in place.

        Raises:
            ForeignFileError: A file that nfold did not write stands where one of ours goes.
            DiskError: The disk refused.
        """
        if planned.refused is not None:
            return self.skip(
                planned.id,
                former,
                SampleError(
                    planned.refused, hint="Move it to where its relatives are, or remove it.", code="split.bridge"
                ),
            )
        wanted = self.wanted_names(planned)
        if self._is_current(planned, former, wanted):
            kept = [row for row in former.files if wanted.get(row.copy) == row.file]
            return self._with_surplus(former, SourceRecord(source=former.source, files=kept, shorts=former.shorts))
        files: list[FileRow] = []
        try:
            _refuse_long_names(wanted)
            loaded = self._load(planned)
            work = self._open(planned, wanted, former, loaded)
            files = work.files
            self._build_original(work)
            self._build_copies(work)
        except (SampleError, MemoryError) as error:
            new = {row.file for row in files} - {row.file for row in former.files}
            self.surplus.update((row.file, row) for row in files if row.file in new)
            return self.skip(planned.id, former, error)
        return self._with_surplus(former, SourceRecord(source=work.source, files=work.files, shorts=work.shorts))

    def skip(self, source: str, former: SourceRecord, error: SampleError | MemoryError) -> SourceRecord:
        """The record of a source that cannot be used: it contributes no file, the original included."""
        kept: list[FileRow] = []
        if self.settings.keep_removed:
            kept = [replace(row, retained=True) for row in former.files]
        else:
            self.surplus.update((row.file, row) for row in former.files)
        if isinstance(error, MemoryError):
            error = SampleError(
                "There is not enough memory to work on it.",
                hint="Lower --max-pixels to leave it out.",
                code="worker.memory",
            )
        row = SkipRow(source=source, code=error.stable_code, message=error.message, hint=error.hint)
        return SourceRecord(files=kept, skip=row)

    def wanted_names(self, planned: PlannedSource) -> dict[int, str]:
        """The names of a source's files by copy number; 0 is the original."""
        parts = name_parts(planned, extension=self.settings.extension)
        names = {copy: self.settings.template.render(parts, copy) for copy in range(1, planned.copies + 1)}
        return names if self.settings.originals == "none" else {0: planned.target, **names}

    def _is_current(self, planned: PlannedSource, former: SourceRecord, wanted: Mapping[int, str]) -> bool:
        """Whether everything is there already; told without reading a file."""
        source = former.source
        if source is None or source.build not in self.settings.accepted:
            return False
        if (source.area_px or 0) > self.settings.limits.max_pixels:
            return False
        then = (source.path or source.source, source.size, source.mtime_ns, source.split, source.category)
        if then != (planned.path, planned.size, planned.mtime_ns, planned.split, planned.category):
            return False
        rows = {row.copy: row for row in former.files if not row.retained}
        short = {row.copy for row in former.shorts}
        if not short <= set(wanted):
            return False
        for copy, name in wanted.items():
            row = rows.get(copy)
            if row is None and copy in short:
                continue
            if (
                row is None
                or row.file != name
                or self.placer.storage.facts(name) != FileFacts(size=row.size, mtime_ns=row.mtime_ns)
            ):
                return False
        return True

    def _with_surplus(self, former: SourceRecord, record: SourceRecord) -> SourceRecord:
        names = {row.file for row in record.files}
        for row in former.files:
            if row.file in names:
                continue
            if self.settings.keep_removed:
                record.files.append(replace(row, retained=True))
            else:
                self.surplus[row.file] = row
        return record

    def _load(self, planned: PlannedSource) -> _Loaded:
        most = self.settings.limits.max_bytes
        if planned.size > most:
            raise ImageError(
                f"The file has {planned.size:,} bytes; {most:,} is the most.",
                hint="Leave it out with --exclude, or make it smaller.",
                code="image.too_large",
            )
        try:
            with (Path(self.settings.source_root) / planned.path).open("rb") as file:
                facts = os.fstat(file.fileno())
                data = file.read()
        except FileNotFoundError as error:
            raise SampleError(
                "The file was there when the run began and is gone now.",
                hint="Put it back and run the same command.",
                code="source.vanished",
            ) from error
        except OSError as error:
            raise SampleError(
                f"The file cannot be read: {error.strerror}.",
                hint="Check its permissions and its disk, then run the same command.",
                code="source.unreadable",
            ) from error
        return _Loaded(
            data=data, sha256=hashlib.sha256(data).hexdigest(), size=facts.st_size, mtime_ns=facts.st_mtime_ns
        )

    def _open(self, planned: PlannedSource, wanted: Mapping[int, str], former: SourceRecord, loaded: _Loaded) -> _Work:
        image = blamed_on_image(decode_image, loaded.data, self.settings.limits, damaged=self.settings.damaged)
        sample = blamed_on_image(prepare, Sample(source=planned.id, image=image), self.recipe)
        if planned.copies:
            self.recipe.for_image(sample.image)
        source = SourceRow(
            source=planned.id,
            path=None if planned.path == planned.id else planned.path,
            sha256=loaded.sha256,
            size=loaded.size,
            mtime_ns=loaded.mtime_ns,
            pixels=pixel_hash(sample.image),
            build=self.settings.build,
            area_px=image.pixels.shape[0] * image.pixels.shape[1],
            split=planned.split,
            category=planned.category,
            conversions=image.conversions,
        )
        reusable = self._reusable(former, wanted, loaded.sha256)
        return _Work(
            planned=planned,
            wanted=wanted,
            former=former,
            loaded=loaded,
            sample=sample,
            source=source,
            reusable=reusable,
        )

    def _reusable(self, former: SourceRecord, wanted: Mapping[int, str], sha256: str) -> dict[int, FileRow]:
        rows: dict[int, FileRow] = {}
        for row in former.files:
            if (
                wanted.get(row.copy) != row.file
                or row.source_sha256 != sha256
                or row.build not in self.settings.accepted
            ):
                continue
            facts = self.placer.storage.facts(row.file)
            if facts is not None and is_unmodified(self.placer.storage, row, facts):
                rows[row.copy] = replace(row, size=facts.size, mtime_ns=facts.mtime_ns, retained=False)
        return rows

    def _build_original(self, work: _Work) -> None:
        if 0 not in work.wanted:
            return
        if 0 in work.reusable:
            work.files.append(work.reusable[0])
            return
        name, data = work.wanted[0], work.loaded.data
        if self.recipe.prepares:
            data = self._encode(work.sample.image)
        if self.settings.originals == "link" and not self.recipe.prepares:
            original = str(Path(self.settings.source_root) / work.planned.path)
            facts = self.placer.link(name, original, data, work.former.files)
        else:
            facts = self.placer.put(name, data, work.former.files)
        work.files.append(self._row(work, 0, data, facts, pixels=work.source.pixels, draw=0))

    def _build_copies(self, work: _Work) -> None:
        taken = {work.source.pixels}
        short = {
            row.copy: row
            for row in work.former.shorts
            if row.source_sha256 == work.loaded.sha256 and row.build in self.settings.accepted
        }
        for copy in range(1, work.planned.copies + 1):
            if copy in work.reusable:
                work.files.append(work.reusable[copy])
                taken.add(work.reusable[copy].pixels)
            elif copy in short:
                work.shorts.append(short[copy])
            else:
                self._build_copy(work, copy, taken)

    def _build_copy(self, work: _Work, copy: int, taken: set[str]) -> None:
        self.step(work.planned.id)
        drawn = blamed_on_image(draw_copy, work.sample, self.recipe, seed=self.settings.seed, copy=copy, taken=taken)
        if drawn is None:
            row = ShortRow(
                source=work.planned.id,
                source_sha256=work.loaded.sha256,
                copy=copy,
                draws=MOST_DRAWS,
                build=self.settings.build,
            )
            work.shorts.append(row)
            return
        taken.add(drawn.pixels)
        data = self._encode(drawn.variation.image)
        facts = self.placer.put(work.wanted[copy], data, work.former.files)
        applied = tuple([transform.name, transform.parameters] for transform in drawn.variation.applied)
        work.files.append(
            self._row(
                work,
                copy,
                data,
                facts,
                pixels=drawn.pixels,
                draw=drawn.draw,
                applied=applied,
                carried=drawn.variation.carried,
            )
        )

    def _encode(self, image: Image) -> bytes:
        output = self.recipe.recipe.output
        file_format = None if output.format == "keep" else output.format
        data: bytes = blamed_on_image(encode_image, image, file_format=file_format, jpeg_quality=output.jpeg_quality)
        return data

    def _row(self, work: _Work, copy: int, data: bytes, facts: FileFacts, **details: Any) -> FileRow:
        return FileRow(
            file=work.wanted[copy],
            source=work.planned.id,
            source_sha256=work.loaded.sha256,
            copy=copy,
            sha256=work.loaded.sha256 if data is work.loaded.data else hashlib.sha256(data).hexdigest(),
            size=facts.size,
            mtime_ns=facts.mtime_ns,
            build=self.settings.build,
            **details,
        )


def _refuse_long_names(wanted: Mapping[int, str]) -> None:
    for name in wanted.values():
        length = len(os.fsencode(name.rpartition("/")[2]))
        if length > LONGEST_NAME:
            raise SampleError(
                f"The name of a copy would have {length} bytes; {LONGEST_NAME} is the most that file systems take.",
                hint="Give the file a shorter name.",
                code="copies.name_too_long",
            )
