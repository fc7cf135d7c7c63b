"""One run at a time in one output: an OS lock that dies with its holder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from nfold.disk import disk_errors, make_folder
from nfold.errors import OutputBusyError
from nfold.storage import PRIVATE


@contextlib.contextmanager
def lock_output(root: Path) -> Iterator[None]:
    """Hold an output for the length of a run; folders made for it are removed again if nothing came of it.

    Raises:
        OutputBusyError: Another run holds it; the message names host and process.
    """
    made = [folder for folder in (root, *root.parents) if not folder.exists()]
    make_folder(root / PRIVATE)
    with disk_errors(f"make {root}"):
        path = root / PRIVATE / "lock"
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputBusyError(
                f"{root} is being written by another run ({_holder(path)}).",
                hint="Wait for it to end, or choose another folder.",
            ) from error
        with disk_errors(f"write {path}"):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode(), 0)
        try:
            yield
        finally:
            if not (root / "nfold.json").exists():
                _remove_traces(root, made)
    finally:
        os.close(descriptor)


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        return f"process {holder['pid']} on {holder['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it has just begun"


def _remove_traces(root: Path, made: list[Path]) -> None:
    with contextlib.suppress(OSError):
        for entry in (root / PRIVATE / "tmp").glob("*"):
            entry.unlink()
        (root / PRIVATE / "split.jsonl").unlink(missing_ok=True)
        (root / PRIVATE / "lock").unlink()
        for folder in (*(root / PRIVATE / name for name in ("tmp", "parts", "intents", "surplus")), root / PRIVATE):
            if folder.exists():
                folder.rmdir()
        for folder in made:
            folder.rmdir()
