"""Data set formats: how a folder on disk becomes sources, one module each.

A format is one entry in FORMATS, in the order in which they are tried. It says whether a folder is of
its kind and why, and reads its files as sources. Formats do not know each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nfold.errors import SeveralLabelSetsError, UnknownNameError
from nfold.formats.base import (
    DatasetFormat,
    Label,
    LabelWriter,
    NumbersCopies,
    Placement,
    ReadContext,
    Recognition,
    RefusesRemains,
    Scan,
    Source,
    SourceProblem,
)
from nfold.formats.class_folders import ClassFolders
from nfold.formats.coco import Coco
from nfold.formats.create_ml import CreateMl
from nfold.formats.damage import refuse_damaged_labels
from nfold.formats.folder import PlainFolder
from nfold.formats.hf import HfMetadata
from nfold.formats.index import FileIndex, FoundFile
from nfold.formats.masks import Masks
from nfold.formats.scan import LABEL_FILE, PassedOver, scan_folder, selector, summarise
from nfold.formats.tables import CsvTables
from nfold.formats.voc import Voc
from nfold.formats.yolo import Yolo

FORMATS: Mapping[str, DatasetFormat] = {
    "voc": Voc(),
    "csv": CsvTables(),
    "hf-metadata": HfMetadata(),
    "create-ml": CreateMl(),
    "masks": Masks(),
    "yolo": Yolo(),
    "coco": Coco(),
    "class-folders": ClassFolders(),
    "folder": PlainFolder(),
}


def format_named(name: str) -> DatasetFormat:
    """The format of that name."""
    if name not in FORMATS:
        raise UnknownNameError.among("data set format", name, FORMATS)
    return FORMATS[name]


def recognise(root: Path, scan: Scan, *, forced: str | None = None) -> Recognition:
    """Which format a scanned folder is of, and the reason in words.

    Raises:
        InputError: The folder holds several label sets, each of another format, or label files that cannot be used.
    """
    if forced is not None:
        return Recognition(format=format_named(forced).name, reason="asked for by --format", has_splits=scan.has_splits)
    refuse_damaged_labels(root, scan)
    found: dict[str, str] = {}
    for dataset_format in FORMATS.values():
        # What names labels in files goes before what merely looks at paths.
        if found and not dataset_format.has_annotations:
            break
        reason = dataset_format.recognise(root, scan)
        if reason is not None:
            found[dataset_format.name] = reason
    if len(found) > 1:
        raise _several_label_sets(root, found)
    name, reason = next(iter(found.items()))
    if not FORMATS[name].has_annotations:
        for dataset_format in FORMATS.values():
            if isinstance(dataset_format, RefusesRemains):
                dataset_format.refuse_remains(root, scan)
    return Recognition(format=name, reason=reason, has_splits=scan.has_splits)


def _several_label_sets(root: Path, found: Mapping[str, str]) -> SeveralLabelSetsError:
    listed = "; ".join(f"{name} ({reason})" for name, reason in found.items())
    return SeveralLabelSetsError(
        f"{root} holds several label sets, and they may contradict each other: {listed}.",
        hint="Choose one: " + ", ".join(f"--format {name}" for name in found) + ".",
        formats=tuple(found),
    )


__all__ = [
    "FORMATS",
    "LABEL_FILE",
    "DatasetFormat",
    "FileIndex",
    "FoundFile",
    "Label",
    "LabelWriter",
    "NumbersCopies",
    "PassedOver",
    "Placement",
    "ReadContext",
    "Recognition",
    "Scan",
    "Source",
    "SourceProblem",
    "format_named",
    "recognise",
    "scan_folder",
    "selector",
    "summarise",
]
