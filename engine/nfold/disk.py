"""What a disk may refuse, as errors with a hint, and what its system offers to make files durable."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from nfold.errors import DiskError, OutputError

_DISK_ERRNOS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EIO: "the disk reports an input/output error",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open on this machine",
}


@contextlib.contextmanager
def disk_errors(action: str) -> Iterator[None]:
    """Turn the OSErrors of a failing disk, and of missing rights, into errors with a hint."""
    try:
        yield
    except OSError as error:
        if isinstance(error, (DiskError, OutputError)):
            raise
        reason = _DISK_ERRNOS.get(error.errno or 0)
        if reason is not None:
            message = f"Cannot {action}: {reason}."
            hint = "Make room (or mount it writable), then run the same command: it goes on where it stopped."
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskError(message, hint=hint, code="disk.full") from error
            raise DiskError(message, hint=hint) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise OutputError(
                f"Cannot {action}: permission denied.",
                hint="Choose a folder that you may write to.",
                code="output.permission",
            ) from error
        if error.errno == errno.ENAMETOOLONG:
            raise OutputError(
                f"Cannot {action}: the name is too long.", hint="Give a shorter --name.", code="output.name_too_long"
            ) from error
        raise


def make_folder(path: Path) -> None:
    """Have a folder there, and those above it.

    Raises:
        OutputError: A file stands in its place or above it, it may not be made, or nothing can be made there at all.
        DiskError: The disk refuses.
    """
    refuse_file_in_the_way(path)
    with disk_errors(f"make {path}"):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except (FileNotFoundError, FileExistsError, NotADirectoryError) as error:
            # In /proc, behind a broken link, or where somebody was quicker.
            raise OutputError(
                f"The folder {path} cannot be made.", hint="Choose another folder.", code="output.not_a_folder"
            ) from error


def refuse_file_in_the_way(path: Path) -> None:
    """Refuse a path for a folder that leads to a file, or through one.

    Raises:
        OutputError: It does, and the message names the file; or it may not be looked at.
    """
    with disk_errors(f"look into {path}"):
        nearest = next((place for place in (path, *path.parents) if place.exists()), None)
    if nearest is not None and not nearest.is_dir():
        raise OutputError(f"{nearest} is a file.", hint="Choose a folder to write to.", code="output.not_a_folder")


def find_syncfs() -> Callable[[int], int] | None:
    """The system's syncfs, where it reports errors: Linux 5.8 and newer."""
    if sys.platform != "linux" or tuple(int(part) for part in os.uname().release.split(".")[:2]) < (5, 8):
        return None
    function: Callable[[int], int] | None = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    return function
