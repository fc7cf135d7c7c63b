"""The types in which labels flow from a format through the recipe to a format; plain data, cheap to make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

LabelKind = Literal[
    "class",  # one class for the whole picture
    "boxes",  # an upright box
    "oriented",  # a box with an angle
    "polygons",  # an outline of one ring
    "parts",  # an outline of several rings
    "masks",  # the pixels of one object
    "semantic",  # a picture that holds a class or an object number for each pixel
    "points",  # named points with visibility
    "crowd",  # a region of many objects that are not told apart
    "attributes",  # whatever else is said of an object
]

Box: TypeAlias = tuple[float, float, float, float]
"""x_min, y_min, x_max, y_max; edges."""

Ring: TypeAlias = tuple[float, ...]
"""x, y, x, y, ...; the corners of a closed outline, edges at integers, three corners or more."""

KeyPoint: TypeAlias = tuple[float, float, int]
"""x, y and visibility as in COCO: 0 not labelled (x and y mean nothing), 1 labelled and hidden, 2 visible."""

_CORNERS = 4
_SLACK, _MOST_SLACK = 0.02, 0.5
"""Share of the shorter side, and pixels."""

JsonObject: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RleMask:
    """The pixels of one object, as COCO's compressed run lengths.

    Attributes:
        height: Of the picture.
        width: Of the picture.
        counts: Run lengths down the columns, packed as pycocotools packs them.
    """

    height: int
    width: int
    counts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One labelled object. It may carry several kinds of shape at once; they describe the same object.

    Attributes:
        category: Index into `DatasetInfo.categories`; None for what has no class.
        box: None when the source gives none.
        rings: The parts of its outline: the object is their union. Rings that are holes are not told apart.
        mask: Its pixels.
        corners: An oriented box: x, y of four corners in order.
        points: Named points, as many as the category has names, in their order.
        crowd: A region of objects that are not told apart.
        document: Which of the label files of the data set it stands in.
        order: Its place in that file (or in the label file of its picture), counted from 0.
        part_of: `order` of the object, in the same file, that it is a part of and goes with; None for an object.
        attributes: What else is said of it, in words that any format could take.
        raw: What its own format needs to write it as it was, see there; plain JSON.
    """

    category: int | None = None
    box: Box | None = None
    rings: tuple[Ring, ...] = ()
    mask: RleMask | None = None
    corners: Ring | None = None
    points: tuple[KeyPoint, ...] = ()
    crowd: bool = False
    document: int = 0
    order: int = 0
    part_of: int | None = None
    attributes: JsonObject = field(default_factory=dict)
    raw: Any = None

    @property
    def has_shape(self) -> bool:
        """Whether more is known than an upright box: an outline of its own, or pixels."""
        return self.mask is not None or (bool(self.rings) and not self.repeats_box)

    @property
    def repeats_box(self) -> bool:
        """Whether the outline is that of the box: many programs write the corners of the box where none was drawn."""
        if self.box is None or len(self.rings) != 1:
            return False
        xs, ys = list(self.rings[0][0::2]), list(self.rings[0][1::2])
        if len(xs) == _CORNERS + 1 and (xs[0], ys[0]) == (xs[-1], ys[-1]):
            del xs[-1], ys[-1]
        if len(xs) != _CORNERS:
            return False
        x0, y0, x1, y1 = self.box
        # Programs round box and outline each in its own way.
        slack = min(_MOST_SLACK, _SLACK * min(x1 - x0, y1 - y0))
        is_right, is_low = [abs(x - x1) < abs(x - x0) for x in xs], [abs(y - y1) < abs(y - y0) for y in ys]
        return (
            all(abs(x - (x1 if far else x0)) <= slack for x, far in zip(xs, is_right, strict=True))
            and all(abs(y - (y1 if far else y0)) <= slack for y, far in zip(ys, is_low, strict=True))
            # Round it, corner by corner: what stands across is another in both directions.
            and all(sides[place] != sides[place + 2] for sides in (is_right, is_low) for place in (0, 1))
            and (is_right[0], is_low[0]) != (is_right[1], is_low[1])
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLabels:
    """All that is said of one picture.

    Attributes:
        annotations: Its objects, in the order of the label file.
        frame_wh: Width and height that the label file records for the picture, None when it records none.
        is_relative: Coordinates are shares of width and height, to be multiplied once the picture is read.
        label_file: The file about this picture alone, below the source folder; None when there is none.
        mask_file: A picture of classes or object numbers that goes with it, below the source folder.
        places: Where in its list each label file about many pictures names the picture, by document, counted from 0.
            They are no part of what is said of the picture.
        raw: What the label files say of the picture itself, by document; plain JSON.
    """

    annotations: tuple[Annotation, ...] = ()
    frame_wh: tuple[int, int] | None = None
    is_relative: bool = False
    label_file: str | None = None
    mask_file: str | None = None
    places: Mapping[int, int] = field(default_factory=dict)
    raw: Mapping[int, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A class of objects.

    Attributes:
        name: Of the class.
        point_names: Names of its key points, in order; empty when they have none.
        flip_index: For each key point, the one that takes its place in a mirror; None when nothing says so.
        raw: What its own format says of it; plain JSON.
    """

    name: str
    point_names: tuple[str, ...] = ()
    flip_index: tuple[int, ...] | None = None
    raw: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A label file about many pictures.

    Attributes:
        path: Below the source folder.
        split: `train`, `val` or `test`; None when the data set has no splits.
        raw: What it holds besides pictures and objects; plain JSON.
    """

    path: str
    split: str | None = None
    raw: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetInfo:
    """What holds for a whole data set, once it is read.

    Attributes:
        categories: Classes of objects, in the order in which the data set numbers them.
        documents: Label files about many pictures; they are written anew, with the copies in them.
        companions: Other files that a trainer needs (a list of class names), copied as they are.
        has_free_companions: They say nothing of where files lie, and go along into an output with a tree of its own.
        kinds: What is marked in the pictures, with the number of annotations (or pictures) of each kind.
        conventions: What was decided once for the data set and goes on the card: plain JSON.
        passed_over: Why files are no sources, with how many.
        examples: One path for each reason of `passed_over`.
        repairs: What was mended in labels on reading, in words, with how often.
        mask_fill: The value of a semantic mask beyond the picture's edge: background, or a value to be ignored.
    """

    categories: tuple[Category, ...] = ()
    documents: tuple[Document, ...] = ()
    companions: tuple[str, ...] = ()
    has_free_companions: bool = False
    kinds: Mapping[LabelKind, int] = field(default_factory=dict)
    conventions: JsonObject = field(default_factory=dict)
    passed_over: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, str] = field(default_factory=dict)
    repairs: Mapping[str, int] = field(default_factory=dict)
    mask_fill: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputImage:
    """A picture of the output with its labels, as a format writes them.

    Attributes:
        name: Of its file, below the output folder.
        label_name: Of the label file about it alone; None when the format has none.
        source: Id of its source.
        copy: 0 for the original.
        rank: Place of the source in the data set, counted from 0.
        size_wh: Width and height of the picture.
        split: Of the output.
        category: Class of the whole picture.
        labels: Of the source, with what its format keeps in `raw`.
        annotations: In this picture, in pixels; each has `order`, `document`, `attributes` and `raw` of the one of
            the source that it comes from.
        is_untouched: The picture is the source as it was, and so are its labels.
    """

    name: str
    label_name: str | None
    source: str
    copy: int
    rank: int
    size_wh: tuple[int, int]
    split: str | None
    category: str | None
    labels: ImageLabels
    annotations: tuple[Annotation, ...]
    is_untouched: bool


def kinds_of(annotation: Annotation) -> tuple[LabelKind, ...]:
    """What kinds of marking an annotation has; an outline that repeats the box says no more than the box."""
    kinds: list[LabelKind] = []
    if annotation.box is not None:
        kinds.append("boxes")
    if annotation.rings and not annotation.repeats_box:
        kinds.append("polygons" if len(annotation.rings) == 1 else "parts")
    if annotation.mask is not None:
        kinds.append("masks")
    if annotation.corners is not None:
        kinds.append("oriented")
    if annotation.points:
        kinds.append("points")
    if annotation.crowd:
        kinds.append("crowd")
    if annotation.attributes:
        kinds.append("attributes")
    return tuple(kinds)
