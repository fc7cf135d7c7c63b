"""Colours that tell classes apart, for every kind of eye, on every kind of picture."""

from __future__ import annotations

import math
from typing import TypeAlias

Rgb: TypeAlias = tuple[int, int, int]

FIRST_COLOURS: tuple[Rgb, ...] = (
    # Okabe and Ito's seven, then five more that stay furthest from all others in simulated red, green and blue blindness.
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (40, 255, 255),
    (80, 0, 255),
    (120, 0, 80),
    (160, 0, 0),
    (40, 40, 160),
)

LEFT: Rgb = (64, 150, 255)
RIGHT: Rgb = (255, 120, 50)
MIDDLE: Rgb = (250, 250, 235)
NO_CLASS: Rgb = (205, 205, 205)
IGNORED: Rgb = (128, 128, 128)

DARK: Rgb = (16, 16, 16)
LIGHT: Rgb = (255, 255, 255)

_GOLDEN_RATIO = (math.sqrt(5) - 1) / 2
_LIGHTNESS, _CHROMA = 0.84, 0.14
_FIRST_HUE = 0.1
"""In turns; with these three, the colours that follow stay clear of the first twelve."""


def class_colour(index: int | None) -> Rgb:
    """The colour of a class by its place in the data set: always the same one, whatever else is in the picture."""
    if index is None:
        return NO_CLASS
    if 0 <= index < len(FIRST_COLOURS):
        return FIRST_COLOURS[index]
    return _golden_colour(index)


def object_colour(number: int) -> Rgb:
    """The colour of an object that has a number and no class; neighbouring numbers are far apart."""
    return _golden_colour(number)


def luminance(colour: Rgb) -> float:
    """How bright a colour is, 0 to 1, linear."""
    red, green, blue = (_linear(value) for value in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrasting(colour: Rgb) -> Rgb:
    """Dark or light, whichever stands out more against a colour: for the casing of a line, for letters on a tag."""
    bright = luminance(colour)
    return DARK if (bright + 0.05) / 0.0555 >= 1.05 / (bright + 0.05) else LIGHT


def _golden_colour(index: int) -> Rgb:
    """A hue at the golden ratio's step from the one before, all equally light (in OKLCH)."""
    angle = 2 * math.pi * math.fmod(_FIRST_HUE + index * _GOLDEN_RATIO, 1)
    a, b = _CHROMA * math.cos(angle), _CHROMA * math.sin(angle)
    long = (_LIGHTNESS + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (_LIGHTNESS - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (_LIGHTNESS - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _byte(4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short),
        _byte(-1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short),
        _byte(-0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short),
    )


def _linear(value: int) -> float:
    share = value / 255
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)


def _byte(linear: float) -> int:
    clipped = min(1.0, max(0.0, linear))
    share = 12.92 * clipped if clipped <= 0.0031308 else 1.055 * clipped ** (1 / 2.4) - 0.055
    return round(255 * share)
