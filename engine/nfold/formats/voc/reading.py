"""Reading of a Pascal VOC data set: lists, then all XML files, then the pictures with what the whole set decides."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from nfold.annotations import Category, DatasetInfo, ImageLabels, LabelKind, kinds_of
from nfold.errors import InputError, UsageError
from nfold.formats.base import MOST_LABEL_BYTES, Label, ReadContext, Source, SourceProblem, split_above
from nfold.formats.index import FoundFile
from nfold.formats.share_boxes import ShareTally
from nfold.formats.voc.lists import SCHEMA, find_lists, listing_of, read_lists
from nfold.formats.voc.objects import (
    OWN_FILE,
    VocFile,
    counts_from_zero,
    from_json,
    placed,
    read_voc,
    to_json,
)
from nfold.formats.voc.places import OBJECT_MASKS, Places, is_mask
from nfold.plain_files import read_plain
from nfold.storage import normal_id

MOST_CLASSES = 1 << 16
VOID = 255
"""What VOC's masks hold where no class is given: at the outlines of objects, and beyond the edge of a picture."""

_COMPANIONS = frozenset(
    {
        "labelmap.txt",
        "label_map.txt",
        "labels.txt",
        "classes.txt",
        "class_names.txt",
        "predefined_classes.txt",
        "obj.names",
    }
)
_SCHEMA = "create table voc_files (path blob primary key, id blob, body blob); create index voc_files_by_id on voc_files (id);"


class VocReading:
    """One reading of one data set."""

    def __init__(self, context: ReadContext) -> None:
        self._context = context
        self._scratch = context.scratch
        self._places = Places(context.files, context.scan)
        self._lists = find_lists(context.files.label_files(".txt"))
        self._has_splits = any(entry.splits for entry in self._lists)
        self._names: dict[str, int] = {}
        self._counts_from_zero = False
        self._shares = ShareTally()
        self._kinds: Counter[LabelKind] = Counter()
        self._repairs: Counter[str] = Counter()
        self._passed_over: Counter[str] = Counter()
        self._examples: dict[str, str] = {}

    def carry_out(self, take: Callable[[Source], None]) -> DatasetInfo:
        """Hand over every picture; see `Voc.read`."""
        origin = _asked_origin(self._context)
        self._scratch.executescript(SCHEMA + _SCHEMA)
        # One transaction: a commit for each row would take most of the time.
        self._scratch.execute("begin")
        self._documents = read_lists(
            self._lists, root=self._context.root, scratch=self._scratch, resolve=lru_cache(65_536)(self._resolve)
        )
        self._read_files()
        self._shares.refuse_shares()
        self._origin = origin if origin is not None else int(not self._counts_from_zero)
        self._numbers = {name: number for number, name in enumerate(sorted(self._names))}
        self._folders_split = not self._has_splits and self._all_below_splits()
        for source in self._sources():
            take(source)
        self._account_for_the_rest()
        self._scratch.execute("commit")
        return DatasetInfo(
            categories=tuple(Category(name=name) for name in sorted(self._names)),
            documents=self._documents,
            companions=tuple(self._companions()),
            kinds=dict(self._kinds),
            conventions={"format": "voc", "voc_origin": self._origin},
            passed_over=dict(self._passed_over),
            examples=self._examples,
            repairs=dict(self._repairs),
            mask_fill=VOID if self._kinds["semantic"] else 0,
        )

    def _resolve(self, prefix: str, name: str) -> str | None:
        found = self._places.picture_named(prefix, name)
        return None if found is None else found.path

    def _read_files(self) -> None:
        for path in self._context.files.label_files(".xml"):
            voc = self._read_file(path)
            if voc is None:
                self._pass_over("XML that describes no picture", path)
                continue
            found = self._places.pictures_of(path, voc.file_name)
            if len(found) > 1:
                voc = VocFile(file_name=voc.file_name, problem=_ambiguous(path, found))
            identities: list[str | None] = [normal_id(file.path) for file in found]
            for place, identity in enumerate(identities or [None]):
                # Of an ambiguous file each picture has its own row; only the first goes by the path alone.
                key = _blob(path) + b"\0" * place
                row = (key, None if identity is None else _blob(identity), to_json(voc))
                self._scratch.execute("insert or replace into voc_files values (?, ?, ?)", row)

    def _read_file(self, path: str) -> VocFile | None:
        try:
            stored, _ = read_plain(self._context.root / path, MOST_LABEL_BYTES)
        except OSError as error:
            is_large = error.errno == errno.EFBIG
            problem = SourceProblem(
                code="labels.too_large" if is_large else "labels.unreadable",
                message=f"{path} cannot be read: {error.strerror}.",
                hint="It is no label file about one picture; take it out of the data set."
                if is_large
                else "Check its permissions and its disk, then run the same command.",
            )
            return VocFile(problem=problem)
        voc = read_voc(path, stored)
        if voc is not None:
            self._names.update(dict.fromkeys((found.name for found in voc.objects), 0))
            if len(self._names) > MOST_CLASSES:
                raise InputError(
                    f"{path}: more than {MOST_CLASSES:,} different classes so far.",
                    hint="Check that <name> holds classes, and not names of single objects.",
                    code="labels.too_many_classes",
                )
            for found in voc.objects:
                if found.values is not None:
                    self._shares.count(found.values, f"{path}, line {found.line}")
            self._counts_from_zero = self._counts_from_zero or counts_from_zero(voc)
        return voc

    def _sources(self) -> Iterator[Source]:
        """Pictures in the order of the lists, then, where lists give no splits, all others, then those that miss."""
        files = self._context.files
        query = "select id, split, split_place, clash from voc_listed where split is not null or ? order by rank"
        seen = "select 1 from voc_listed where id = ?"
        for blob, split, place, clash in self._scratch.execute(query, (not self._has_splits,)):
            identity = _text(blob)
            file = files.image(identity)
            if file is None:
                yield from self._missing(identity, f"{place or 'A list'} names it", Label(split=split, category=None))
            else:
                yield self._source(file, Label(split=split, category=None), clash=clash and (place, clash))
        if self._has_splits:
            return
        for file in files.images():
            listed = self._scratch.execute(seen, (_blob(normal_id(file.path)),)).fetchone()
            if not is_mask(file.path) and listed is None:
                split = split_above(file.path) if self._folders_split else None
                yield self._source(file, Label(split=split, category=None))
        orphans = self._scratch.execute("select path, body from voc_files where id is null order by path")
        for blob, body in orphans:
            path, voc = _text(blob).rstrip("\0"), from_json(body)
            expected = self._places.expected_picture(path, voc.file_name)
            label = Label(split=split_above(expected) if self._folders_split else None, category=None)
            yield from self._missing(expected, f"{path} describes it", label, voc.problem)

    def _missing(self, path: str, who: str, label: Label, problem: SourceProblem | None = None) -> Iterator[Source]:
        if self._context.is_left_out(path):
            return
        problem = problem or SourceProblem(
            code="labels.missing_image",
            message=f"There is no picture {path}; {who}.",
            hint="Put the picture back, or take it out of the labels.",
        )
        file = FoundFile(path=path, size=0, mtime_ns=0)
        yield Source(id=normal_id(path), file=file, label=label, labels=ImageLabels(), problem=problem)

    def _source(self, file: FoundFile, label: Label, clash: tuple[str, str] | None = None) -> Source:
        identity = normal_id(file.path)
        self._context.files.take(file.path)
        labels = self._labels(file, identity)
        if clash and isinstance(labels, ImageLabels):
            labels = SourceProblem(
                code="labels.duplicate",
                message=f"{clash[0]} and {clash[1]} both name {file.path}, which can be in one split only.",
                hint="Take it out of one of the lists.",
            )
        if isinstance(labels, SourceProblem):
            return Source(id=identity, file=file, label=label, labels=ImageLabels(), problem=labels)
        return Source(id=identity, file=file, label=label, labels=labels)

    def _labels(self, file: FoundFile, identity: str) -> ImageLabels | SourceProblem:
        query = "select path, body from voc_files where id = ? order by path limit 2"
        rows = self._scratch.execute(query, (_blob(identity),)).fetchall()
        mask = self._places.mask_of(file.path)
        if len(rows) > 1:
            first, second = (_text(row[0]).rstrip("\0") for row in rows)
            return SourceProblem(
                code="labels.duplicate",
                message=f"{first} and {second} both describe {file.path}.",
                hint="Take one of the label files out of the data set.",
            )
        if not rows and mask is None:
            return SourceProblem(
                code="labels.missing",
                message=f"No XML file describes {file.path}.",
                hint="Add one (without objects if there are none), or leave the picture out with --exclude.",
            )
        if mask is not None:
            self._context.files.take(mask.path)
        raw = listing_of(self._scratch, identity, self._documents)
        if not rows:
            self._kinds["semantic"] += 1
            return ImageLabels(mask_file=mask.path if mask else None, raw=raw)
        path = _text(rows[0][0]).rstrip("\0")
        return self._described(path, from_json(rows[0][1]), mask, raw)

    def _described(
        self, path: str, voc: VocFile, mask: FoundFile | None, raw: Mapping[int, Any]
    ) -> ImageLabels | SourceProblem:
        if voc.problem is not None:
            return voc.problem
        found = placed(voc, origin=self._origin, numbers=self._numbers, path=path)
        if isinstance(found, SourceProblem):
            return found
        annotations, sticking_out = found
        self._kinds.update(kind for annotation in annotations for kind in kinds_of(annotation))
        self._kinds.update({"semantic": 1} if mask is not None else {})
        self._repair("box beyond the picture's edge, clipped in copies", sticking_out)
        self._repair("shape of a kind that is not read, left out of copies", voc.outlines)
        return ImageLabels(
            annotations=annotations,
            frame_wh=voc.frame_wh,
            label_file=path,
            mask_file=None if mask is None else mask.path,
            raw={**raw, OWN_FILE: voc.packed},
        )

    def _all_below_splits(self) -> bool:
        pictures = (file.path for file in self._context.files.images() if not is_mask(file.path))
        return all(split_above(path) is not None for path in pictures)

    def _account_for_the_rest(self) -> None:
        for file in self._context.files.untaken_images():
            if any(part.casefold() == OBJECT_MASKS for part in file.path.split("/")[:-1]):
                self._pass_over("mask of single objects (SegmentationObject), which does not follow", file.path)
            elif is_mask(file.path):
                self._pass_over("mask without a picture", file.path)
            else:
                self._pass_over("not in the lists of ImageSets", file.path)
        if self._has_splits:
            listed = "select 1 from voc_listed where split is not null and id = ?"
            for blob, identity in self._scratch.execute("select path, id from voc_files order by path").fetchall():
                if identity is None or self._scratch.execute(listed, (identity,)).fetchone() is None:
                    self._pass_over("label file of a picture that the lists do not name", _text(blob).rstrip("\0"))

    def _companions(self) -> Iterator[str]:
        for path in self._context.files.label_files(".txt", ".names"):
            if path.rpartition("/")[2].casefold() in _COMPANIONS:
                yield path

    def _pass_over(self, reason: str, path: str) -> None:
        self._passed_over[reason] += 1
        self._examples.setdefault(reason, path)

    def _repair(self, what: str, count: int) -> None:
        if count:
            self._repairs[what] += count


def _asked_origin(context: ReadContext) -> int | None:
    asked = context.options.get("voc_origin", context.recorded.get("voc_origin"))
    if asked is None:
        return None
    if str(asked) not in ("0", "1"):
        raise UsageError(
            f"The VOC origin is {asked!r}; it is 0 or 1.",
            hint="1: pixels are counted from 1, both ends included. 0: numbers are edges, counted from 0.",
        )
    return int(asked)


def _ambiguous(path: str, found: list[FoundFile]) -> SourceProblem:
    names = " or ".join(file.path for file in found[:2])
    return SourceProblem(
        code="labels.duplicate",
        message=f"{path} may describe {names}, and its <filename> does not tell which.",
        hint="Give the pictures different names, or mend <filename>.",
    )


def _blob(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
