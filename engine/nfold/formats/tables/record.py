"""Records of a CSV file, kept as they stand: what is not changed on purpose comes out as it came in.

Python's csv module gives values; a table whose rows go on untouched needs the text between the
delimiters, with the quotes and spaces that its author put there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nfold.errors import InputError

LONGEST_RECORD = 1 << 16
_SPACE = " \t"


class OpenQuoteError(ValueError):
    """A quoted field does not end in this text."""


class StrayTextError(ValueError):
    """Something other than a delimiter follows the quote that ends a field."""


def split_record(text: str, delimiter: str) -> list[str]:
    """The fields of a record, each as it stands there, with quotes and spaces.

    Raises:
        OpenQuoteError: The record goes on in the next line.
        StrayTextError: It is no CSV.
    """
    if '"' not in text:
        return text.split(delimiter)
    fields, start = [], 0
    while True:
        end = _end_of_field(text, start, delimiter)
        fields.append(text[start:end])
        if end == len(text):
            return fields
        start = end + 1


def value_of(field: str) -> str:
    """What a field says, without quotes and without spaces around it."""
    bare = field.strip(_SPACE)
    if len(bare) >= 2 and bare[0] == '"' == bare[-1]:
        return bare[1:-1].replace('""', '"').strip(_SPACE)
    return bare


def with_value(field: str, value: str, delimiter: str) -> str:
    """The field with another value, quoted where it was quoted or has to be now."""
    bare = field.lstrip(_SPACE)
    space = field[: len(field) - len(bare)] if bare else ""
    has_to_be = any(mark in value for mark in (delimiter, '"', "\n", "\r")) or value != value.strip(_SPACE)
    return space + (quoted(value) if has_to_be or bare.startswith('"') else value)


def quoted(value: str) -> str:
    """The value in quotes."""
    return '"' + value.replace('"', '""') + '"'


def read_records(lines: Iterable[tuple[int, str]], delimiter: str, path: str) -> Iterator[tuple[int, str, list[str]]]:
    """The records of a file that are not blank: number of the first line, text, fields.

    Args:
        lines: As `text_lines.read_lines` gives them.
        delimiter: Between fields.
        path: Of the file, for messages.

    Raises:
        InputError: A record is no CSV, or longer than LONGEST_RECORD.
    """
    first, begun = 0, ""
    for number, line in lines:
        is_continued = bool(first)
        text = f"{begun}\n{line}" if is_continued else line
        first = first or number
        if len(text) > LONGEST_RECORD:
            raise _no_table(path, first, "the row is longer than 65,536 characters", is_quote=is_continued)
        if is_continued and '"' not in line:
            begun = text
            continue
        try:
            fields = split_record(text, delimiter)
        except OpenQuoteError:
            begun = text
            continue
        except StrayTextError as error:
            raise _no_table(path, first, "there is text between a closing quote and the next field") from error
        if text.strip(_SPACE):
            yield first, text, fields
        first, begun = 0, ""
    if first:
        raise _no_table(path, first, "a quoted field does not end", is_quote=True)


def _end_of_field(text: str, start: int, delimiter: str) -> int:
    place = start
    while place < len(text) and text[place] in _SPACE and text[place] != delimiter:
        place += 1
    if place == len(text) or text[place] != '"':
        end = text.find(delimiter, start)
        return len(text) if end < 0 else end
    place += 1
    while True:
        place = text.find('"', place)
        if place < 0:
            raise OpenQuoteError
        if text[place : place + 2] != '""':
            break
        place += 2
    place += 1
    while place < len(text) and text[place] in _SPACE and text[place] != delimiter:
        place += 1
    if place < len(text) and text[place] != delimiter:
        raise StrayTextError
    return place


def _no_table(path: str, line: int, what: str, *, is_quote: bool = False) -> InputError:
    hint = (
        "Close the quotes that begin there." if is_quote else "Write the table as CSV, with quotes doubled in quotes."
    )
    return InputError(f"{path}, line {line}: {what}.", hint=hint, code="labels.unreadable")
