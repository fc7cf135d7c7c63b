"""The OpenCV constants that a recipe writes by name; the numbers are accepted too."""

from __future__ import annotations

from typing import Final

BORDER_MODES: Final[dict[str, int]] = {
    "constant": 0,
    "replicate": 1,
    "reflect": 2,
    "wrap": 3,
    "reflect_101": 4,
}

INTERPOLATIONS: Final[dict[str, int]] = {
    "nearest": 0,
    "linear": 1,
    "cubic": 2,
    "area": 3,
    "lanczos4": 4,
    "linear_exact": 5,
    "nearest_exact": 6,
}

CONSTANTS_OF_ARGUMENT: Final[dict[str, dict[str, int]]] = {
    "border_mode": BORDER_MODES,
    "interpolation": INTERPOLATIONS,
    "mask_interpolation": INTERPOLATIONS,
    "interpolation_pair": INTERPOLATIONS,
}
