from __future__ import annotations

import os
from pathlib import Path

import pytest

from nfold.errors import InputError
from nfold.formats.text_lines import read_lines


def lines(root: Path, data: bytes, **options: int) -> list[tuple[int, str]]:
    (root / "a.csv").write_bytes(data)
    return list(read_lines(root, "a.csv", **options))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"a\nb\n", [(1, "a"), (2, "b")]),
        (b"a\r\nb", [(1, "a"), (2, "b")]),
        (b"\xef\xbb\xbfa\n\nb", [(1, "a"), (2, ""), (3, "b")]),
        ("ä\n\ufeffb\n".encode(), [(1, "ä"), (2, "\ufeffb")]),
    ],
)
def test_lines_come_with_their_numbers_and_without_their_ends(
    tmp_path: Path, data: bytes, expected: list[tuple[int, str]]
) -> None:
    assert lines(tmp_path, data) == expected


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"a\nb\xe4\n", "labels.encoding", "line 2: byte 2"),
        ("a\n".encode("utf-16"), "labels.encoding", "line 1: there is a zero byte"),
        (b"a\rb\n", "labels.unreadable", "line 1: there is a carriage return"),
        (b"a\n" + b"b" * 30 + b"\n", "labels.too_large", "line 2: the line is longer than 20 bytes"),
    ],
)
def test_what_is_no_text_is_refused_with_file_and_line(tmp_path: Path, data: bytes, code: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        lines(tmp_path, data, longest=20)
    assert caught.value.stable_code == code
    assert f"a.csv, {words}" in caught.value.message


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(InputError, match="is not a plain file"):
        list(read_lines(tmp_path, "a.csv"))


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.csv cannot be read: No such file"):
        list(read_lines(tmp_path, "a.csv"))
