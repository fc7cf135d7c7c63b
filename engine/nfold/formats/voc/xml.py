"""XML of Pascal VOC: read within limits to a light tree that knows where each element stands, and edited in place.

A copy's file is the original's text with a few numbers, names and objects changed: indentation, comments and
elements that nobody here knows stay as they are.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from nfold.formats.base import MOST_LABEL_BYTES

_MOST_ELEMENTS = 500_000
_DEEPEST = 100
_MOST_TEXT = 4096
"""Characters of one element that are looked at; no name and no number is longer."""

_DECLARED = re.compile(rb"""\A\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_START_TAG = re.compile(rb"""<[^\s/>]+(?:[^"'>]|"[^"]*"|'[^']*')*>""")
_NO_XML_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENCODINGS = frozenset(
    {
        "utf-8",
        "ascii",
        "iso8859-1",
        "iso8859-15",
        "cp1252",
        "gb2312",
        "gbk",
        "gb18030",
        "big5",
        "shift_jis",
        "euc_jp",
        "euc_kr",
    }
)


class VocXmlError(Exception):
    """An XML file that cannot be used.

    Attributes:
        code: Stable.
        message: What is wrong, as the rest of a sentence that begins with the file.
        hint: What to do.
    """

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """An element.

    Attributes:
        tag: Its name.
        line: Where it begins, counted from 1.
        start: Offset of its first byte in the text.
        end: Offset after its last byte.
        text: Characters directly inside it.
        children: Elements directly inside it.
    """

    tag: str
    line: int
    start: int
    end: int = 0
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def all(self, tag: str) -> Iterator[Node]:
        """Children of that name."""
        return (child for child in self.children if child.tag == tag)

    def first(self, tag: str) -> Node | None:
        """The first child of that name."""
        return next(self.all(tag), None)

    def words(self, tag: str) -> str:
        """The text of the first child of that name, without space round it; "" when there is none."""
        child = self.first(tag)
        return "" if child is None else child.text.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlText:
    """A parsed file.

    Attributes:
        root: Its outermost element.
        data: The text in UTF-8, to which the offsets of elements refer.
        encoding: In which it was stored, and is stored again.
    """

    root: Node
    data: bytes
    encoding: str


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Edit:
    """Bytes that take the place of others."""

    start: int
    end: int
    text: str = ""


def parse_xml(stored: bytes) -> XmlText:
    """Read an XML file.

    Raises:
        VocXmlError: Too large, in another encoding than it says, not well-formed, or one that defines entities.
    """
    if len(stored) > MOST_LABEL_BYTES:
        raise VocXmlError("labels.too_large", f"has {len(stored):,} bytes; the limit is {MOST_LABEL_BYTES:,}", _SMALLER)
    encoding = _encoding_of(stored)
    try:
        data = stored.decode(encoding).encode()
    except UnicodeDecodeError as error:
        line = stored[: error.start].count(b"\n") + 1
        message = f"is not {encoding}, as it says or is taken to be (line {line})"
        raise VocXmlError("labels.encoding", message, "Save it as UTF-8.") from error
    return XmlText(root=_parsed(data), data=data, encoding=encoding)


def applied(text: XmlText, edits: Iterable[Edit]) -> bytes:
    """The file with changes in place; of two that overlap, the one that begins first counts."""
    parts, position = [], 0
    for edit in sorted(edits):
        if edit.start < position:
            continue
        parts += [text.data[position : edit.start], edit.text.encode()]
        position = edit.end
    changed = b"".join([*parts, text.data[position:]]).decode()
    return changed.encode(text.encoding, "xmlcharrefreplace")


def with_text(text: XmlText, node: Node, words: str) -> Edit:
    """Put words in the place of all that is inside an element."""
    opening = _START_TAG.match(text.data, node.start)
    assert opening is not None
    inner = escaped(words)
    if opening.group().endswith(b"/>"):
        start_tag = opening.group()[:-2].decode().rstrip()
        return Edit(start=node.start, end=node.end, text=f"{start_tag}>{inner}</{node.tag}>")
    return Edit(start=opening.end(), end=text.data.rindex(b"<", opening.end(), node.end), text=inner)


def without(text: XmlText, node: Node) -> Edit:
    """Take out an element with the space before it."""
    before = text.data[: node.start]
    return Edit(start=len(before.rstrip(b" \t\r\n")), end=node.end)


def escaped(words: str) -> str:
    """Words as XML text; a character that XML cannot hold becomes U+FFFD."""
    return escape(_NO_XML_CHARACTER.sub("\ufffd", words))


_SMALLER = "It is no label file about one picture; take it out of the data set."
_MEND = "Mend the file, or leave its picture out with --exclude."


def _encoding_of(stored: bytes) -> str:
    if stored.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    found = _DECLARED.match(stored.removeprefix(codecs.BOM_UTF8))
    declared = found[1].decode("ascii") if found else "utf-8"
    try:
        encoding = codecs.lookup(declared).name
    except LookupError:
        encoding = ""
    if encoding not in _ENCODINGS:
        # UTF-16 is known by its mark of byte order; without one the declaration could not have been read.
        message = f"says that it is encoded as {declared!r}, and is not or cannot be read so (line 1)"
        raise VocXmlError("labels.encoding", message, "Save it as UTF-8.")
    return encoding


def _parsed(data: bytes) -> Node:
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser, ParseError

    builder = _Builder(data)
    parser = DefusedXMLParser(target=builder, encoding="utf-8")
    builder.expat = parser.parser
    try:
        parser.feed(data)
        parser.close()
    except ParseError as error:
        line = error.position[0] if hasattr(error, "position") else 1
        said = str(error).partition(":")[0]
        raise VocXmlError("labels.unreadable", f"is not well-formed XML: {said} (line {line})", _MEND) from error
    except DefusedXmlException as error:
        line = parser.parser.CurrentLineNumber
        message = f"defines entities of its own or refers to other files, which is refused (line {line})"
        raise VocXmlError("labels.unreadable", message, _MEND) from error
    assert builder.root is not None
    return builder.root


class _Builder:
    """Takes the events of a parser; keeps places, drops attributes."""

    def __init__(self, data: bytes) -> None:
        self.root: Node | None = None
        self.expat: Any = None
        self._data = data
        self._open: list[Node] = []
        self._elements = 0

    def start(self, tag: str, attributes: object) -> None:
        del attributes
        self._elements += 1
        line = self.expat.CurrentLineNumber
        if self._elements > _MOST_ELEMENTS or len(self._open) >= _DEEPEST:
            what = f"more than {_MOST_ELEMENTS:,} elements" if self._elements > _MOST_ELEMENTS else "too deep a nesting"
            raise VocXmlError("labels.too_large", f"has {what} (line {line})", _SMALLER)
        node = Node(tag=tag, line=line, start=self.expat.CurrentByteIndex)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)

    def end(self, tag: str) -> None:
        del tag
        node = self._open.pop()
        # At an empty element (<a/>) the parser stands behind it, else before its end tag.
        node.end = self.expat.CurrentByteIndex
        if not self._is_empty(node):
            node.end = self._data.index(b">", node.end) + 1

    def _is_empty(self, node: Node) -> bool:
        if self._data[node.end - 2 : node.end] != b"/>":
            return False
        opening = _START_TAG.match(self._data, node.start)
        return opening is not None and opening.end() == node.end

    def data(self, text: str) -> None:
        if self._open and len(self._open[-1].text) < _MOST_TEXT:
            self._open[-1].text += text

    def close(self) -> None:
        return None
