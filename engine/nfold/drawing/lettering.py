"""Words on pictures: a font that is there, names that can be drawn with it, cut to the room there is."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import PIL.ImageFont

_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf")
_NEVER_ASSIGNED = "\U0010ffff"
_MOST_CHARACTERS = 400


@lru_cache(maxsize=64)
def font_of(size_px: int) -> PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont:
    """The first font of a short list that this machine has, else Pillow's own, which holds little more than ASCII."""
    import PIL.ImageFont

    for name in _FONTS:
        try:
            return PIL.ImageFont.truetype(name, size_px)
        except OSError:
            continue
    return PIL.ImageFont.load_default(size_px)


def drawable(text: str) -> str:
    """The text on one line, with a visible placeholder for each character that the font does not have.

    Accents are left off before a letter is given up. Bytes that were no text become placeholders, too.
    """
    letters = [_drawable_letter(letter) for letter in text[:_MOST_CHARACTERS]]
    if len(text) > _MOST_CHARACTERS:
        letters.append(_ellipsis())
    return "".join(letters)


def shortened(text: str, size_px: int, room_px: float) -> str:
    """The text when it fits; else without its middle, since names often differ at their ends."""
    if width_of(text, size_px) <= room_px:
        return text
    few, many = 0, len(text) - 1
    while few < many:
        kept = (few + many + 1) // 2
        if width_of(_without_middle(text, kept), size_px) <= room_px:
            few = kept
        else:
            many = kept - 1
    return _without_middle(text, few)


def wrapped(text: str, size_px: int, room_px: float) -> list[str]:
    """The text on as many lines as it needs; a word that is longer than a line is shortened."""
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(longer, size_px) <= room_px:
            lines[-1] = longer
        else:
            lines.append(shortened(word, size_px, room_px))
    return lines


def distinct_names(names: Sequence[str]) -> list[str]:
    """Names as they can be drawn; those that look the same then get their number in the list."""
    drawn = [drawable(name) or "(no name)" for name in names]
    often = {name for name in drawn if drawn.count(name) > 1} if len(set(drawn)) < len(drawn) else set()
    return [f"{name} #{number}" if name in often else name for number, name in enumerate(drawn)]


def width_of(text: str, size_px: int) -> float:
    """Of the text in pixels."""
    return float(font_of(size_px).getlength(text))


@lru_cache(maxsize=4096)
def _drawable_letter(letter: str) -> str:
    if letter.isspace():
        return " "
    kind = unicodedata.category(letter)
    if kind == "Cf":
        return ""
    if kind not in ("Cc", "Cs") and _has(letter):
        return letter
    plain = unicodedata.normalize("NFKD", letter)[0] if kind != "Cs" else letter
    if plain != letter and plain.isprintable() and _has(plain):
        return plain
    return "\N{WHITE SQUARE}" if _has("\N{WHITE SQUARE}") else "?"


def _has(letter: str) -> bool:
    """Whether the font draws it otherwise than a character that will never be assigned."""
    return _look(letter) != _look(_NEVER_ASSIGNED)


def _look(letter: str) -> tuple[Any, bytes]:
    picture = font_of(16).getmask(letter)
    return picture.size, bytes(picture)


def _ellipsis() -> str:
    return "\N{HORIZONTAL ELLIPSIS}" if _has("\N{HORIZONTAL ELLIPSIS}") else "..."


def _without_middle(text: str, kept: int) -> str:
    head = (kept + 1) // 2
    return text[:head].rstrip() + _ellipsis() + text[len(text) - (kept - head) :].lstrip()
