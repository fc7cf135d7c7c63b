"""The transforms that a recipe may name, with their arguments and what they were measured to do to a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal

JsonSchema = Mapping[str, Any]

PROBABILITY: Final[JsonSchema] = {"type": "number", "minimum": 0, "maximum": 1}
COUNT: Final[JsonSchema] = {"type": "integer", "minimum": 1, "maximum": 64, "default": 1}
FLAG: Final[JsonSchema] = {"type": "boolean", "default": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Follows:
    """How well labels, moved as nfold moves them, were measured to agree with the pixels.

    For shapes of 60 pixels and more, over many draws, beyond the edge a constant border. None: could not be measured.

    Attributes:
        boxes: Smallest and mean intersection over union of upright boxes, 0 to 1.
        oriented: Of oriented boxes: the share of the object that the box holds, times how tight it is.
        polygons: Of outlines.
        masks: Of masks.
        points: The largest distance of a point from where the pixels show it, in pixels.
    """

    boxes: tuple[float, float] | None
    oriented: tuple[float, float] | None
    polygons: tuple[float, float] | None
    masks: tuple[float, float] | None
    points: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a transform was measured to do, with p = 1.

    Attributes:
        grey: It takes 8-bit pixels of shape (H, W).
        rgb: It takes 8-bit pixels of shape (H, W, 3).
        float_grey: It takes float32 in 0..1 of shape (H, W), keeps more than 8 bits, and does what it does in 8 bits.
        float_rgb: The same for shape (H, W, 3).
        float_loss: Why not, where `float_rgb` is false.
        mask: A mask stays in step with the pixels.
        keeps_size: Height and width stay.
        deterministic: It does the same each time, whatever its arguments.
        needs_boxes: It fails on a picture without boxes.
        follows: How well labels follow; None where it changes values only.
    """

    grey: bool
    rgb: bool
    float_grey: bool
    float_rgb: bool
    float_loss: str | None
    mask: bool
    keeps_size: bool
    deterministic: bool
    needs_boxes: bool
    follows: Follows | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One name that may stand in a recipe.

    Attributes:
        name: As in Albumentations.
        kind: `dual` moves or covers pixels and labels, `pixel` changes values only, `composition` holds others.
        summary: One line from Albumentations' manual.
        arguments: JSON Schema of each argument, with `default` where it has one.
        saved_extras: What `A.to_dict` writes besides, though the transform itself does not take it.
        capabilities: What was measured; None for compositions.
    """

    name: str
    kind: Literal["dual", "pixel", "composition"]
    summary: str
    arguments: Mapping[str, JsonSchema]
    saved_extras: frozenset[str] = frozenset()
    capabilities: Capabilities | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Everything a recipe may name.

    Attributes:
        entries: By name: transforms and compositions.
        excluded: Names of Albumentations that a recipe may not use, with the reason.
        albumentations: The version that was measured.
    """

    entries: Mapping[str, Entry]
    excluded: Mapping[str, str]
    albumentations: str


COMPOSITIONS: Final[dict[str, Entry]] = {
    "OneOf": Entry(
        name="OneOf",
        kind="composition",
        summary="Applies one of the transforms, chosen in proportion to their p.",
        arguments={"p": {**PROBABILITY, "default": 0.5}},
    ),
    "SomeOf": Entry(
        name="SomeOf",
        kind="composition",
        summary="Picks n of the transforms, equally likely, and applies each with its own p, in the order written.",
        arguments={"n": COUNT, "replace": FLAG, "p": {**PROBABILITY, "default": 1.0}},
    ),
    "RandomOrder": Entry(
        name="RandomOrder",
        kind="composition",
        summary="Picks n of the transforms and applies each with its own p, in random order.",
        arguments={"n": COUNT, "replace": FLAG, "p": {**PROBABILITY, "default": 1.0}},
    ),
    "Sequential": Entry(
        name="Sequential",
        kind="composition",
        summary="Applies the transforms one after the other, or none of them.",
        arguments={"p": {**PROBABILITY, "default": 0.5}},
    ),
    "OneOrOther": Entry(
        name="OneOrOther",
        kind="composition",
        summary="Applies the first of two transforms with probability p, otherwise the second.",
        arguments={"p": {**PROBABILITY, "default": 0.5}},
    ),
}


@cache
def catalogue() -> Catalogue:
    """Read the catalogue that is shipped with nfold."""
    table = json.loads(files("nfold.recipe").joinpath("catalogue.json").read_text(encoding="utf-8"))
    entries = {
        name: Entry(
            name=name,
            kind=entry["kind"],
            summary=entry["summary"],
            arguments=entry["arguments"],
            saved_extras=frozenset(entry["saved_extras"]),
            capabilities=_capabilities(entry["capabilities"]),
        )
        for name, entry in table["transforms"].items()
    }
    return Catalogue(
        entries=MappingProxyType(entries | COMPOSITIONS),
        excluded=MappingProxyType(table["excluded"]),
        albumentations=table["albumentations"],
    )


def _capabilities(entry: Mapping[str, Any]) -> Capabilities:
    follows = entry.get("follows")
    if follows is None:
        return Capabilities(**{**entry, "follows": None})
    figures: dict[str, Any] = {
        target: tuple(value) if isinstance(value, list) else value for target, value in follows.items()
    }
    return Capabilities(**{**entry, "follows": Follows(**figures)})
