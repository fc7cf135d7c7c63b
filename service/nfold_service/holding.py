"""One service at a time in one data folder: an OS lock that dies with its holder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

from nfold.disk import disk_errors, make_folder
from nfold.errors import OutputBusyError


@contextlib.contextmanager
def hold_folder(data: Path) -> Iterator[None]:
    """Hold a data folder for the life of a service; it is made where there is none.

    Raises:
        OutputBusyError: Another service holds it; the message names host and process.
        OutputError: It cannot be made, or may not be written to.
        DiskError: The disk refuses.
    """
    make_folder(data)
    with disk_errors(f"make {data}"):
        path = data / "lock"
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputBusyError(
                f"{data} is being used by another service ({_holder(path)}).",
                hint="End that one first, or give this one a folder of its own with --data.",
                code="service.busy",
            ) from error
        # Who holds it is for people; when the disk is full, it is held all the same.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def folder_id(data: Path) -> str:
    """What tells this data folder from any other, made when it is first asked for.

    Raises:
        DiskError: It cannot be written.
    """
    path = data / "id"
    with contextlib.suppress(FileNotFoundError):
        return path.read_text().strip()
    identity = secrets.token_hex(16)
    partial = path.with_name(".id.partial")
    with disk_errors(f"write {path}"):
        partial.write_text(identity + "\n")
        partial.replace(path)
    return identity


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        return f"process {holder['pid']} on {holder['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it has just begun"
