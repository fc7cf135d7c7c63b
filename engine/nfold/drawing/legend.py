"""What the colours of a picture or a sheet mean, with counts: gathered, then drawn as a strip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from nfold.annotations.model import Annotation, Category
from nfold.drawing.lettering import distinct_names, font_of, shortened, width_of
from nfold.drawing.palette import DARK, LEFT, LIGHT, MIDDLE, RIGHT, Rgb, class_colour, luminance, object_colour
from nfold.drawing.points import has_sides
from nfold.drawing.value_mask import values_of

if TYPE_CHECKING:
    import PIL.Image
    import PIL.ImageDraw
    from numpy.typing import NDArray

Look = Literal["area", "many", "striped", "dot", "ring", "first", "front"]

BACKGROUND: Rgb = (250, 250, 248)
INK: Rgb = (60, 60, 58)
FAINT: Rgb = (120, 120, 117)

_MOST_CLASSES = 40
_NO_CLASS = "no class"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A sign in a colour, what it means, and how often it is there."""

    look: Look
    colour: Rgb
    text: str
    count: str = ""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts what is marked in pictures that share a legend; originals and copies apart.

    Attributes:
        categories: Of the data set.
        has_copies: Whether counts are told as originals + copies.
    """

    categories: Sequence[Category]
    has_copies: bool = False
    _objects: Counter[tuple[int | None, bool]] = field(default_factory=Counter)
    _values: dict[int, tuple[str, Rgb, bool]] = field(default_factory=dict)
    _shares: dict[int, list[float]] = field(default_factory=dict)
    _numbered: Counter[bool] = field(default_factory=Counter)
    _signs: set[str] = field(default_factory=set)

    def add(self, annotations: Sequence[Annotation], mask: NDArray[Any] | None, *, is_copy: bool = False) -> None:
        """Count the objects and the mask of one more picture."""
        for annotation in annotations:
            self._objects[annotation.category, is_copy] += 1
            self._signs |= self._signs_of(annotation)
        for value in values_of(mask, self.categories) if mask is not None and mask.size else ():
            if value.name is None and value.colour is not None:
                self._numbered[is_copy] += 1
            elif value.colour is not None and value.name is not None:
                self._values[value.value] = (value.name, value.colour, value.is_ignored)
                self._shares.setdefault(value.value, []).append(value.share)

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is marked."""
        return not (self._objects or self._values or self._numbered)

    def entries(self) -> list[Entry]:
        """Classes by their place in the data set, then values of masks, then what signs mean."""
        return [*self._classes(), *self._mask_values(), *self._meanings()]

    def heading(self) -> str:
        """What the numbers count; empty when that needs no words."""
        return "Objects in originals + in copies:" if self.has_copies and (self._objects or self._numbered) else ""

    def _classes(self) -> list[Entry]:
        names = distinct_names([category.name for category in self.categories])
        places = sorted({place for place, _ in self._objects}, key=lambda place: (place is None, place))
        shown, rest = places[:_MOST_CLASSES], places[_MOST_CLASSES:]
        listed = [
            Entry(
                look="area",
                colour=class_colour(place),
                text=_name_of(place, names),
                count=self._told(self._objects[place, False], self._objects[place, True]),
            )
            for place in shown
        ]
        if rest:
            together = (sum(self._objects[place, is_copy] for place in rest) for is_copy in (False, True))
            listed.append(
                Entry(look="area", colour=BACKGROUND, text=f"{len(rest)} more classes", count=self._told(*together))
            )
        return listed

    def _mask_values(self) -> list[Entry]:
        listed = []
        for value in sorted(self._values)[:_MOST_CLASSES]:
            name, colour, is_ignored = self._values[value]
            percent = 100 * sum(self._shares[value]) / len(self._shares[value])
            look: Look = "striped" if is_ignored else "area"
            text = distinct_names([name])[0]
            listed.append(Entry(look=look, colour=colour, text=text, count=f"{percent:.1f} % of pixels"))
        if len(self._values) > _MOST_CLASSES:
            more = len(self._values) - _MOST_CLASSES
            listed.append(Entry(look="area", colour=BACKGROUND, text=f"{more} more values"))
        if self._numbered:
            told = self._told(self._numbered[False], self._numbered[True])
            listed.append(Entry(look="many", colour=INK, text="objects by number", count=told))
        return listed

    def _meanings(self) -> list[Entry]:
        signs: list[tuple[str, Look, Rgb, str]] = [
            ("left", "dot", LEFT, "left"),
            ("left", "dot", RIGHT, "right"),
            ("hidden", "ring", MIDDLE, "hidden point"),
            ("first", "first", FAINT, "first point"),
            ("front", "front", INK, "front edge, dot at corner 1"),
            ("crowd", "striped", INK, "region of many objects"),
        ]
        return [Entry(look=look, colour=colour, text=text) for sign, look, colour, text in signs if sign in self._signs]

    def _signs_of(self, annotation: Annotation) -> set[str]:
        place = annotation.category
        category = self.categories[place] if place is not None and 0 <= place < len(self.categories) else None
        signs = {
            "left": bool(annotation.points) and has_sides(category),
            "first": len(annotation.points) > 1 and not has_sides(category),
            "hidden": any(seen == 1 for _, _, seen in annotation.points),
            "front": annotation.corners is not None,
            "crowd": annotation.crowd,
        }
        return {sign for sign, holds in signs.items() if holds}

    def _told(self, originals: int, copies: int) -> str:
        return f"{originals} + {copies}" if self.has_copies else str(originals + copies)


def draw_legend(tally: Tally, width: int, *, size_px: int = 13) -> PIL.Image.Image | None:
    """A strip of a given width, as tall as it has to be; None when nothing is marked."""
    import PIL.Image
    import PIL.ImageDraw

    if tally.is_empty:
        return None
    sign, gap, line = round(size_px * 1.2), round(size_px * 0.55), round(size_px * 1.75)
    places: list[tuple[int, int, Entry]] = []
    heading = shortened(tally.heading(), size_px, width)
    x, y = (round(width_of(heading, size_px)) + 2 * gap if heading else 0), 0
    for entry in tally.entries():
        count_px = gap + round(width_of(entry.count, size_px)) if entry.count else 0
        text = shortened(entry.text, size_px, max(width - sign - gap - count_px, 3 * size_px))
        needed = sign + gap + round(width_of(text, size_px)) + count_px
        if x and x + needed > width:
            x, y = 0, y + line
        places.append((x, y, replace(entry, text=text)))
        x += needed + 3 * gap
    strip = PIL.Image.new("RGB", (max(1, width), y + line), BACKGROUND)
    draw = PIL.ImageDraw.Draw(strip)
    if heading:
        draw.text((0, line / 2), heading, fill=FAINT, font=font_of(size_px), anchor="lm")
    for x, y, entry in places:
        strip.paste(_sign(entry, sign), (x, y + (line - sign) // 2))
        left = x + sign + gap
        draw.text((left, y + line / 2), entry.text, fill=INK, font=font_of(size_px), anchor="lm")
        # Apart from the name, since a count would else change places with a name that is written from right to left.
        left += round(width_of(entry.text, size_px)) + gap
        draw.text((left, y + line / 2), entry.count, fill=FAINT, font=font_of(size_px), anchor="lm")
    return strip


def _sign(entry: Entry, side: int) -> PIL.Image.Image:
    """Drawn four times as large and shrunk, which smooths it."""
    import PIL.Image
    import PIL.ImageDraw

    large = 4 * side
    picture = PIL.Image.new("RGB", (large, large), BACKGROUND)
    draw = PIL.ImageDraw.Draw(picture)
    edge = DARK if luminance(entry.colour) > 0.2 else LIGHT
    inner = (6, 6, large - 7, large - 7)
    if entry.look == "area":
        draw.rectangle(inner, fill=entry.colour, outline=None if entry.colour == BACKGROUND else edge, width=4)
    elif entry.look == "many":
        for number, corner in enumerate([(6, 6), (large // 2, 6), (6, large // 2), (large // 2, large // 2)]):
            half = large // 2 - 7
            draw.rectangle((*corner, corner[0] + half, corner[1] + half), fill=object_colour(number + 1))
        draw.rectangle(inner, outline=edge, width=4)
    elif entry.look == "striped":
        for start in range(-large, large, 16):
            draw.line((start, large, start + large, 0), fill=entry.colour, width=7)
        draw.rectangle(inner, outline=entry.colour, width=4)
    elif entry.look == "front":
        draw.rectangle((8, 14, large - 9, large - 9), outline=entry.colour, width=4)
        draw.line((8, 14, large - 9, 14), fill=entry.colour, width=12)
        draw.ellipse((0, 4, 20, 24), fill=entry.colour)
    else:
        _draw_dot(draw, entry, large, edge)
    return picture.resize((side, side), PIL.Image.Resampling.BOX)


def _draw_dot(draw: PIL.ImageDraw.ImageDraw, entry: Entry, large: int, edge: Rgb) -> None:
    """A point as it is drawn in pictures: filled, hollow, or filled with a ring round it."""
    middle = large / 2

    def disc(radius: float, colour: Rgb) -> None:
        draw.ellipse((middle - radius, middle - radius, middle + radius, middle + radius), fill=colour)

    if entry.look != "first":
        disc(large * 0.32, edge)
        disc(large * 0.32 - 4, entry.colour)
        if entry.look == "ring":
            disc(large * 0.18, edge)
        return
    disc(large * 0.42, entry.colour)
    disc(large * 0.42 - 7, BACKGROUND)
    disc(large * 0.2, entry.colour)


def _name_of(place: int | None, names: Sequence[str]) -> str:
    if place is None:
        return _NO_CLASS
    return names[place] if 0 <= place < len(names) else f"class {place}"
