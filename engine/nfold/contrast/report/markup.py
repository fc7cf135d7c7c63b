"""HTML and SVG put together from parts: what is opened is closed, and what is no markup is escaped."""

from __future__ import annotations

from html import escape
from typing import Final

_VOID: Final = frozenset({"br", "col", "hr", "img", "link", "meta"})


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


_TURNS_TEXT: Final = frozenset((0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
"""Letters that nobody sees and that turn the text after them around, so that a name would pass for another."""

Child = str | None
"""Plain text, markup, or nothing."""


def text(value: str) -> Markup:
    """Plain text as markup; letters that cannot stand in a page are spelled out."""
    return Markup(escape(_showable(value)))


def tag(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Markup:
    """An element.

    Attributes are named as Python allows: `class_` is `class`, `aria_label` is `aria-label`, and `viewBox` stays. True
    stands for an attribute without a value; None and False leave it out.
    """
    start = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    if name in _VOID:
        assert not children, f"<{name}> has no content"
        return Markup(f"<{name}{start}>")
    return Markup(f"<{name}{start}>{join(*children)}</{name}>")


def join(*children: Child, between: str = "") -> Markup:
    """Parts side by side."""
    return Markup(between.join(_child(child) for child in children if child is not None))


def raw(value: str) -> Markup:
    """Text that is taken as it is: a style sheet, a script, an entity."""
    return Markup(value)


def name(value: str) -> Markup:
    """A name that somebody gave, in a direction of its own."""
    return tag("bdi", value)


def _child(child: str) -> str:
    return child if isinstance(child, Markup) else text(child)


def _attribute(key: str, value: str | int | bool | None) -> str:
    spelled = key.rstrip("_").replace("_", "-")
    if value is False:
        return ""
    if value is True:
        return f" {spelled}"
    return f' {spelled}="{escape(_showable(str(value)))}"'


def _showable(value: str) -> str:
    """Bytes of a file name that are no UTF-8, and control letters, as a page can hold them."""
    if value.isprintable():
        return value
    return "".join(letter if letter in "\n\t" or _has_a_place(letter) else ascii(letter)[1:-1] for letter in value)


def _has_a_place(letter: str) -> bool:
    code = ord(letter)
    if code in _TURNS_TEXT:
        return False
    # Half pairs cannot be encoded; of the rest, HTML knows no control letters and no code points that are no letters.
    if 0xD800 <= code <= 0xDFFF or 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE:
        return False
    return code >= 0xA0 or 0x20 <= code < 0x7F
