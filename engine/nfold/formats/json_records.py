"""JSON records about one picture each: read with care, changed in places, and written as they were otherwise."""

from __future__ import annotations

import json
import math
from typing import Any

from nfold.errors import InputError

DEEPEST = 100
PLACES = frozenset(
    [
        "bbox",
        "bboxes",
        "box",
        "boxes",
        "boundingbox",
        "boundingboxes",
        "polygon",
        "polygons",
        "segmentation",
        "segmentations",
        "keypoints",
        "points",
        "landmarks",
        "mask",
        "masks",
        "rle",
        "coordinates",
        "geometry",
        "angle",
        "rotation",
    ]
)
"""Names of values that mark places in a picture: they must not go on to a copy as they are."""


def parse_record(text: str, place: str) -> dict[str, Any]:
    """The JSON object in a text.

    Args:
        text: Of the record.
        place: Where it stands, for messages.

    Raises:
        InputError: It is none, or cannot be kept.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise _unreadable(place, f"this is no valid JSON ({error.msg}, character {error.pos + 1})") from error
    except ValueError as error:
        raise _unreadable(place, "there is a number with too many digits") from error
    except RecursionError as error:
        raise _unreadable(place, "it is nested too deeply") from error
    return as_record(value, place)


def as_record(value: Any, place: str) -> dict[str, Any]:
    """A parsed value that has to be an object.

    Raises:
        InputError: It is none, or nested deeper than DEEPEST.
    """
    if not isinstance(value, dict):
        raise _unreadable(place, "this is no JSON object")
    if _is_deep(value):
        raise _unreadable(place, "it is nested too deeply")
    return value


def record_text(value: Any, like: str) -> str:
    """A record in one line; letters beyond ASCII are written as in the text that it comes from."""
    text = json.dumps(value, ensure_ascii=like.isascii())
    # An unpaired surrogate, which JSON can hold and UTF-8 cannot, stays escaped.
    return text if text.isascii() or _is_text(text) else json.dumps(value)


def name_in(value: Any) -> str | None:
    """The name that a value is, without spaces around it; None when it is none that a file could be called."""
    if not isinstance(value, str) or not value.strip() or "\0" in value or not _is_text(value):
        return None
    return value.strip()


def class_in(value: Any) -> str | None:
    """The class that a text or a whole number names; None when it is neither."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**18 else None
    return name_in(value)


def numbers_in(value: Any) -> tuple[float, ...] | None:
    """The numbers of a list, as they are; None when it is no list of finite numbers."""
    if not isinstance(value, list) or not all(is_number(entry) for entry in value):
        return None
    return tuple(float(entry) for entry in value)


def is_number(value: Any) -> bool:
    """Whether it is a finite number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def size_in(record: dict[str, Any]) -> tuple[int, int] | None:
    """Width and height that a record gives as whole numbers; None when it does not."""
    width, height = record.get("width"), record.get("height")
    if type(width) is not int or type(height) is not int or not (0 < width < 10**9 and 0 < height < 10**9):
        return None
    return width, height


def scaled_area(area: Any, factor: float) -> Any:
    """The area of an object in a copy, as its box has grown or shrunk; what is no number stays as it is."""
    if not is_number(area):
        return area
    return round(area * factor) if isinstance(area, int) else round(area * factor, 2)


def _is_text(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            child
            for entry in level
            for child in (entry.values() if isinstance(entry, dict) else entry)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _unreadable(place: str, what: str) -> InputError:
    return InputError(
        f"{place}: {what}.",
        hint="Mend the file, or write it anew with the tool that made it.",
        code="labels.unreadable",
    )
