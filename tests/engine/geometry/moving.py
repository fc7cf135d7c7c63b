"""What the tests about geometry share: every transform that moves a picture, run once and recorded."""

from __future__ import annotations

import random
import warnings
from typing import Any, Final

import albumentations as A  # noqa: N812 (the name that everybody knows)
import numpy as np

from nfold.geometry.label_images import STILL
from nfold.geometry.recording import attach_recorder
from nfold.geometry.stages import Stage
from nfold.recipe.catalogue import catalogue
from nfold.recipe.measure.selection import FOLLOWING_SAMPLES, SAMPLES

MOVING: Final = sorted(
    name for name, entry in catalogue().entries.items() if entry.kind == "dual" and name not in STILL
)
VARIANTS: Final[list[tuple[str, dict[str, Any]]]] = [
    ("Affine", {"rotate": 30, "scale": 1.3, "fit_output": True}),
    ("Affine", {"shear": {"x": (-20, 20), "y": (-10, 10)}, "translate_px": (-30, 30)}),
    ("Rotate", {"limit": 40, "crop_border": True}),
    ("Perspective", {"keep_size": False}),
    ("Perspective", {"fit_output": True}),
    ("CropAndPad", {"px": [-13, 17, 5, -9], "keep_size": False}),
    ("RandomCrop", {"height": 300, "width": 150, "pad_if_needed": True}),
    ("CenterCrop", {"height": 100, "width": 390, "pad_if_needed": True}),
    ("Crop", {"x_min": 20, "y_min": 11, "x_max": 350, "y_max": 200, "pad_if_needed": True}),
    ("Pad", {"padding": [3, 8, 21, 1]}),
    ("PadIfNeeded", {"min_height": 300, "min_width": None, "pad_width_divisor": 128, "position": "top_left"}),
    ("LongestMaxSize", {"max_size": 90}),
]


def build(name: str, arguments: dict[str, Any] | None = None) -> Any:
    """The transform, alone in a pipeline, with p = 1."""
    given = {**SAMPLES.get(name, {}), **FOLLOWING_SAMPLES.get(name, {})} if arguments is None else arguments
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "is a special case of", "is very slow"
        return A.Compose([getattr(A, name)(**given, p=1)])


def run(pipeline: Any, picture: np.ndarray[Any, Any], seed: int) -> tuple[np.ndarray[Any, Any], tuple[Stage, ...], Any]:
    """The picture after, the stages, and the transform with the parameters it drew."""
    recorder = attach_recorder(pipeline, A)
    pipeline.set_random_state(np.random.default_rng(seed), random.Random(seed))
    boxes = np.array([[40.0, 50, 120, 130]])
    result, stages = recorder.run(pipeline, {"image": picture}, lambda stages: boxes)
    return result["image"], stages, pipeline.transforms[0]
