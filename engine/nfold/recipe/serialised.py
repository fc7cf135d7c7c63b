"""Reads pipelines that Albumentations saved (`A.to_dict`, `A.save`) as recipes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import JsonValue

from nfold.recipe.catalogue import catalogue

CLASS: Final = "__class_fullname__"
# What Compose says about labels and targets; nfold carries those itself.
COMPOSE_ONLY: Final = {"bbox_params", "keypoint_params", "additional_targets", "is_check_shapes", "seed", "strict"}
MAX_NESTING: Final = 16
NOT_HELD: Final[dict[tuple[str, str], object]] = {
    ("Equalize", "mask"): None,
    ("Equalize", "mask_params"): None,
    ("ToGray", "num_output_channels"): 3,
}


def is_serialised(data: Mapping[Any, Any]) -> bool:
    """Whether the document is a saved pipeline, not a recipe."""
    inner = data.get("transform")
    return CLASS in data or (isinstance(inner, Mapping) and CLASS in inner)


def recipe_of_serialised(data: Mapping[Any, Any]) -> dict[str, JsonValue]:
    """Turn the document into a recipe; names and arguments are checked as those of any other recipe.

    A top-level `p` below 1 becomes a Sequential with that p. Lost on the way, in Albumentations already: `seed`,
    `strict` and `mask_interpolation` of the Compose.
    """
    top = data if CLASS in data else data["transform"]
    if not _is_plain_compose(top):
        return {"augment": [_step(top, 0)]}
    steps = top.get("transforms")
    return {"augment": [_step(step, 0) for step in steps] if isinstance(steps, list | tuple) else steps}


def pointer_in_serialised(pointer: str, data: Mapping[Any, Any]) -> str:
    """Where a place of the recipe is in the saved document: its mappings carry the class name inside."""
    top = data if CLASS in data else data["transform"]
    start = "" if CLASS in data else "/transform"
    found = re.match(r"/augment(?:/(\d+)(?:/[^/]+)?)?(.*)$", pointer)
    if found is None:
        return start
    index, rest = found.groups()
    if _is_plain_compose(top):
        start += "/transforms" if index is None else f"/transforms/{index}"
    return start + re.sub(r"/transforms/(\d+)/[^/]+", r"/transforms/\1", rest)


def _is_plain_compose(step: Mapping[Any, Any]) -> bool:
    return _short_name(step) in {"Compose", "ReplayCompose"} and step.get("p", 1) == 1


def _step(step: object, depth: int) -> JsonValue:
    if not isinstance(step, Mapping) or CLASS not in step or depth > MAX_NESTING:
        return None
    name = _short_name(step)
    arguments = {str(key): value for key, value in step.items() if key != CLASS}
    if name in {"Compose", "ReplayCompose"}:
        name = "Sequential"
        arguments = {"p": 1.0, **{key: value for key, value in arguments.items() if key not in COMPOSE_ONLY}}
        arguments.pop("save_key", None)
    if isinstance(arguments.get("transforms"), list | tuple):
        arguments["transforms"] = [_step(inner, depth + 1) for inner in arguments["transforms"]]
    entry = catalogue().entries.get(name)
    extras = entry.saved_extras if entry else frozenset()
    kept = {key: value for key, value in arguments.items() if key not in extras or _is_meant(name, key, value)}
    return {name: kept}


def _is_meant(name: str, key: str, value: object) -> bool:
    """Whether a value that no recipe can hold was given on purpose, so that to drop it would change pixels."""
    return (name, key) in NOT_HELD and value not in (None, [], (), NOT_HELD[name, key])


def _short_name(step: Mapping[Any, Any]) -> str:
    return str(step[CLASS]).rpartition(".")[2]
