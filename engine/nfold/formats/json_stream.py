"""Read a JSON object piece by piece: the items of its lists one at a time, in memory that does not grow with the file.

The parser is that of the standard library, fed with as much text as one item needs. Unlike an event parser it keeps
numbers of any length and unpaired surrogates as they are, gives the text of each item, and lets NaN through, so that a
reader can say in which item it stands.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from nfold.errors import InputError
from nfold.plain_files import open_plain

MOST_BYTES = 2**30
MOST_ITEM_CHARACTERS = 64 * 2**20

_CHUNK_BYTES = 2**18
_LONGEST_CUT = 16
"""An error this near to the end of what was read may be but a number, a word or an escape that goes on."""
_NUMBER_TAIL = re.compile(r"[0-9.eE+-]*")
_SPACE = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class Piece:
    """An item of a list that is read item by item, or the whole value of another key.

    Attributes:
        key: Of the object.
        index: Place in the list; None for a whole value, and for the list itself, which comes before its items.
        value: As JSON gives it; None for the list itself.
        text: Of the value, as in the file.
    """

    key: str
    index: int | None
    value: Any
    text: str


class JsonStream:
    """One pass over a file that holds a JSON object.

    Args:
        path: Of the file.
        name: What messages call it.
        lists: Keys whose values must be lists, to be read item by item; None for every list, whatever its key.
        most_bytes: How far to read at most; text that goes on after it counts as cut off.
        takes_any_text: Bytes that are no UTF-8 are no error: for a first look, after which the file is read for good.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        lists: Collection[str] | None,
        *,
        most_bytes: int = MOST_BYTES,
        takes_any_text: bool = False,
    ) -> None:
        self._path = path
        self._name = name
        self._lists = lists
        self._left = most_bytes
        self._text = ""
        self._at = 0
        self._lines_before = 0
        self._is_at_end = False
        self._decoder = json.JSONDecoder()
        self._to_text = codecs.getincrementaldecoder("utf-8-sig")("replace" if takes_any_text else "strict")

    def pieces(self) -> Iterator[Piece]:
        """Every piece, in the order of the file.

        Raises:
            InputError: The file cannot be read, is no JSON object in UTF-8, or too large; the message names the line.
        """
        try:
            if self._left >= MOST_BYTES and self._path.stat().st_size > MOST_BYTES:
                raise InputError(
                    f"{self._name} is larger than {MOST_BYTES // 2**20} MiB.",
                    hint="Divide it into several files, by split for example.",
                    code="labels.too_large",
                )
            with open_plain(self._path) as file:
                self._file: BinaryIO = file
                yield from self._object()
        except InputError:
            raise  # it is an OSError too
        except OSError as error:
            raise InputError(
                f"Cannot read {self._name}: {error.strerror or error}.",
                hint="See that the file is there and that you may read it.",
                code="labels.unreadable",
            ) from error

    @property
    def has_reached_limit(self) -> bool:
        """Whether `most_bytes` were read: what is wrong then may be that more text is to come."""
        return self._left <= 0

    def _object(self) -> Iterator[Piece]:
        self._expect("{", "an object")
        seen: set[str] = set()
        if self._peek() == "}":
            self._at += 1
        else:
            while True:
                key = self._key(seen)
                if self._peek() == "[" if self._lists is None else key in self._lists:
                    yield from self._items(key)
                else:
                    value, text = self._value(key)
                    yield Piece(key, None, value, text)
                if self._expect(",}", f"',' or '}}' after the value of '{key}'") == "}":
                    break
        if self._peek():
            raise self._broken("there is text after the end of the object")

    def _key(self, seen: set[str]) -> str:
        if self._peek() != '"':
            raise self._broken("a key in double quotes is expected")
        key, _ = self._value("a key")
        if key in seen:
            raise self._broken(f"the key '{key}' stands there twice")
        seen.add(key)
        self._expect(":", f"':' after the key '{key}'")
        return str(key)

    def _items(self, key: str) -> Iterator[Piece]:
        self._expect("[", f"a list as the value of '{key}'")
        yield Piece(key, None, None, "")
        if self._peek() == "]":
            self._at += 1
            return
        index = 0
        while True:
            value, text = self._value(f"{key}/{index}")
            yield Piece(key, index, value, text)
            if self._expect(",]", f"',' or ']' after {key}/{index}") == "]":
                return
            index += 1

    def _value(self, place: str) -> tuple[Any, str]:
        """The value that stands next; reads on until it is complete."""
        self._peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                is_cut = error.msg.startswith("Unterminated") or error.pos > len(self._text) - _LONGEST_CUT
                if self._is_at_end or not is_cut:
                    raise self._broken(f"{place} is no valid JSON ({error.msg})", at=error.pos) from error
            except ValueError as error:
                raise self._broken(f"{place} holds a number with too many digits") from error
            except RecursionError as error:
                raise self._broken(f"{place} is nested too deeply") from error
            else:
                if self._is_at_end or self._is_complete(value, end):
                    text = self._text[self._at : end]
                    self._at = end
                    return value, text
            waiting = len(self._text) - self._at
            if waiting > MOST_ITEM_CHARACTERS:
                raise self._broken(
                    f"{place} is no valid JSON, or longer than {MOST_ITEM_CHARACTERS // 2**20} MiB",
                    code="labels.too_large",
                )
            self._read_on(max(_CHUNK_BYTES, waiting))

    def _is_complete(self, value: Any, end: int) -> bool:
        """Whether a value ends there; a number may go on in what is not read yet, as `1` does in `1.5` and `1e5`."""
        if not isinstance(value, int | float):
            return True
        match = _NUMBER_TAIL.match(self._text, end)
        return match is not None and match.end() < len(self._text)

    def _expect(self, characters: str, what: str) -> str:
        found = self._peek()
        if not found or found not in characters:
            raise self._broken(f"{what} is expected" if found else f"the file ends where {what} is expected")
        self._at += 1
        return found

    def _peek(self) -> str:
        """The next character that is no white space, "" at the end of the file."""
        while True:
            match = _SPACE.match(self._text, self._at)
            assert match is not None, "the pattern matches the empty text"
            self._at = match.end()
            if self._at < len(self._text) or self._is_at_end:
                return self._text[self._at : self._at + 1]
            self._read_on(_CHUNK_BYTES)

    def _read_on(self, size: int) -> None:
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        self._is_at_end = not data
        self._lines_before += self._text.count("\n", 0, self._at)
        rest = self._text[self._at :]
        self._at = 0
        try:
            self._text = rest + self._to_text.decode(data, final=not data)
        except UnicodeDecodeError as error:
            # What the error counts from is the data, with what was left of a character before them.
            line = self._lines_before + rest.count("\n") + error.object[: error.start].count(b"\n") + 1
            raise InputError(
                f"{self._name}, line {line}: this is not UTF-8 text.",
                hint="Save the file as UTF-8.",
                code="labels.encoding",
            ) from error

    def _broken(self, what: str, *, at: int | None = None, code: str = "labels.unreadable") -> InputError:
        line = self._lines_before + self._text.count("\n", 0, self._at if at is None else at) + 1
        return InputError(
            f"{self._name}, line {line}: {what}.",
            hint="Mend the file, or write it anew with the tool that made it.",
            code=code,
        )
