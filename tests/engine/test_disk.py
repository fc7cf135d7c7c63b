from __future__ import annotations

import errno
import os

import pytest

from nfold.disk import disk_errors
from nfold.errors import DiskError, OutputError


class TestErrors:
    @pytest.mark.parametrize(
        ("number", "kind", "words"),
        [
            (errno.ENOSPC, DiskError, "the disk is full"),
            (errno.EDQUOT, DiskError, "quota"),
            (errno.EROFS, DiskError, "read-only"),
            (errno.EIO, DiskError, "input/output"),
            (errno.EACCES, OutputError, "permission denied"),
            (errno.EPERM, OutputError, "permission denied"),
            (errno.ENAMETOOLONG, OutputError, "the name is too long"),
        ],
    )
    def test_what_a_disk_refuses_is_said_with_a_hint(self, number: int, kind: type[Exception], words: str) -> None:
        with pytest.raises(kind, match=words) as caught, disk_errors("write x"):
            raise OSError(number, os.strerror(number))
        assert caught.value.message.startswith("Cannot write x: ")  # type: ignore[attr-defined]
        assert caught.value.hint  # type: ignore[attr-defined]

    def test_other_errors_pass_and_ours_are_not_wrapped_twice(self) -> None:
        with pytest.raises(IsADirectoryError), disk_errors("write x"):
            raise IsADirectoryError(errno.EISDIR, "x")
        with pytest.raises(DiskError, match=r"^inner$"), disk_errors("outer"), disk_errors("inner"):
            raise DiskError("inner")
