"""A source folder as a tar whose length is known before a byte of it is made, and which can be read from any place.

The same files give the same bytes: names in order, no times, no owners.
"""

from __future__ import annotations

import hashlib
import tarfile
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Self

from nfold.errors import InputError
from nfold.formats.scan import LABEL_FILE, PassedOver, scan_folder
from nfold_service.work.names import NameLimits, checked_name

_BLOCK = 512
_END = bytes(2 * _BLOCK)
WRAPPER = "nfold-upload"
"""The service takes a lone top folder off; where the source has one, this goes in its place."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the source: path relative to it, bytes, time of its last change."""

    path: str
    size: int
    mtime_ns: int


class SourceTar:
    """The tar of a folder's images and label files. The list of files is held in memory; the service bounds it."""

    def __init__(self, root: Path, files: Iterable[SourceFile]) -> None:
        self._root = root
        self._files = sorted(files, key=lambda file: file.path)
        self._prefix = f"{WRAPPER}/" if _has_lone_folder(self._files) else ""
        lengths = (len(self._header(file)) + _padded(file.size) for file in self._files)
        self._starts = [0, *accumulate(lengths)]
        self.length = self._starts[-1] + len(_END)

    @classmethod
    def of_folder(
        cls, root: Path, *, include: Iterable[str], exclude: Iterable[str], names: NameLimits, most_files: int
    ) -> Self:
        """Images that are not left out, and every label file.

        Raises:
            InputError: The folder cannot be read, is empty, has more files than the service takes, or a name that it refuses.
        """
        files: list[SourceFile] = []
        for entry in scan_folder(root, include=include, exclude=exclude):
            if isinstance(entry, PassedOver):
                if entry.reason != LABEL_FILE or not (root / entry.path).is_file():
                    continue
                facts = (root / entry.path).stat()
                file = SourceFile(entry.path, facts.st_size, facts.st_mtime_ns)
            else:
                file = SourceFile(entry.path, entry.size, entry.mtime_ns)
            checked_name(file.path, names)
            files.append(file)
            if len(files) > most_files:
                raise InputError(
                    f"{root} has more than {most_files:,} images and label files, which is the most that the service takes.",
                    hint="Raise NFOLD_MAX_ARCHIVE_FILES there, or expand in parts.",
                    code="archive.too_many_files",
                )
        if not files:
            raise InputError(
                f"There is no image in {root}.", hint="Give the folder that holds the images.", code="input.no_images"
            )
        return cls(root, files)

    @property
    def fingerprint(self) -> str:
        """Changes when a file comes, goes, or is changed."""
        digest = hashlib.sha256()
        for file in self._files:
            digest.update(f"{file.path}\0{file.size}\0{file.mtime_ns}\n".encode())
        return digest.hexdigest()

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the tar from `offset` on, fewer only at its end.

        Raises:
            InputError: A file was changed or removed since it was listed.
        """
        found, missing = bytearray(), min(size, self.length - offset)
        while len(found) < missing:
            piece = self._piece(offset + len(found), missing - len(found))
            found += piece
        return bytes(found)

    def _piece(self, offset: int, most: int) -> bytes:
        index = bisect_right(self._starts, offset) - 1
        within = offset - self._starts[index]
        if index == len(self._files):
            return _END[within : within + most]
        file = self._files[index]
        header = self._header(file)
        if within < len(header):
            return header[within : within + most]
        within -= len(header)
        if within >= file.size:
            return bytes(min(most, _padded(file.size) - within))
        return self._content(file, within, min(most, file.size - within))

    def _content(self, file: SourceFile, at: int, size: int) -> bytes:
        try:
            with (self._root / file.path).open("rb") as source:
                source.seek(at)
                found = source.read(size)
            is_same = (self._root / file.path).stat().st_mtime_ns == file.mtime_ns
        except OSError as error:
            raise InputError(f"{file.path} cannot be read: {error.strerror}.", hint="Run the command again.") from error
        if len(found) != size or not is_same:
            raise InputError(
                f"{file.path} was changed while it was uploaded.",
                hint="Run the command again when nobody writes to this folder: it begins anew.",
                code="input.changed",
            )
        return found

    def _header(self, file: SourceFile) -> bytes:
        info = tarfile.TarInfo(self._prefix + file.path)
        info.size, info.mode = file.size, 0o644
        return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _has_lone_folder(files: Iterable[SourceFile]) -> bool:
    """Whether one top folder holds everything, with folders in it."""
    tops = {file.path.partition("/")[0] for file in files}
    return len(tops) == 1 and any(file.path.count("/") > 1 for file in files)
