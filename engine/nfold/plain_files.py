"""Files of the user, read whole: only plain ones and within a limit, whatever has taken their place since they were found."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_plain(path: Path) -> BinaryIO:
    """A file, opened for reading.

    Raises:
        OSError: There is none, it may not be read, or it is a folder, a pipe or a device (EINVAL), itself or where a
            link leads to. `strerror` says so in words.
    """
    # Without O_NONBLOCK opening a pipe waits until somebody writes into it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is not a plain file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_plain(path: Path, most_bytes: int) -> tuple[bytes, os.stat_result]:
    """The bytes of a file, and what was known of it before they were read.

    Args:
        path: Where it lies.
        most_bytes: How large it may be; no more than that is ever in memory.

    Raises:
        OSError: As `open_plain`; or it is larger (EFBIG).
    """
    with open_plain(path) as file:
        facts = os.fstat(file.fileno())
        # What grows while it is read is not trusted to be as large as it was.
        data = file.read(most_bytes + 1) if facts.st_size <= most_bytes else b""
        size = max(facts.st_size, len(data))
        if size > most_bytes:
            raise OSError(errno.EFBIG, f"it has more than {most_bytes:,} bytes", str(path))
        return data, facts
