"""An archive that was uploaded, unpacked file by file: bounded, checked, and all or nothing."""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from nfold.errors import DiskError, InputError
from nfold.formats.base import SPLIT_SPELLINGS
from nfold_service.work.bench import Say
from nfold_service.work.catalogue import Catalogue
from nfold_service.work.members import ArchiveLimits, Member, refuse, too_big
from nfold_service.work.names import NameLimits, checked_name, ending_of, kind_of, shown
from nfold_service.work.signatures import archive_kind
from nfold_service.work.tars import Compression, tar_members
from nfold_service.work.zips import zip_members

_TELL_S = 0.5
_MOST_ENDINGS = 50
_BATCH = 500

_TELLING = frozenset(SPLIT_SPELLINGS) | {"images", "labels", "annotations"}
"""Top folders that say something about what is in them."""

_COMPRESSION: dict[str, Compression] = {"tar": "", "gzip": "gz", "bzip2": "bz2", "xz": "xz"}


def unpack(*, archive: str, staging: str, limits: dict[str, Any], say: Say) -> dict[str, Any]:
    """Unpack into `staging/files`, with the list of the files in `staging/catalogue.db`; links to nothing, runs nothing.

    Images and label files are kept, others are counted. Nested archives are not opened. A top folder that holds
    everything, folders among it, is taken off: it is the name of the folder that was packed, and no class.

    Args:
        archive: The zip or tar.
        staging: A folder that does not exist; it is gone again when this fails.
        limits: Fields of `ArchiveLimits`, with those of `NameLimits` under "names".
        say: Is told `files` and `bytes` as they grow.

    Raises:
        InputError: Something in the archive is refused, with a code `archive.*`.
        DiskError: The disk is full.
    """
    bounds = ArchiveLimits(**{**limits, "names": NameLimits(**limits["names"])})
    home = Path(staging)
    shutil.rmtree(home, ignore_errors=True)
    (home / "files").mkdir(parents=True, mode=0o755)
    catalogue = Catalogue(home / "catalogue.db")
    try:
        with Path(archive).open("rb") as file:
            result = _Unpacking(home / "files", catalogue, bounds, say).run(file)
    except BaseException as error:
        catalogue.close()
        shutil.rmtree(home, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, InputError | DiskError):
            raise DiskError(
                f"The archive could not be unpacked: {error.strerror}.",
                hint="Make room on the disk of the service, and upload it again.",
                code="disk.full",
            ) from error
        raise
    catalogue.close()
    _sync(home)
    return result


def _sync(folder: Path) -> None:
    """Everything written so far is on the disk, before the archive may go: one call instead of one for each file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        ctypes.CDLL(None).syncfs(descriptor)
    finally:
        os.close(descriptor)


class _Unpacking:
    def __init__(self, target: Path, catalogue: Catalogue, limits: ArchiveLimits, say: Say) -> None:
        self._target, self._catalogue, self._limits, self._say = target, catalogue, limits, say
        self._files = self._bytes = self._read = 0
        self._passed_over: Counter[str] = Counter()
        self._told = time.monotonic()

    def run(self, file: BinaryIO) -> dict[str, Any]:
        packed = os.fstat(file.fileno()).st_size
        self._most = self._limits.most_bytes(packed)
        members = _members(file, packed, self._limits)
        more = True
        while more:
            with self._catalogue.change():
                more = self._take_batch(members, packed)
        if not self._files:
            raise refuse("empty", "There is no image and no label file in the archive.", "See docs/formats.md.")
        with self._catalogue.change():
            for ending, count in self._passed_over.items():
                self._catalogue.pass_over(ending, count)
        return {
            "files": self._files,
            "bytes": self._bytes,
            "passed_over": dict(self._passed_over.most_common(20)),
            "top_folder": self._strip(),
        }

    def _strip(self) -> str | None:
        with os.scandir(self._target) as scan:
            entries = list(itertools.islice(scan, 2))
        if len(entries) != 1 or not entries[0].is_dir() or entries[0].name.lower() in _TELLING:
            return None
        top = entries[0].name
        with os.scandir(self._target / top) as scan:
            if not any(entry.is_dir() for entry in scan):
                return None  # images in one folder: it may be their class
        inner = self._target.with_name("stripped")
        (self._target / top).rename(inner)
        self._target.rmdir()
        inner.rename(self._target)
        with self._catalogue.change():
            self._catalogue.strip(top)
        return top

    def _take_batch(self, members: Iterator[Member], packed: int) -> bool:
        for _ in range(_BATCH):
            member = next(members, None)
            if member is None:
                return False
            self._take(member, packed)
        return True

    def _take(self, member: Member, packed: int) -> None:
        name = checked_name(member.name, self._limits.names)
        kind = kind_of(name)
        if kind is None:
            ending = ending_of(name)
            is_known = ending in self._passed_over or len(self._passed_over) < _MOST_ENDINGS
            self._passed_over[ending if is_known else "others"] += 1
            return
        most = self._limits.image_bytes if kind == "image" else self._limits.label_bytes
        if member.size > most:
            raise _large_file(name, most)
        self._catalogue.add(name, member.size)
        path = self._target / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        size = 0
        with path.open("xb") as written:
            for chunk in member.chunks:
                size += len(chunk)
                self._read += len(chunk)
                if size > most:
                    raise _large_file(name, most)
                if self._read > self._most:
                    raise too_big(self._limits, packed)
                written.write(chunk)
        self._files += 1
        self._bytes += size
        if time.monotonic() - self._told > _TELL_S:
            self._told = time.monotonic()
            self._say({"files": self._files, "bytes": self._bytes})


def _members(file: BinaryIO, packed: int, limits: ArchiveLimits) -> Iterator[Member]:
    kind = archive_kind(file.read(512))
    file.seek(0)
    if kind is None:
        raise refuse(
            "unknown", "This is no zip and no tar archive.", "Upload .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz."
        )
    return zip_members(file, packed, limits) if kind == "zip" else tar_members(file, packed, _COMPRESSION[kind], limits)


def _large_file(name: str, most: int) -> InputError:
    return refuse(
        "file_too_large", f"'{shown(name)}' has more than {most:,} bytes, which is the most.", "See /v1/limits."
    )
