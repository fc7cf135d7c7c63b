"""Data set formats: how a folder on disk becomes sources, one module each.

A format is one entry in FORMATS, in the order in which they are tried. It says whether a folder is of
its kind and why, and reads its files as sources. Formats do not know each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nfold.errors import UnknownNameError
from nfold.formats.base import DatasetFormat, FoundFile, Label, Recognition, Scan, Source
from nfold.formats.class_folders import ClassFolders
from nfold.formats.folder import PlainFolder
from nfold.formats.scan import PassedOver, scan_folder, summarise

FORMATS: Mapping[str, DatasetFormat] = {"class-folders": ClassFolders(), "folder": PlainFolder()}


def format_named(name: str) -> DatasetFormat:
    """The format of that name."""
    if name not in FORMATS:
        raise UnknownNameError.among("data set format", name, FORMATS)
    return FORMATS[name]


def recognise(root: Path, scan: Scan, *, forced: str | None = None) -> Recognition:
    """Which format a scanned folder is of, and the reason in words."""
    if forced is not None:
        return Recognition(format=format_named(forced).name, reason="asked for by --format", has_splits=scan.has_splits)
    for dataset_format in FORMATS.values():
        reason = dataset_format.recognise(root, scan)
        if reason is not None:
            return Recognition(format=dataset_format.name, reason=reason, has_splits=scan.has_splits)
    raise AssertionError("the plain folder takes every folder")


__all__ = [
    "FORMATS",
    "DatasetFormat",
    "FoundFile",
    "Label",
    "PassedOver",
    "Recognition",
    "Scan",
    "Source",
    "format_named",
    "recognise",
    "scan_folder",
    "summarise",
]
