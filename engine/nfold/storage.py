"""Every access to files of the output goes through here: atomic writes, syncing, typed disk errors.

A local folder is the only storage so far. What the rest of the engine asks of it is small enough for an
object store: put a file, read it, look at its size, remove it, and commit a marker when all is durable.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import itertools
import os
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from nfold import faults
from nfold.disk import disk_errors, find_syncfs
from nfold.errors import OutputError

PRIVATE = ".nfold"
_TEMPORARY = f"{PRIVATE}/tmp"  # noqa: S108 - a folder of our own, below the output

_COUNTER = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What tells whether a file was touched, without reading it."""

    size: int
    mtime_ns: int


@dataclass(slots=True)
class WrittenText:
    """A file in the making: called with text as it comes; digest and facts are there when it is whole."""

    _write: Callable[[bytes], int]
    facts: FileFacts = FileFacts(size=0, mtime_ns=0)
    set_aside: str | None = None
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def __call__(self, text: str) -> None:
        """Write on."""
        self.add(text.encode("utf-8", "surrogateescape"))

    def add(self, data: bytes) -> None:
        """Write on what is encoded already."""
        self._digest.update(data)
        self._write(data)

    @property
    def sha256(self) -> str:
        """Of all that was written, hexadecimal."""
        return self._digest.hexdigest()


@dataclass(slots=True)
class LocalStorage:
    """A folder of files, named by `/`-separated paths relative to `root`."""

    root: Path
    _made: set[str] = field(default_factory=set)

    def path(self, name: str) -> str:
        """The path of a file on this machine."""
        return f"{self.root}/{name}"

    def facts(self, name: str) -> FileFacts | None:
        """Size and time of a regular file, None when there is none."""
        try:
            found = os.lstat(self.path(name))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return FileFacts(size=found.st_size, mtime_ns=found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None

    def exists(self, name: str) -> bool:
        """Whether anything at all stands there, be it a folder or a broken link."""
        return os.path.lexists(self.path(name))

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        with disk_errors(f"read {name}"):
            return Path(self.path(name)).read_bytes()

    def sha256(self, name: str) -> str:
        """Digest of a file, hexadecimal, in memory that does not grow with it."""
        with disk_errors(f"read {name}"), Path(self.path(name)).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def put(self, name: str, data: bytes) -> FileFacts:
        """Write a file whole, or not at all; it is durable only after `sync`.

        The temporary file stands in the private folder, on the same file system: a trainer that lists
        the class folders meanwhile never meets a partial picture, and what a kill leaves behind is
        swept without listing a million files.
        """
        with disk_errors(f"write {name}"):
            temporary = self._temporary()
            facts = self._write(temporary, data)
            self._name(temporary, name)
        return facts

    def put_durably(self, name: str, data: bytes) -> FileFacts:
        """Write a file so that it is either the old or the new one after a power cut, too."""
        with disk_errors(f"write {name}"):
            temporary = self._temporary()
            facts = self._write(temporary, data, durable=True)
            self._name(temporary, name)
            self._sync_folder(os.path.dirname(self.path(name)))
        return facts

    @contextlib.contextmanager
    def lines(self, name: str) -> Iterator[Callable[[str], None]]:
        """A function that takes lines (ASCII, without their ends).

        The file takes its name, durably, when all lines are written; if that fails, there is no file.
        """
        with disk_errors(f"write {name}"):
            temporary = self._temporary()
            with contextlib.ExitStack() as undo:
                undo.callback(Path(temporary).unlink, missing_ok=True)
                with Path(temporary).open("w", encoding="ascii") as file:
                    yield lambda line: _write_line(file, line)
                    file.flush()
                    os.fsync(file.fileno())
                self._name(temporary, name)
            self._sync_folder(os.path.dirname(self.path(name)))

    @contextlib.contextmanager
    def text(self, name: str, *, former: str | None = None) -> Iterator[WrittenText]:
        """A file of text (UTF-8) that is written as it comes, and takes its name, durably, when it is whole.

        Args:
            name: Of the file.
            former: Digest of the file that we wrote there before. One that has been changed since is set aside; one
                that has these very bytes stays as it is.
        """
        with disk_errors(f"write {name}"):
            temporary = self._temporary()
            with contextlib.ExitStack() as undo:
                undo.callback(Path(temporary).unlink, missing_ok=True)
                with Path(temporary).open("wb") as file:
                    written = WrittenText(_write=file.write)
                    yield written
                    file.flush()
                    os.fsync(file.fileno())
                    found = os.fstat(file.fileno())
                written.facts = FileFacts(size=found.st_size, mtime_ns=found.st_mtime_ns)
                if self._is_there(name, written, former):
                    return
                self._name(temporary, name)
            self._sync_folder(os.path.dirname(self.path(name)))

    def _is_there(self, name: str, written: WrittenText, former: str | None) -> bool:
        facts = self.facts(name)
        if facts is None:
            return False
        sha256 = self.sha256(name)
        if sha256 == written.sha256:
            written.facts = facts
            return True
        if former is not None and sha256 != former:
            written.set_aside = self.set_aside(name)
        return False

    def link(self, name: str, original: str) -> FileFacts:
        """Hard-link a file that stands elsewhere on this machine.

        Raises:
            OutputError: The file system, or another one, does not allow the link.
        """
        self._make_folder(name)
        try:
            os.link(original, self.path(name))
        except FileExistsError:
            self.remove(name)
            os.link(original, self.path(name))
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
                raise
            raise OutputError(
                f"Cannot link {original} into the output: {os.strerror(error.errno or 0)}.",
                hint="Source and target have to be on one file system; otherwise use --originals copy.",
                code="originals.cannot_link",
            ) from error
        facts = self.facts(name)
        if facts is None:
            raise OutputError(
                f"{name} is not a regular file once linked.", hint="Use --originals copy.", code="originals.cannot_link"
            )
        return facts

    def sync(self, names: Iterable[str]) -> None:
        """Make files, and the folders that name them, durable; one call where the system has it.

        Linux's syncfs waits for all that this file system holds back, and since 5.8 tells of errors. It
        takes a fifth of the time of a sync of each file.
        """
        with disk_errors("sync the files of a shard"):
            faults.hit("storage.sync")
            if _syncfs is not None:
                self._sync_file_system()
                return
            folders: set[str] = set()
            for name in names:
                self._sync_entry(self.path(name), os.O_RDONLY)
                folder = os.path.dirname(name)
                while folder:
                    folders.add(folder)
                    folder = os.path.dirname(folder)
            for folder in folders:
                self._sync_folder(self.path(folder))
            self._sync_folder(str(self.root))

    def remove(self, name: str) -> None:
        """Remove a file; it is no error when it is gone already."""
        with disk_errors(f"remove {name}"):
            Path(self.path(name)).unlink(missing_ok=True)

    def remove_empty_folders_above(self, name: str) -> None:
        """Remove the folders of a removed file as far up as they are empty."""
        folder = os.path.dirname(name)
        while folder:
            try:
                Path(self.path(folder)).rmdir()
            except OSError:
                return
            self._made.discard(folder)
            folder = os.path.dirname(folder)

    def set_aside(self, name: str) -> str:
        """Move a file that is in the way, and may be somebody's work, into the private folder."""
        for count in range(1_000_000):
            kept = f"{PRIVATE}/replaced/{name}" + (f".{count}" if count else "")
            if not self.exists(kept):
                break
        with disk_errors(f"move {name} aside"):
            self._make_folder(kept)
            Path(self.path(name)).rename(self.path(kept))
        return kept

    def sweep_temporaries(self) -> int:
        """Remove what a killed run left half-written; call with the lock held."""
        return sum(1 for entry in self._scan(_TEMPORARY) if self._unlink(entry.path))

    def names_in(self, folder: str) -> list[str]:
        """The file names in a folder, sorted; empty when it does not exist."""
        return sorted(entry.name for entry in self._scan(folder))

    def ignores_case(self) -> bool:
        """Whether `a.jpg` and `A.jpg` are one file here, as on most Macs."""
        probe = f"{PRIVATE}/case-Probe"
        self.put(probe, b"")
        try:
            return self.exists(probe.swapcase().replace(PRIVATE.swapcase(), PRIVATE))
        finally:
            self.remove(probe)

    def _scan(self, folder: str) -> Iterator[os.DirEntry[str]]:
        with contextlib.suppress(FileNotFoundError), os.scandir(self.path(folder)) as entries:
            yield from entries

    @staticmethod
    def _unlink(path: str) -> bool:
        Path(path).unlink(missing_ok=True)
        return True

    def _temporary(self) -> str:
        self._make_folder(f"{_TEMPORARY}/x")
        return self.path(f"{_TEMPORARY}/{os.getpid()}-{next(_COUNTER)}")

    def _name(self, temporary: str, name: str) -> None:
        try:
            self._make_folder(name)
            faults.hit("storage.rename")
            os.rename(temporary, self.path(name))  # noqa: PTH104 - a million times a run
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise

    def _make_folder(self, name: str) -> None:
        folder = os.path.dirname(name)
        if folder not in self._made:
            os.makedirs(self.path(folder), exist_ok=True)  # noqa: PTH103
            self._made.add(folder)

    @staticmethod
    def _write(path: str, data: bytes, *, durable: bool = False) -> FileFacts:
        faults.hit("storage.open")
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        try:
            faults.hit("storage.write")
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            if durable:
                faults.hit("storage.sync")
                os.fsync(descriptor)
            found = os.fstat(descriptor)
        except OSError:
            Path(path).unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)

        return FileFacts(size=found.st_size, mtime_ns=found.st_mtime_ns)

    def _sync_file_system(self) -> None:
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if _syncfs is not None and _syncfs(descriptor):
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
        finally:
            os.close(descriptor)

    def _sync_folder(self, folder: str) -> None:
        faults.hit("storage.sync")
        self._sync_entry(folder, os.O_RDONLY | os.O_DIRECTORY)

    @staticmethod
    def _sync_entry(path: str, flags: int) -> None:
        descriptor = os.open(path, flags)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


_syncfs = find_syncfs()


def _write_line(file: TextIO, line: str) -> None:
    file.write(line + "\n")


def normal_id(path: str) -> str:
    """The source id of a path as found on disk: `/`-separated already, brought to Unicode NFC."""
    return path if path.isascii() else unicodedata.normalize("NFC", path)
