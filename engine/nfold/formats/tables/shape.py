"""What the columns of a table mean: found from its header, or from its first rows where it has none.

Read are tables of classes (`filename,label`) and tables of boxes: corners under any of the usual names
(`xmin,ymin,xmax,ymax`, `x1,...`, `left,top,right,bottom`), `bbox_x,bbox_y,bbox_width,bbox_height` with the upper
left corner, and six columns without a header, `path,x1,y1,x2,y2,class`. A table that places things in the
picture in another way is refused, never taken for one whose other columns may be copied: `x,y,w,h` (which may be
a centre or a corner), `bbox`, polygons, points, run lengths, angles.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from nfold.formats.tables.record import OpenQuoteError, StrayTextError, split_record, value_of
from nfold.images import EXTENSIONS

DELIMITERS = (",", ";", "\t")

_FILE = ("filename", "file", "imagepath", "imagefilename", "imagefile", "filepath", "imagename", "image", "path", "imgpath", "imgname", "img", "imageid")  # fmt: skip
_LABEL = ("label", "class", "category", "target", "labelname", "classname", "categoryname")
_CORNERS = (
    ("xmin", "x1", "left", "bboxxmin", "minx", "bboxx1"),
    ("ymin", "y1", "top", "bboxymin", "miny", "bboxy1"),
    ("xmax", "x2", "right", "bboxxmax", "maxx", "bboxx2"),
    ("ymax", "y2", "bottom", "bboxymax", "maxy", "bboxy2"),
)
_UPPER_LEFT = (("bboxx", "bboxleft"), ("bboxy", "bboxtop"), ("bboxwidth", "bboxw"), ("bboxheight", "bboxh"))
_WIDTH, _HEIGHT = ("width", "imagewidth", "imgwidth"), ("height", "imageheight", "imgheight")
_SPLIT = ("split", "subset")
_AREA = ("area", "boxarea", "bboxarea")
_PLACES = frozenset(
    [
        "x",
        "y",
        "w",
        "h",
        "cx",
        "cy",
        "xc",
        "yc",
        "x0",
        "y0",
        "x3",
        "y3",
        "x4",
        "y4",
        "xcenter",
        "ycenter",
        "xcentre",
        "ycentre",
        "centerx",
        "centery",
        "centrex",
        "centrey",
        "bbox",
        "bboxes",
        "box",
        "boxes",
        "boundingbox",
        "boundingboxes",
        "coords",
        "coordinates",
        "points",
        "polygon",
        "polygons",
        "segmentation",
        "geometry",
        "wkt",
        "mask",
        "maskpath",
        "maskfile",
        "masks",
        "rle",
        "encodedpixels",
        "keypoints",
        "landmarks",
        "regionshapeattributes",
        "angle",
        "rotation",
        "theta",
        "topleft",
        "bottomright",
    ]
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

BoxForm = Literal["corners", "upper_left"]


class UnreadableTableError(ValueError):
    """The table names pictures, and marks them in a way that is not read; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableShape:
    """How a table is written and what its columns, counted from 0, mean.

    Attributes:
        delimiter: Between fields.
        header: The record of column names as it stands; None when there is none.
        columns: How many there are.
        names: Of the columns; empty when there is no header.
        file: The column that names the picture.
        also_file: Further columns that name it too.
        label: The class; None when nothing says it.
        box: The four numbers of a box, in the order of `box_form`; None in a table of classes.
        box_form: x_min, y_min, x_max, y_max, or upper left corner, width, height.
        width: Of the picture.
        height: Of the picture.
        split: Of the picture.
        area: Of the object.
    """

    delimiter: str
    header: str | None
    columns: int
    names: tuple[str, ...] = ()
    file: int
    also_file: tuple[int, ...] = ()
    label: int | None = None
    box: tuple[int, int, int, int] | None = None
    box_form: BoxForm = "corners"
    width: int | None = None
    height: int | None = None
    split: int | None = None
    area: int | None = None

    @property
    def others(self) -> tuple[int, ...]:
        """Columns that say something else of the picture or the object."""
        known = {
            self.file,
            *self.also_file,
            self.label,
            self.width,
            self.height,
            self.split,
            self.area,
            *(self.box or ()),
        }
        return tuple(number for number in range(len(self.names)) if number not in known and self.names[number])

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> TableShape:
        """What `to_json` gave."""
        lists = {name: tuple(value) for name, value in document.items() if isinstance(value, list)}
        return cls(**{**document, **lists})


def bare_name(name: str) -> str:
    """A column name in small letters, without spaces, hyphens and underscores."""
    return re.sub(r"[\s_\-.]+", "", name).casefold()


def is_reserved(name: str) -> bool:
    """Whether a column of that name means something here, so that another thing must not be called so."""
    bare = bare_name(name)
    groups = (_FILE, _LABEL, *_CORNERS, *_UPPER_LEFT, _WIDTH, _HEIGHT, _SPLIT, _AREA, _PLACES)
    return not bare or any(bare in group for group in groups) or bare[-1] in "xy"


def number_in(text: str) -> float | None:
    """The number that a field holds; None when it is none."""
    return float(text) if len(text) <= 64 and _NUMBER.fullmatch(text) else None


def shape_of(records: Sequence[str], *, is_label_optional: bool = False) -> TableShape | None:
    """What the table is that begins with these lines; None when it is none about pictures.

    Args:
        records: The first lines of the file.
        is_label_optional: Take a table with a column of pictures even if nothing in it is a class or a box.

    Raises:
        UnreadableTableError: It is about pictures, and marks them in a way that is not read.
    """
    if not records:
        return None
    for delimiter in DELIMITERS:
        try:
            fields = [value_of(field) for field in split_record(records[0], delimiter)]
        except (OpenQuoteError, StrayTextError):
            continue
        if len(fields) == 1 and not is_label_optional:
            continue
        shape = _with_header(records[0], fields, delimiter, is_label_optional=is_label_optional)
        if shape is not None:
            return shape
    return _without_header(records)


def _with_header(header: str, fields: list[str], delimiter: str, *, is_label_optional: bool) -> TableShape | None:
    names = [bare_name(field) for field in fields]
    files = [names.index(name) for name in _FILE if name in names]
    if not files:
        return None
    label, corners, upper_left = _first(names, _LABEL), _all(names, _CORNERS), _all(names, _UPPER_LEFT)
    box = corners or upper_left
    used = {*files, label, *(box or ())}
    strange = [fields[number] for number in range(len(names)) if number not in used and _places(names, number, fields)]
    if strange:
        shown = ", ".join(strange[:4])
        raise UnreadableTableError(f"the columns {shown} place things in the picture in a way that is not read")
    if box is None and label is None and not is_label_optional:
        return None
    twice = next((names[number] for number in used if number is not None and names.count(names[number]) > 1), None)
    if twice is not None:
        raise UnreadableTableError(f"the column {twice} is there twice")
    return TableShape(
        delimiter=delimiter,
        header=header,
        columns=len(fields),
        names=tuple(fields),
        file=files[0],
        also_file=tuple(files[1:]),
        label=label,
        box=box,
        box_form="corners" if corners or not upper_left else "upper_left",
        width=_first(names, _WIDTH),
        height=_first(names, _HEIGHT),
        split=_first(names, _SPLIT),
        area=_first(names, _AREA) if box else None,
    )


def _without_header(records: Sequence[str]) -> TableShape | None:
    """Six columns: a picture, four whole or broken numbers or nothing at all, a class."""
    for delimiter in DELIMITERS:
        try:
            rows = [[value_of(field) for field in split_record(record, delimiter)] for record in records]
        except (OpenQuoteError, StrayTextError):
            continue
        right = [_is_retinanet(row) for row in rows]
        # One row with a slip in it does not make another table; the slip is told when the row is read.
        if right[0] and 2 * sum(right) > len(rows):
            return TableShape(delimiter=delimiter, header=None, columns=6, file=0, box=(1, 2, 3, 4), label=5)
    return None


def _is_retinanet(row: list[str]) -> bool:
    if len(row) != 6 or not row[0].lower().endswith(tuple(EXTENSIONS)):
        return False
    if not any(row[1:]):
        return True
    return bool(row[5]) and all(number_in(field) is not None for field in row[1:5])


def _first(names: list[str], synonyms: Sequence[str]) -> int | None:
    return next((names.index(name) for name in synonyms if name in names), None)


def _all(names: list[str], roles: Sequence[Sequence[str]]) -> tuple[int, int, int, int] | None:
    found = [_first(names, synonyms) for synonyms in roles]
    if None in found:
        return None
    first, second, third, fourth = (number or 0 for number in found)
    return first, second, third, fourth


def _places(names: list[str], number: int, fields: list[str]) -> bool:
    """Whether a column holds coordinates: by its name, or as one of a pair such as `eye_x` and `eye_y`."""
    name = names[number]
    if name in _PLACES or any(name in role for role in (*_CORNERS, *_UPPER_LEFT)):
        return True
    if re.fullmatch(r"[xy]click[0-9]+[xy]|[xy][0-9]+", name):
        return True
    partner = {"x": "y", "y": "x"}.get(name[-1:])
    return (
        partner is not None
        and re.search(r"[_\s\-.][xyXY]$", fields[number]) is not None
        and name[:-1] + partner in names
    )
