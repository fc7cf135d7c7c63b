"""The transforms that fired, in a form that a manifest holds: parameters as plain JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_LARGEST_PARAMETER = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedTransform:
    """A transform that fired, with the parameters that it drew."""

    name: str
    parameters: dict[str, Any]


def applied_transforms(recorded: Iterable[tuple[str, dict[str, Any]]]) -> tuple[AppliedTransform, ...]:
    """What Albumentations recorded, small arrays in full, large ones by shape and hash."""
    return tuple(AppliedTransform(name=name, parameters=_readable(parameters)) for name, parameters in recorded)


def _readable(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in parameters.items() if name != "shape"}


def _plain(value: Any) -> Any:
    """A parameter as JSON: small arrays in full, large ones by shape and hash."""
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)) and len(value) <= _LARGEST_PARAMETER:
        return [_plain(item) for item in value]
    return _plain_array(value)


def _plain_array(value: Any) -> Any:
    import numpy as np
    import xxhash

    array = np.asarray(value)
    if array.dtype == object:
        return f"{len(value)} values" if isinstance(value, (list, tuple)) else type(value).__name__
    if array.ndim == 0:
        return array.item()
    if array.size <= _LARGEST_PARAMETER:
        return array.tolist()
    return {"shape": list(array.shape), "xxh3": xxhash.xxh3_64_hexdigest(np.ascontiguousarray(array).data)}
