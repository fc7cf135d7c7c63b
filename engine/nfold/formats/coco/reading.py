"""Sources of a COCO data set: every picture once, with what all files say of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from nfold.annotations import Annotation, DatasetInfo, Document, ImageLabels, LabelKind, kinds_of
from nfold.errors import InputError, SampleError
from nfold.formats.base import Label, ReadContext, Source, SourceProblem, split_above
from nfold.formats.coco.categories import Categories
from nfold.formats.coco.finding import is_document
from nfold.formats.coco.ids import steps_for
from nfold.formats.coco.loading import Loaded, load_documents
from nfold.formats.coco.locating import DocumentSplit, count_guesses, locate, split_of
from nfold.formats.coco.objects import UNVARIED_KEYS, frame_of, mend_numbers, to_annotation
from nfold.formats.damage import refuse_damaged_labels
from nfold.formats.index import FoundFile
from nfold.formats.scratch import at_once
from nfold.formats.share_boxes import LOOKS_LIKE_SHARES, SHARES_HINT, ShareTally
from nfold.formats.wording import listed
from nfold.storage import normal_id

ORPHANS = "annotation of a picture that its file does not list"
UNLISTED = "not in the label files"
GUESSED = "file_name that leads nowhere, picture found by its name alone"
OTHER_JSON = "JSON file that is not COCO"
UNVARIED = "'{}', which is not varied: left out of copies"


@dataclass(frozen=True, slots=True)
class _Entry:
    """What one document says of a picture."""

    document: int
    place: int
    identity: int
    text: str


class CocoReading:
    """Reads one data set; made anew for each."""

    def __init__(self, context: ReadContext, name: str) -> None:
        self._context = context
        self._name = name
        self._scratch = context.scratch
        self._categories = Categories()
        self._repairs: Counter[str] = Counter()
        self._kinds: Counter[LabelKind] = Counter()
        self._shares = ShareTally()
        self._passed_over: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._loaded: tuple[Loaded, ...] = ()
        self._splits: list[DocumentSplit] = []

    def read(self, take: Callable[[Source], None]) -> DatasetInfo:
        """Hand over the pictures in the order of the files.

        Raises:
            InputError: The data set cannot be used; the message names file and place.
        """
        documents = self._documents()
        with at_once(self._scratch):
            self._load(documents)
            for number in range(len(self._loaded)):
                for source in self._sources(number):
                    take(source)
        self._shares.refuse_shares()
        self._note_orphans()
        self._note_unlisted()
        return self._info()

    def _load(self, documents: list[str]) -> None:
        self._loaded = load_documents(self._scratch, self._context.root, documents, self._repairs)
        for number, loaded in enumerate(self._loaded):
            if loaded.rest.get("categories") is not None:
                self._categories.add_document(number, loaded.path, loaded.rest["categories"])
        locate(self._context, documents)
        self._repairs.update({GUESSED: count_guesses(self._scratch)})
        self._splits = [split_of(self._scratch, number, path) for number, path in enumerate(documents)]
        self._scratch.execute("create index coco_images_by_source on coco_images (source, document, place)")

    def _documents(self) -> list[str]:
        found = []
        for path in self._context.files.label_files(".json"):
            if is_document(self._context.root, path):
                found.append(path)
            else:
                self._pass_over(OTHER_JSON, path)
        if not found:
            refuse_damaged_labels(self._context.root, self._context.scan)
            raise InputError(
                f"{self._context.root} holds no COCO file.",
                hint="A COCO file is a JSON file with the lists 'images' and 'annotations'; put it into the folder.",
                code="labels.none",
            )
        return found

    def _info(self) -> DatasetInfo:
        steps = steps_for(
            max(loaded.largest_image_id for loaded in self._loaded),
            max(loaded.largest_annotation_id for loaded in self._loaded),
            self._context.recorded,
        )
        conventions = {"format": self._name, **steps.to_conventions()}
        if self._has_splits and not all(split.is_known for split in self._splits):
            conventions["split_of_other_pictures"] = "train"
        return DatasetInfo(
            categories=self._categories.listed(),
            documents=tuple(
                Document(path=loaded.path, split=split.split, raw=loaded.to_raw())
                for loaded, split in zip(self._loaded, self._splits, strict=True)
            ),
            kinds=dict(self._kinds),
            conventions=conventions,
            passed_over=dict(self._passed_over),
            examples=self._examples,
            repairs=dict(+self._repairs),
        )

    @property
    def _has_splits(self) -> bool:
        return any(split.is_known for split in self._splits)

    def _sources(self, number: int) -> Iterator[Source]:
        rows = (
            "select source, path, is_found, place from coco_images where document = ? and is_found >= 0 order by place"
        )
        for key, path, is_found, place in self._scratch.execute(rows, (number,)):
            entries = self._entries(key)
            if (entries[0].document, entries[0].place) != (number, place):
                continue  # handed over already
            file = FoundFile(path=_text(path), size=0, mtime_ns=0)
            if is_found:
                file = self._context.files.image(file.path) or file
                self._context.files.take(file.path)
            yield self._source(file, bool(is_found), entries)

    def _entries(self, key: bytes) -> list[_Entry]:
        rows = "select document, place, id, text from coco_images where source = ? order by document, place"
        return [_Entry(*row) for row in self._scratch.execute(rows, (key,))]

    def _source(self, file: FoundFile, is_found: bool, entries: list[_Entry]) -> Source:
        identity = normal_id(file.path)
        split, labels, problem = None, ImageLabels(), None
        try:
            split = self._split(identity, entries)
            if not is_found:
                raise SampleError(
                    f"{self._place(entries[0])}: the picture {file.path} is not there",
                    hint="Put the picture there, or take it out of the file. Hidden files are not read.",
                    code="labels.missing_image",
                )
            labels = self._labels(entries)
        except SampleError as error:
            problem = SourceProblem(code=error.stable_code, message=f"{error.message}.", hint=error.hint or "")
        return Source(id=identity, file=file, label=Label(split=split, category=None), labels=labels, problem=problem)

    def _split(self, identity: str, entries: list[_Entry]) -> str | None:
        found: dict[str, _Entry] = {}
        for entry in entries:
            known = self._splits[entry.document]
            split = split_above(identity) if known.is_by_folder else known.split
            if split is not None:
                found.setdefault(split, entry)
        if len(found) > 1:
            places = listed([f"in {split} ({self._place(entry)})" for split, entry in found.items()])
            raise SampleError(
                f"{identity} is {places}",
                hint="A picture belongs to one split: take it out of the others, or training sees what it is measured by.",
                code="labels.two_splits",
            )
        return next(iter(found), "train" if self._has_splits else None)

    def _labels(self, entries: list[_Entry]) -> ImageLabels:
        raw: dict[int, Any] = {}
        places: dict[int, int] = {}
        frames: dict[tuple[int, int], _Entry] = {}
        annotations: list[Annotation] = []
        kinds: Counter[LabelKind] = Counter()
        for entry in entries:
            if entry.document in raw:
                raise SampleError(
                    f"{self._place(entry)}: images/{places[entry.document]} is the same picture",
                    hint="List each picture once, and give all its annotations the id of that entry.",
                    code="labels.duplicate",
                )
            try:
                image = mend_numbers(_parsed(entry.text), self._repairs)
                frame = frame_of(image)
            except SampleError as error:
                raise _at(self._place(entry), error) from error
            if frame is not None and frames.setdefault(frame, entry) is entry and len(frames) > 1:
                here, there = (f"{width} x {height}" for width, height in (frame, next(iter(frames))))
                raise SampleError(
                    f"{self._place(entry)}: the size is {here}, in {self._place(next(iter(frames.values())))} it is {there}",
                    hint="Give the size that the picture has, in all files.",
                    code="labels.size_mismatch",
                )
            raw[entry.document], places[entry.document] = image, entry.place
            for annotation in self._annotations(entry, frame):
                annotations.append(annotation)
                kinds.update(kinds_of(annotation))
        self._kinds.update(kinds)
        return ImageLabels(annotations=tuple(annotations), frame_wh=next(iter(frames), None), places=places, raw=raw)

    def _annotations(self, entry: _Entry, frame: tuple[int, int] | None) -> Iterator[Annotation]:
        rows = "select place, id, text from coco_annotations where document = ? and image = ? order by place"
        in_shares = ""
        for place, identity, text in self._scratch.execute(rows, (entry.document, entry.identity)).fetchall():
            where = f"{self._loaded[entry.document].path}, annotations/{place} (id {identity})"
            try:
                annotation = to_annotation(
                    _parsed(text),
                    document=entry.document,
                    order=place,
                    frame_wh=frame,
                    categories=self._categories,
                    repairs=self._repairs,
                )
            except SampleError as error:
                raise _at(where, error) from error
            if annotation.box is not None and self._shares.count(annotation.box, where):
                in_shares = in_shares or where
            for key in UNVARIED_KEYS & annotation.raw.keys():
                self._repairs[UNVARIED.format(key)] += 1
            yield annotation
        # Said last: all boxes have to be counted.
        if in_shares:
            raise SampleError(f"{in_shares}: the bbox {LOOKS_LIKE_SHARES}", hint=SHARES_HINT, code="labels.bad_box")

    def _note_orphans(self) -> None:
        orphans = (
            "from coco_annotations a where not exists"
            " (select 1 from coco_images i where i.document = a.document and i.id = a.image)"
        )
        for document, place, identity in self._scratch.execute(f"select document, place, id {orphans}"):
            self._pass_over(ORPHANS, f"{self._loaded[document].path}, annotations/{place} (id {identity})")

    def _note_unlisted(self) -> None:
        for file in self._context.files.untaken_images():
            self._pass_over(UNLISTED, file.path)

    def _pass_over(self, reason: str, example: str) -> None:
        self._passed_over[reason] += 1
        self._examples.setdefault(reason, example)

    def _place(self, entry: _Entry) -> str:
        return f"{self._loaded[entry.document].path}, images/{entry.place} (id {entry.identity})"


def _parsed(text: str) -> Any:
    """An entry that was parsed before; how deep it may be nested depends on how deep in calls one is."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise SampleError(
            "it is nested too deeply", hint="Mend it, or take it out.", code="labels.bad_value"
        ) from error


def _at(place: str, error: SampleError) -> SampleError:
    return SampleError(f"{place}: {error.message}", hint=error.hint, code=error.stable_code)


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
