from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from nfold.plain_files import open_plain, read_plain

pytestmark = pytest.mark.timeout(10)


def test_a_plain_file_is_read_also_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "b").symlink_to("a")
    for name in ("a", "b"):
        data, facts = read_plain(tmp_path / name, 5)
        assert (data, facts.st_size) == (b"12345", 5)


@pytest.mark.parametrize("name", ["pipe", "link to a pipe", "device", "folder"])
def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link to a pipe").symlink_to("pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="it is not a plain file") as caught:
        open_plain(tmp_path / name)
    assert caught.value.errno == errno.EINVAL
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_beyond_the_limit_is_refused_without_reading_it(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="more than 1,000 bytes") as caught:
        read_plain(tmp_path / "large", 1000)
    assert caught.value.errno == errno.EFBIG


def test_a_file_whose_size_is_not_told_is_read_up_to_the_limit() -> None:
    with pytest.raises(OSError, match="more than 10 bytes"):
        read_plain(Path("/proc/self/maps"), 10)


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_plain(tmp_path / "a", 10)
