"""What is marked in a picture, as shapes of SVG for the page; a class has one colour in all of its pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

COLOURS: Final = 6
"""Of the style sheet, c0 to c5; `pictures.js` gives them out in the same order."""


class Palette:
    """Colours by class, in the order in which classes are first spoken of."""

    def __init__(self, found: Mapping[str, Any] | None = None) -> None:
        """Begin with the classes of what is marked in a data set, as an inspection found them."""
        self._known: dict[str | None, int] = {}
        for entry in (found or {}).get("objects") or ():
            self.colour(entry["category"])

    def colour(self, name: str | None) -> str:
        """The class of the style sheet."""
        return f"c{self._known.setdefault(name, len(self._known)) % COLOURS}"

    def shapes(self, marks: Sequence[Mapping[str, Any]], width: int, height: int) -> list[dict[str, Any]]:
        """Outlines and points in pixels of the picture.

        Args:
            marks: As in the answers of the API: in shares of width and height.
            width: Of the picture, in pixels.
            height: Likewise.
        """
        shapes: list[dict[str, Any]] = []
        for mark in marks:
            css = f"mark {self.colour(mark['name'])}"
            for ring in _rings(mark):
                points = " ".join(f"{x * width:.6g},{y * height:.6g}" for x, y in _pairs(ring))
                shapes.append({"kind": "polygon", "css": css, "points": points})
            shapes += [
                {"kind": "circle", "css": f"{css} point", "x": x * width, "y": y * height, "r": max(width, height) / 60}
                for x, y in _pairs(mark.get("points") or ())
            ]
        return shapes


def _rings(mark: Mapping[str, Any]) -> Iterable[Sequence[float]]:
    if "rings" in mark:
        rings: Iterable[Sequence[float]] = mark["rings"]
        return rings
    if "box" in mark:
        left, top, right, bottom = mark["box"]
        return [(left, top, right, top, right, bottom, left, bottom)]
    return []


def _pairs(flat: Sequence[float]) -> Iterable[tuple[float, float]]:
    return zip(flat[::2], flat[1::2], strict=False)
