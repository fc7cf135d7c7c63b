"""Read a data set into the table of sources: scan, recognise, then let its format hand over one source after the other."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nfold.annotations import DatasetInfo
from nfold.card import expanded_folder
from nfold.errors import InputError, OutputMismatchError, UsageError
from nfold.formats import (
    FORMATS,
    LABEL_FILE,
    FileIndex,
    FoundFile,
    PassedOver,
    ReadContext,
    Recognition,
    Scan,
    recognise,
    scan_folder,
    selector,
    summarise,
)
from nfold.plan.table import SourceTable
from nfold.request import ExpansionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A data set that was read; its sources are in the table.

    Attributes:
        scan: What the folder holds.
        recognition: As which format it was read, and why.
        info: What holds for all of its pictures.
    """

    scan: Scan
    recognition: Recognition
    info: DatasetInfo


def read_data_set(
    request: ExpansionRequest, table: SourceTable, recorded: Mapping[str, Any], *, accepts_expanded: bool = False
) -> DataSet:
    """Fill the table with the sources of the request's folder.

    Args:
        request: Names the folder, and may force the format.
        table: Empty.
        recorded: Conventions on the card of an earlier run into the same output.
        accepts_expanded: Whether the folder may itself be an output of nfold.

    Raises:
        InputError: The folder cannot be used, holds no image, or its labels cannot be read.
        UsageError: An option does not fit the data set.
    """
    _refuse_unusable_folder(request)
    if not accepts_expanded:
        _refuse_expanded(request.source)
    scan = summarise(_walk(request))
    if not scan.images:
        found = ", ".join(f"{count} {reason}" for reason, count in scan.passed_over.most_common()) or "nothing at all"
        raise InputError(
            f"There are no images in {request.source} (found: {found}).",
            hint="JPEG, PNG, WebP, BMP and TIFF are read.",
            code="input.no_images",
        )
    recognition = recognise(request.source, scan, forced=request.format)
    _refuse_pairs(request, scan, recognition)
    with closing(sqlite3.connect("", isolation_level=None)) as scratch:
        scratch.executescript("pragma journal_mode=off; pragma synchronous=off; pragma cache_size=-65536;")
        context = ReadContext(
            root=request.source,
            scan=scan,
            has_splits=recognition.has_splits,
            walk=lambda: (entry for entry in _walk(request) if isinstance(entry, FoundFile)),
            files=FileIndex(scratch, lambda index: _fill(index, request)),
            scratch=scratch,
            is_left_out=selector(request.include, request.exclude),
            options=_options(request, recorded),
            recorded=recorded,
        )
        table.connection.execute("begin")
        info = FORMATS[recognition.format].read(context, table.add)
        table.connection.execute("commit")
    table.name_classes([category.name for category in info.categories])
    _refuse_nothing_listed(request, table, recognition)
    info = replace(info, kinds={**info.kinds, **_classes_of_pictures(table)})
    has_annotations = FORMATS[recognition.format].has_annotations
    _merge(scan, info, has_labels=has_annotations or bool(info.kinds or info.documents))
    if has_annotations:
        recognition = replace(recognition, has_splits=_has_splits(table))
    return DataSet(scan=scan, recognition=recognition, info=info)


def _refuse_unusable_folder(request: ExpansionRequest) -> None:
    root = request.source
    try:
        is_there = root.exists()
    except PermissionError as error:
        raise InputError(
            f"Cannot look into {root}: permission denied.",
            hint="Give yourself the right to read it.",
            code="input.permission",
        ) from error
    if not is_there:
        raise InputError(f"There is no folder {root}.", hint="Check the path.", code="input.missing")


def _refuse_expanded(root: Path) -> None:
    folder = expanded_folder(root)
    if folder is not None:
        which = "is itself" if folder == root else f"lies in {folder}, which is"
        raise InputError(
            f"{root} {which} a data set that nfold expanded: copies of copies would be made.",
            hint="Give the folder of the originals.",
            code="input.already_expanded",
        )


def _walk(request: ExpansionRequest) -> Iterator[FoundFile | PassedOver]:
    return scan_folder(request.source, include=request.include, exclude=request.exclude)


def _fill(index: FileIndex, request: ExpansionRequest) -> None:
    for entry in _walk(request):
        if isinstance(entry, FoundFile):
            index.add_image(entry)
        elif entry.reason == LABEL_FILE:
            index.add_label(entry.path)


def _options(request: ExpansionRequest, recorded: Mapping[str, Any]) -> dict[str, Any]:
    given = {"voc_origin": request.voc_origin}
    options = {name: value for name, value in given.items() if value is not None}
    for name, value in options.items():
        if name in recorded and recorded[name] != value:
            raise OutputMismatchError(
                f"This folder was made with other settings: {name} was {recorded[name]}, is {value}.",
                hint="Choose another folder, or start again in this one with --rebuild.",
            )
    if "voc_origin" in options and request.format not in (None, "voc"):
        raise UsageError(
            f"--voc-origin says how Pascal VOC counts pixels, and the source is read as {request.format}.",
            hint="Leave it out.",
        )
    return options


_OF_IMAGES = frozenset({"images", "image", "img", "imgs", "jpegimages", "inputs", "photos"})
_OF_PARTNERS = frozenset(
    {"labels", "label", "masks", "mask", "annotations", "gt", "ground_truth", "segmentation", "segmentationclass"}
)


def _refuse_pairs(request: ExpansionRequest, scan: Scan, recognition: Recognition) -> None:
    """Pictures that belong to others beside them would be taken for a class of their own, and be turned another way."""
    folders = {name.casefold() for name in scan.folders}
    is_guess = request.format is None and not FORMATS[recognition.format].has_annotations
    if is_guess and folders & _OF_IMAGES and folders & _OF_PARTNERS:
        names = sorted(name for name in scan.folders if name.casefold() in _OF_IMAGES | _OF_PARTNERS)
        raise InputError(
            f"{request.source} looks like pictures with others that belong to them (folders {', '.join(names)}), but "
            "these are no masks of few values.",
            hint="Say --format masks if they are masks all the same, or --format class-folders if these are classes.",
            code="input.masks",
        )


def _refuse_nothing_listed(request: ExpansionRequest, table: SourceTable, recognition: Recognition) -> None:
    if not table.count:
        raise InputError(
            f"The label files in {request.source} name none of its images (read as {recognition.format}: {recognition.reason}).",
            hint="Check that images and labels belong together, or force another reading with --format.",
            code="labels.no_images",
        )


def _classes_of_pictures(table: SourceTable) -> dict[Any, int]:
    count = table.connection.execute("select count(*) from sources where category is not null").fetchone()[0]
    return {"class": count} if count else {}


def _merge(scan: Scan, info: DatasetInfo, *, has_labels: bool) -> None:
    """What the format accounted for is no longer merely a label file that was passed over."""
    if has_labels:
        scan.passed_over.pop(LABEL_FILE, None)
        scan.examples.pop(LABEL_FILE, None)
    scan.passed_over.update({reason: count for reason, count in info.passed_over.items() if count})
    for reason, example in info.examples.items():
        scan.examples.setdefault(reason, example)


def _has_splits(table: SourceTable) -> bool:
    return table.connection.execute("select 1 from sources where split is not null limit 1").fetchone() is not None
