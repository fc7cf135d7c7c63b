"""One pass over a COCO file: pictures and annotations go into tables as text, the rest is kept."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nfold.errors import InputError, SampleError
from nfold.formats.coco.finding import LISTS
from nfold.formats.coco.ids import LARGEST_ID, whole_number
from nfold.formats.coco.objects import mend_numbers, shown
from nfold.formats.json_stream import JsonStream, Piece

MOST_REST_CHARACTERS = 16 * 2**20
"""Of all that a file holds besides pictures and annotations; it is kept in memory."""

_ROWS_AT_ONCE = 1_000

_TABLES = (
    "create table coco_images (document integer not null, place integer not null, id integer not null, name blob not null,"
    " text text not null, source blob, path blob, is_found integer, is_guess integer)",
    "create table coco_annotations (document integer not null, place integer not null, id integer not null,"
    " image integer not null, text text not null)",
)
_INDEXES = (
    "create index coco_images_by_id on coco_images (document, id)",
    "create index coco_images_by_place on coco_images (document, place)",
    "create index coco_annotations_by_image on coco_annotations (document, image, place)",
    "create index coco_annotations_by_id on coco_annotations (document, id)",
)


@dataclass(slots=True, kw_only=True)
class Loaded:
    """What is known of a COCO file once it has been read.

    Attributes:
        path: Below the source folder.
        keys: All keys of the file, in order.
        rest: Values of all keys but `images` and `annotations`.
        images: How many it lists.
        annotations: How many it lists.
        largest_image_id: 0 when there are none.
        largest_annotation_id: 0 when there are none.
    """

    path: str
    keys: list[str] = field(default_factory=list)
    rest: dict[str, Any] = field(default_factory=dict)
    images: int = 0
    annotations: int = 0
    largest_image_id: int = 0
    largest_annotation_id: int = 0

    def to_raw(self) -> dict[str, Any]:
        """What is needed to write the file anew, pictures and annotations apart."""
        return {
            "keys": self.keys,
            "rest": self.rest,
            "largest_ids": [self.largest_image_id, self.largest_annotation_id],
        }


def load_documents(
    scratch: sqlite3.Connection, root: Path, paths: list[str], repairs: Counter[str]
) -> tuple[Loaded, ...]:
    """Read all files into the tables `coco_images` and `coco_annotations`, numbered in the order given.

    Raises:
        InputError: A file cannot be used; the message names the place.
    """
    for statement in _TABLES:
        scratch.execute(statement)
    loaded = tuple(_load(scratch, root, number, path, repairs) for number, path in enumerate(paths))
    for statement in _INDEXES:
        scratch.execute(statement)
    for number, path in enumerate(paths):
        _refuse_duplicates(scratch, number, path)
    return loaded


def _load(scratch: sqlite3.Connection, root: Path, number: int, path: str, repairs: Counter[str]) -> Loaded:
    loaded = Loaded(path=path)
    rows: dict[str, list[tuple[Any, ...]]] = {"images": [], "annotations": []}
    size = 0
    for piece in JsonStream(root / path, path, LISTS).pieces():
        if piece.index is None:
            loaded.keys.append(piece.key)
            if piece.key not in LISTS:
                size += len(piece.text)
                loaded.rest[piece.key] = _rest(piece, path, size, repairs)
            continue
        if piece.key == "images":
            rows["images"].append(_image_row(piece, number, loaded))
        else:
            rows["annotations"].append(_annotation_row(piece, number, loaded))
        if len(rows[piece.key]) >= _ROWS_AT_ONCE:
            _insert(scratch, rows)
    _insert(scratch, rows)
    if "images" not in loaded.keys:
        raise InputError(
            f"{path} has annotations but no list of images.",
            hint="A COCO file lists its pictures under 'images'. Mend the file, or take it out of the folder.",
            code="labels.no_images",
        )
    return loaded


def _insert(scratch: sqlite3.Connection, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    scratch.executemany(
        "insert into coco_images (document, place, id, name, text) values (?, ?, ?, ?, ?)", rows["images"]
    )
    scratch.executemany(
        "insert into coco_annotations (document, place, id, image, text) values (?, ?, ?, ?, ?)", rows["annotations"]
    )
    for listed in rows.values():
        listed.clear()


def _image_row(piece: Piece, number: int, loaded: Loaded) -> tuple[Any, ...]:
    place = f"{loaded.path}, images/{piece.index}"
    entry = _object(piece, place)
    identity = _identity(entry, "id", place)
    name = entry.get("file_name")
    if not isinstance(name, str) or not name:
        raise InputError(
            f"{place} (id {identity}): file_name is missing or no text.",
            hint="Give each picture its path from the folder of the JSON file, or from the source folder.",
            code="labels.bad_image",
        )
    try:
        encoded = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise InputError(
            f"{place} (id {identity}): file_name {name!r} holds half a character, which no file name can.",
            hint="Write the name of the file as it is.",
            code="labels.bad_image",
        ) from error
    loaded.images += 1
    loaded.largest_image_id = max(loaded.largest_image_id, identity)
    return (number, piece.index, identity, encoded, piece.text)


def _annotation_row(piece: Piece, number: int, loaded: Loaded) -> tuple[Any, ...]:
    place = f"{loaded.path}, annotations/{piece.index}"
    entry = _object(piece, place)
    identity = _identity(entry, "id", place)
    image = _identity(entry, "image_id", f"{place} (id {identity})")
    if "segments_info" in entry:
        raise InputError(
            f"{place} (id {identity}) is a panoptic annotation, whose segments are pixels of a PNG file.",
            hint="Convert panoptic annotations to instances first (panopticapi: panoptic2detection).",
            code="labels.panoptic",
        )
    loaded.annotations += 1
    loaded.largest_annotation_id = max(loaded.largest_annotation_id, identity)
    return (number, piece.index, identity, image, piece.text)


def _object(piece: Piece, place: str) -> dict[str, Any]:
    if not isinstance(piece.value, dict):
        raise InputError(f"{place}: an object is expected.", hint="Mend the file.", code="labels.unreadable")
    return piece.value


def _identity(entry: dict[str, Any], key: str, place: str) -> int:
    value = entry.get(key)
    number = whole_number(value)
    if number is None or not 0 <= number <= LARGEST_ID:
        raise InputError(
            f"{place}: {key} is {shown(value)}; a whole number from 0 to 2**53 is needed.",
            hint="Number pictures and annotations: ids of copies are counted on from those of their sources.",
            code="labels.bad_id",
        )
    return number


def _rest(piece: Piece, path: str, size: int, repairs: Counter[str]) -> Any:
    if size > MOST_REST_CHARACTERS:
        raise InputError(
            f"{path}: '{piece.key}' and what stands beside pictures and annotations are larger than "
            f"{MOST_REST_CHARACTERS // 2**20} MiB.",
            hint=f"Take '{piece.key}' out of the file if training does not need it.",
            code="labels.too_large",
        )
    try:
        return mend_numbers(piece.value, repairs)
    except SampleError as error:
        raise InputError(f"{path}, {piece.key}: {error.message}.", hint=error.hint, code="labels.unreadable") from error


def _refuse_duplicates(scratch: sqlite3.Connection, number: int, path: str) -> None:
    for table, key in (("coco_images", "images"), ("coco_annotations", "annotations")):
        row = next(_duplicates(scratch, table, number), None)
        if row is not None:
            identity, first, second = row
            raise InputError(
                f"{path}: {key}/{first} and {key}/{second} have the same id {identity}.",
                hint="Give each its own id; when two files were joined, count one of them on from the other.",
                code="labels.duplicate_id",
            )


def _duplicates(scratch: sqlite3.Connection, table: str, number: int) -> Iterator[tuple[int, int, int]]:
    yield from scratch.execute(
        f"select id, min(place), max(place) from {table} where document = ?"  # noqa: S608 - the names are our own
        " group by id having count(*) > 1 order by 2 limit 1",
        (number,),
    )
