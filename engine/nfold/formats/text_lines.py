"""Label files that are read line by line: UTF-8, with or without a byte order mark, in memory that stays flat."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nfold.errors import InputError
from nfold.plain_files import open_plain

MOST_BYTES = 1 << 30
LONGEST_LINE = 1 << 20


def open_label_file(root: Path, path: str) -> BinaryIO:
    """A label file, opened for reading.

    Args:
        root: The source folder.
        path: Of the file, below it.

    Raises:
        InputError: It is not a plain file, cannot be read, or is larger than MOST_BYTES.
    """
    try:
        file = open_plain(root / path)
        facts = os.fstat(file.fileno())
        if facts.st_size > MOST_BYTES:
            file.close()
            raise InputError(
                f"{path} is {facts.st_size:,} bytes large, more than the {MOST_BYTES:,} that are read.",
                hint="Divide it into several files.",
                code="labels.too_large",
            )
        return file
    except OSError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path} cannot be read: {error.strerror}.",
            hint="Give yourself the right to read it, or move it out of the folder.",
            code="labels.unreadable",
        ) from error


def read_lines(root: Path, path: str, *, longest: int = LONGEST_LINE) -> Iterator[tuple[int, str]]:
    """The lines of a file, each with its number, counted from 1, and without its end.

    Raises:
        InputError: As `open_label_file`; or a line is longer than `longest` bytes, or no UTF-8 text.
    """
    with open_label_file(root, path) as file:
        number = 0
        while data := file.readline(longest + 1):
            number += 1
            if len(data) > longest:
                raise InputError(
                    f"{path}, line {number}: the line is longer than {longest:,} bytes.",
                    hint="Check that the file is whole, and that its lines end with a line feed.",
                    code="labels.too_large",
                )
            if number == 1:
                data = data.removeprefix(codecs.BOM_UTF8)
            yield number, _text_of(data, path, number)


def _text_of(data: bytes, path: str, number: int) -> str:
    if b"\0" in data:
        raise InputError(
            f"{path}, line {number}: there is a zero byte in it, so it is no UTF-8 text.",
            hint="Save the file as UTF-8; UTF-16 is not read.",
            code="labels.encoding",
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}, line {number}: byte {error.start + 1} of the line is no UTF-8 text.",
            hint="Save the file as UTF-8.",
            code="labels.encoding",
        ) from error
    text = text.removesuffix("\n").removesuffix("\r")
    if "\r" in text:
        raise InputError(
            f"{path}, line {number}: there is a carriage return in the middle of the line.",
            hint="Save the file with line feeds at the ends of its lines.",
            code="labels.unreadable",
        )
    return text
