"""Bring the files of one source up to date: read, vary, write only what is not there yet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from nfold.annotations import LabelKind
from nfold.currency import Place, is_current, reusable_files
from nfold.distinct import DrawnCopy, draw_copy
from nfold.errors import SampleError
from nfold.formats import LabelWriter
from nfold.images import DecodeLimits, Image, decode_image, encode_image
from nfold.labelling import LabelledPicture, copy_of, make_sample, original_of, write_companion
from nfold.loading import LoadedImage, LoadedLabels, labels_state, load_image, load_labels
from nfold.manifest import FileRow, ShortRow, SkipRow, SourceRecord, SourceRow
from nfold.placing import Placer
from nfold.plan.collisions import name_parts
from nfold.plan.layout import companion_names
from nfold.plan.naming import NameTemplate, refuse_long_names
from nfold.plan.table import PlannedSource
from nfold.storage import FileFacts
from nfold.variation import MOST_DRAWS, RecipeInForce, Sample, blamed_on_image, pixel_hash, prepare


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
        writer: Makes label files.
        keeps_layout: Label files of originals go into the output as they are.
        written: Kinds of labels that go into another format; None where the format stays.
        labels_context: Digest of what label files depend on besides their own picture: classes and conventions.
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
    writer: LabelWriter
    keeps_layout: bool = True
    written: frozenset[LabelKind] | None = None
    labels_context: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class _Work:
    """One source in the making: what is wanted, what was there, what it was read as, what is done."""

    planned: PlannedSource
    wanted: Mapping[Place, str]
    former: SourceRecord
    loaded: LoadedImage
    labels: LoadedLabels | None
    sample: Sample
    source: SourceRow
    reusable: Mapping[Place, FileRow]
    files: list[FileRow] = field(default_factory=list)
    shorts: list[ShortRow] = field(default_factory=list)

    @property
    def labels_sha256(self) -> str | None:
        return None if self.labels is None else self.labels.sha256

    def places_of(self, copy: int) -> list[Place]:
        """The files of a copy, the picture first."""
        return [place for place in self.wanted if place[0] == copy]

    def reuse(self, copy: int) -> bool:
        """Take over the files of a copy, when all of them are there; they belong together."""
        places = self.places_of(copy)
        if not all(place in self.reusable for place in places):
            return False
        self.files.extend(self.reusable[place] for place in places)
        return True


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
        if planned.problem is not None:
            problem = planned.problem
            error = SampleError(problem.message, hint=problem.hint, code=problem.code)
            return self.skip(planned.id, former, error)
        wanted = self.wanted_names(planned)
        if self._is_current(planned, former, wanted):
            kept = [row for row in former.files if wanted.get((row.copy, row.role)) == row.file]
            return self._with_surplus(former, SourceRecord(source=former.source, files=kept, shorts=former.shorts))
        files: list[FileRow] = []
        try:
            refuse_long_names(wanted.values())
            work = self._open(planned, wanted, former)
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

    def wanted_names(self, planned: PlannedSource) -> dict[Place, str]:
        """The names of a source's files by copy number and role."""
        parts = name_parts(planned, extension=self.settings.extension)
        pictures = {copy: self.settings.template.render(parts, copy) for copy in range(1, planned.copies + 1)}
        if self.settings.originals != "none":
            pictures = {0: planned.target, **pictures}
        names: dict[Place, str] = {}
        for copy, picture in pictures.items():
            names[copy, None] = picture
            for role, name in companion_names(planned, picture).items():
                names[copy, role] = name
        return names

    def _is_current(self, planned: PlannedSource, former: SourceRecord, wanted: Mapping[Place, str]) -> bool:
        return is_current(
            self.placer.storage,
            planned,
            former,
            wanted,
            source_root=self.settings.source_root,
            accepted=self.settings.accepted,
            max_pixels=self.settings.limits.max_pixels,
            labels_context=self.settings.labels_context,
        )

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

    def _open(self, planned: PlannedSource, wanted: Mapping[Place, str], former: SourceRecord) -> _Work:
        root = self.settings.source_root
        # Before it is read: a label file that changes meanwhile is read again at the next run.
        state = labels_state(root, planned, self.settings.labels_context)
        loaded = load_image(root, planned, self.settings.limits)
        limits = self.settings.limits
        labels = load_labels(root, planned, limits, self.settings.labels_context)
        image = blamed_on_image(decode_image, loaded.data, limits, damaged=self.settings.damaged)
        sample = blamed_on_image(prepare, make_sample(planned.id, image, loaded, labels, limits), self.recipe)
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
            group=planned.group,
            labels_state=state,
            conversions=image.conversions,
        )
        return _Work(
            planned=planned,
            wanted=wanted,
            former=former,
            loaded=loaded,
            labels=labels,
            sample=sample,
            source=source,
            reusable=reusable_files(
                self.placer.storage,
                former,
                wanted,
                digests=(loaded.sha256, None if labels is None else labels.sha256),
                accepted=self.settings.accepted,
            ),
        )

    def _build_original(self, work: _Work) -> None:
        if (0, None) not in work.wanted or work.reuse(0):
            return
        name, data = work.wanted[0, None], work.loaded.data
        if self.recipe.prepares:
            data = self._encode(work.sample.image)
        if self.settings.originals == "link" and not self.recipe.prepares:
            original = str(Path(self.settings.source_root) / work.planned.path)
            facts = self.placer.link(name, original, data, work.former.files)
        else:
            facts = self.placer.put(name, data, work.former.files)
        labelled = original_of(work.sample, written=self.settings.written)
        told = labelled.for_manifest() if labelled is not None else {}
        row = self._row(work, (0, None), data, facts, pixels=work.source.pixels, draw=0, **told)
        work.files.append(row)
        self._build_companions(work, row, labelled)

    def _build_copies(self, work: _Work) -> None:
        taken = {work.source.pixels}
        short = {
            row.copy: row
            for row in work.former.shorts
            if (row.source_sha256, row.labels_sha256) == (work.loaded.sha256, work.labels_sha256)
            and row.build in self.settings.accepted
        }
        for copy in range(1, work.planned.copies + 1):
            if work.reuse(copy):
                taken.add(work.reusable[copy, None].pixels)
            elif copy in short:
                work.shorts.append(short[copy])
            else:
                self._build_copy(work, copy, taken)

    def _build_copy(self, work: _Work, copy: int, taken: set[str]) -> None:
        self.step(work.planned.id)
        drawn: DrawnCopy | None = blamed_on_image(
            draw_copy, work.sample, self.recipe, seed=self.settings.seed, copy=copy, taken=taken
        )
        if drawn is None:
            row = ShortRow(
                source=work.planned.id,
                source_sha256=work.loaded.sha256,
                labels_sha256=work.labels_sha256,
                copy=copy,
                draws=MOST_DRAWS,
                build=self.settings.build,
            )
            work.shorts.append(row)
            return
        taken.add(drawn.pixels)
        data = self._encode(drawn.variation.image)
        facts = self.placer.put(work.wanted[copy, None], data, work.former.files)
        applied = tuple([transform.name, transform.parameters] for transform in drawn.variation.applied)
        labelled = copy_of(work.sample, drawn.variation, written=self.settings.written)
        picture = self._row(
            work,
            (copy, None),
            data,
            facts,
            pixels=drawn.pixels,
            draw=drawn.draw,
            applied=applied,
            carried=drawn.variation.carried,
            **(labelled.for_manifest() if labelled is not None else {}),
        )
        work.files.append(picture)
        self._build_companions(work, picture, labelled)

    def _build_companions(self, work: _Work, picture: FileRow, labelled: LabelledPicture | None) -> None:
        """The label file and the mask that go with a picture."""
        for place in work.places_of(picture.copy):
            role = place[1]
            if role is None or work.labels is None or labelled is None:
                continue
            data: bytes = blamed_on_image(
                write_companion,
                role,
                work.planned,
                picture=picture.file,
                copy=picture.copy,
                name=work.wanted[place],
                labelled=labelled,
                labels=work.labels,
                writer=self.settings.writer,
                is_untouched=picture.copy == 0 and self.settings.keeps_layout and not self.recipe.prepares,
            )
            facts = self.placer.put(work.wanted[place], data, work.former.files)
            work.files.append(self._row(work, place, data, facts, pixels="", draw=picture.draw))

    def _encode(self, image: Image) -> bytes:
        output = self.recipe.recipe.output
        file_format = None if output.format == "keep" else output.format
        data: bytes = blamed_on_image(encode_image, image, file_format=file_format, jpeg_quality=output.jpeg_quality)
        return data

    def _row(self, work: _Work, place: Place, data: bytes, facts: FileFacts, **details: Any) -> FileRow:
        return FileRow(
            file=work.wanted[place],
            source=work.planned.id,
            source_sha256=work.loaded.sha256,
            labels_sha256=work.labels_sha256,
            copy=place[0],
            role=place[1],
            sha256=work.loaded.sha256 if data is work.loaded.data else hashlib.sha256(data).hexdigest(),
            size=facts.size,
            mtime_ns=facts.mtime_ns,
            build=self.settings.build,
            **details,
        )
