"""Labels as JSON text and back: for the table of the plan, and for the rows of the manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from nfold.annotations.model import Annotation, Category, ImageLabels, RleMask

_SHAPES = ("box", "rings", "mask", "corners", "points")


def encode_labels(labels: ImageLabels) -> str:
    """All of a picture's labels in one line; the same labels give the same text."""
    document: dict[str, Any] = {"annotations": [_annotation_to_json(annotation) for annotation in labels.annotations]}
    if labels.frame_wh is not None:
        document["frame_wh"] = labels.frame_wh
    if labels.is_relative:
        document["is_relative"] = True
    for name in ("label_file", "mask_file"):
        if getattr(labels, name) is not None:
            document[name] = getattr(labels, name)
    if labels.places:
        document["places"] = {str(number): place for number, place in labels.places.items()}
    if labels.raw:
        document["raw"] = {str(number): value for number, value in labels.raw.items()}
    return json.dumps(document, separators=(",", ":"))


def digest_of_labels(labels: ImageLabels) -> str:
    """A digest of what is said of a picture; not of the places in the label file where it is said."""
    unplaced = replace(
        labels, places={}, annotations=tuple(replace(annotation, order=0) for annotation in labels.annotations)
    )
    return hashlib.sha256(encode_labels(unplaced).encode()).hexdigest()


def decode_labels(text: str) -> ImageLabels:
    """What `encode_labels` wrote."""
    document = json.loads(text)
    frame = document.get("frame_wh")
    return ImageLabels(
        annotations=tuple(_annotation_from_json(entry) for entry in document["annotations"]),
        frame_wh=None if frame is None else (frame[0], frame[1]),
        is_relative=document.get("is_relative", False),
        label_file=document.get("label_file"),
        mask_file=document.get("mask_file"),
        places={int(number): place for number, place in document.get("places", {}).items()},
        raw={int(number): value for number, value in document.get("raw", {}).items()},
    )


def encode_categories(categories: Iterable[Category]) -> str:
    """Classes of objects in one line."""
    return json.dumps([asdict(category) for category in categories], separators=(",", ":"))


def decode_categories(text: str) -> tuple[Category, ...]:
    """What `encode_categories` wrote."""
    return tuple(
        Category(
            name=entry["name"],
            point_names=tuple(entry["point_names"]),
            flip_index=None if entry["flip_index"] is None else tuple(entry["flip_index"]),
            raw=entry["raw"],
        )
        for entry in json.loads(text)
    )


def shapes_to_json(annotation: Annotation, index: int) -> dict[str, Any]:
    """Where an annotation is in a picture of the output, for the manifest.

    Args:
        annotation: As varied.
        index: Place among the annotations of the source; class and attributes are looked up there.
    """
    entry: dict[str, Any] = {"i": index}
    if annotation.category is not None:
        entry["c"] = annotation.category
    return {**entry, **_shapes(annotation)}


def shapes_from_json(entry: Mapping[str, Any], labels: ImageLabels) -> Annotation:
    """An annotation of the output: shapes from the manifest, all else from the source's own."""
    found: Annotation = replace(labels.annotations[entry["i"]], **_shapes_from(entry))
    return found


def placed_from_json(entry: Mapping[str, Any]) -> Annotation:
    """An annotation of the output from the manifest alone: its class and its shapes."""
    return Annotation(category=entry.get("c"), **_shapes_from(entry))


def _annotation_to_json(annotation: Annotation) -> dict[str, Any]:
    entry: dict[str, Any] = _shapes(annotation)
    if annotation.category is not None:
        entry["category"] = annotation.category
    if annotation.crowd:
        entry["crowd"] = True
    if annotation.document:
        entry["document"] = annotation.document
    if annotation.order:
        entry["order"] = annotation.order
    if annotation.part_of is not None:
        entry["part_of"] = annotation.part_of
    if annotation.attributes:
        entry["attributes"] = dict(annotation.attributes)
    if annotation.raw is not None:
        entry["raw"] = annotation.raw
    return entry


def _annotation_from_json(entry: Mapping[str, Any]) -> Annotation:
    return Annotation(
        category=entry.get("category"),
        crowd=entry.get("crowd", False),
        document=entry.get("document", 0),
        order=entry.get("order", 0),
        part_of=entry.get("part_of"),
        attributes=entry.get("attributes", {}),
        raw=entry.get("raw"),
        **_shapes_from(entry),
    )


def _shapes(annotation: Annotation) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for name in _SHAPES:
        value = getattr(annotation, name)
        if value is not None and value != ():
            entry[name] = [value.height, value.width, value.counts] if isinstance(value, RleMask) else value
    return entry


def _shapes_from(entry: Mapping[str, Any]) -> dict[str, Any]:
    box, corners, mask = entry.get("box"), entry.get("corners"), entry.get("mask")
    return {
        "box": None if box is None else tuple(box),
        "rings": tuple(tuple(ring) for ring in entry.get("rings", ())),
        "mask": None if mask is None else RleMask(height=mask[0], width=mask[1], counts=mask[2]),
        "corners": None if corners is None else tuple(corners),
        "points": tuple((x, y, int(seen)) for x, y, seen in entry.get("points", ())),
    }
