from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from nfold.disk import disk_errors, make_folder
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


class TestFolders:
    def test_it_is_made_with_those_above_it_and_may_be_there(self, tmp_path: Path) -> None:
        for _ in range(2):
            make_folder(tmp_path / "a/b/c")
            assert (tmp_path / "a/b/c").is_dir()

    @pytest.mark.parametrize("below", ["", "a", "a/b"])
    def test_a_file_in_its_way_is_named(self, tmp_path: Path, below: str) -> None:
        file = tmp_path / "thesis.tex"
        file.write_text("precious")
        with pytest.raises(OutputError) as caught:
            make_folder(file / below)
        assert caught.value.stable_code == "output.not_a_folder"
        assert caught.value.message == f"{file} is a file."
        assert file.read_text() == "precious"

    def test_where_nothing_can_be_made_it_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "nowhere")
        with pytest.raises(OutputError, match="cannot be made") as caught:
            make_folder(tmp_path / "link")
        assert caught.value.stable_code == "output.not_a_folder"
        assert caught.value.hint
