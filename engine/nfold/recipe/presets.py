"""The recipes that come with nfold, read when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Final

DEFAULT_PRESET: Final = "flip-rotate"
NAMES: Final = (
    "flip-rotate",
    "light",
    "medium",
    "strong",
    "geometry",
    "color",
    "weather",
    "camera",
    "document",
    "aerial",
    "microscopy",
    "detection",
)


class _Presets(Mapping[str, str]):
    """The YAML text of each preset, by name, in the order of the manual."""

    def __getitem__(self, name: str) -> str:
        if name not in NAMES:
            raise KeyError(name)
        return files("nfold.recipe").joinpath("recipes", f"{name}.yaml").read_text(encoding="utf-8")

    def __contains__(self, name: object) -> bool:
        return name in NAMES

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


PRESETS: Final[Mapping[str, str]] = _Presets()
