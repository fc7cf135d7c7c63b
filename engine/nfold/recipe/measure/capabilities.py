"""Measures what each transform does to grey, colour, floating-point and masked pictures."""

from __future__ import annotations

import random
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import albumentations as A  # noqa: N812 (the name that everybody knows)
import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from nfold.recipe.measure.following import measure_following
from nfold.recipe.measure.selection import SAMPLES

Pixels = NDArray[Any]
SEEDS: Final = range(5)
SHAPES_HW: Final = ((96, 128), (101, 77))
NEEDS_BOXES: Final = {"AtLeastOneBBoxRandomCrop", "BBoxSafeRandomCrop", "RandomSizedBBoxSafeCrop"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One transform on one picture, or what stopped it."""

    image: Pixels | None
    mask: Pixels | None = None
    failure: str | None = None


def measure_capabilities(name: str, kind: str, arguments: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Find what `catalogue.json` says about one transform, beside its arguments."""
    report: dict[str, JsonValue] = {
        "grey": _takes(name, grey=True, as_float=False),
        "rgb": _takes(name, grey=False, as_float=False),
    }
    for key, grey in (("float_grey", True), ("float_rgb", False)):
        report[key] = (
            bool(report["grey" if grey else "rgb"])
            and _takes(name, grey=grey, as_float=True)
            and _keeps_depth(name, grey=grey)
            and _float_agrees(name, grey=grey)
        )
    report["float_loss"] = None if report["float_rgb"] else _reason_against_float(name)
    report["mask"] = kind == "pixel" or _keeps_mask_in_step(name)
    report["keeps_size"] = _keeps_size(name)
    report["deterministic"] = _is_deterministic(name) and not _has_ranges(arguments)
    report["needs_boxes"] = name in NEEDS_BOXES
    report["follows"] = measure_following(name) if kind == "dual" else None
    return report


def photograph(shape_hw: tuple[int, int], *, grey: bool) -> NDArray[np.uint8]:
    """Draw a smooth picture with detail: waves, an edge and fine texture, the same at every call."""
    height, width = shape_hw
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    texture = np.random.default_rng(1).normal(0, 6, (height, width, 3))
    waves = [120 + 70 * np.sin(x / (9 + c) + c) * np.cos(y / (7 + 2 * c)) for c in range(3)]
    colour = np.clip(np.stack(waves, axis=-1) + texture + 30 * (x > width / 2)[..., None], 0, 255).astype(np.uint8)
    return np.ascontiguousarray(colour[..., 0]) if grey else colour


def run_once(name: str, image: Pixels, seed: int, mask: Pixels | None = None, **extra: Any) -> Run:
    """Apply the transform with p = 1; a warning while it works counts as a failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "is a special case of", "is very slow"
        pipeline = _pipeline(name, extra)
        warnings.simplefilter("error")
        try:
            pipeline.set_random_state(np.random.default_rng(seed), random.Random(seed))  # noqa: S311
            given: dict[str, Any] = {"image": image.copy()}
            if mask is not None:
                given["mask"] = mask.copy()
            if name in NEEDS_BOXES:
                given |= {"bboxes": np.array([[20.0, 20, 50, 50]]), "row": [0]}
            result = pipeline(**given)
        except Exception as error:  # noqa: BLE001 (any failure is the finding)
            return Run(image=None, failure=f"{type(error).__name__}: {error}"[:200])
    return Run(image=result["image"], mask=result.get("mask"))


def _pipeline(name: str, extra: Mapping[str, Any]) -> Any:
    arguments = {**SAMPLES.get(name, {}), **extra, "p": 1.0}
    boxes = A.BboxParams(format="pascal_voc", label_fields=["row"]) if name in NEEDS_BOXES else None
    return A.Compose([getattr(A, name)(**arguments)], bbox_params=boxes, strict=True)


def _as_float(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    return image.astype(np.float32) / np.float32(255)


def _takes(name: str, *, grey: bool, as_float: bool) -> bool:
    for shape_hw in SHAPES_HW:
        plain = photograph(shape_hw, grey=grey)
        image = _as_float(plain) if as_float else plain
        for seed in SEEDS:
            result = run_once(name, image, seed).image
            if result is None or result.dtype != image.dtype or result.ndim != image.ndim:
                return False
            if not np.isfinite(result).all() or (as_float and (result.min() < -0.001 or result.max() > 1.001)):
                return False
            if not grey and result.shape[2] != 3:
                return False
    return True


def _deep_gradient(*, grey: bool) -> NDArray[np.float32]:
    ramp = np.linspace(0.2, 0.8, 128 * 128, dtype=np.float32).reshape(128, 128)
    return ramp if grey else np.stack([ramp, ramp.T, ramp[::-1]], axis=-1).copy()


def _keeps_depth(name: str, *, grey: bool) -> bool:
    """Check that many levels survive, and a step far below 1/255 still shows in most pixels."""
    gradient = _deep_gradient(grey=grey)
    finer = gradient + np.float32(1 / 2048)
    for seed in SEEDS:
        first, second = run_once(name, gradient, seed).image, run_once(name, finer, seed).image
        if first is None or second is None or first.shape != second.shape:
            return False
        levels = len(np.unique(np.round(first * 65535)))
        if levels <= 512 or np.mean(np.abs(first - second) > 1e-6) < 0.25:
            return False
    return True


def _float_agrees(name: str, *, grey: bool) -> bool:
    """Compare what one draw does to 8-bit and to floating-point pixels, up to noise and rounding."""
    plain = photograph(SHAPES_HW[0], grey=grey)
    for seed in SEEDS:
        eight, floating = run_once(name, plain, seed).image, run_once(name, _as_float(plain), seed).image
        if eight is None or floating is None or eight.shape != floating.shape:
            return False
        if np.mean(np.abs(eight.astype(np.float64) - floating * 255.0)) > 3.0:
            return False
    return True


def _reason_against_float(name: str) -> str:
    if not _takes(name, grey=False, as_float=True):
        return "it does not take floating-point pixels"
    if not _keeps_depth(name, grey=False):
        return "it works in 8 bits inside, so finer levels are lost"
    return "it does something else to floating-point pixels than to 8-bit ones"


def _keeps_mask_in_step(name: str) -> bool:
    """Check that a mask equal to the picture stays equal, or that nothing moves and it is left alone."""
    plain = photograph(SHAPES_HW[0], grey=False)
    mask = np.ascontiguousarray(plain[..., 0])
    extra = {"mask_interpolation": 1} if "mask_interpolation" in _init_names(name) else {}
    for seed in SEEDS:
        run = run_once(name, plain, seed, mask, **extra)
        if (
            run.image is None
            or run.mask is None
            or run.mask.shape != run.image.shape[:2]
            or run.mask.dtype != mask.dtype
        ):
            return False
        follows = np.mean(np.abs(run.image[..., 0].astype(int) - run.mask.astype(int))) < 1.0
        stays = bool(np.array_equal(run.mask, mask)) and np.mean(np.all(run.image == plain, axis=-1)) > 0.4
        if not (follows or stays):
            return False
    return True


def _init_names(name: str) -> set[str]:
    return set(getattr(A, name).InitSchema.model_fields)


def _keeps_size(name: str) -> bool:
    runs = [run_once(name, photograph(shape_hw, grey=False), seed) for shape_hw in SHAPES_HW for seed in SEEDS]
    shapes = [shape_hw for shape_hw in SHAPES_HW for _ in SEEDS]
    return all(run.image is not None and run.image.shape[:2] == shape for run, shape in zip(runs, shapes, strict=True))


def _is_deterministic(name: str) -> bool:
    image = photograph(SHAPES_HW[0], grey=False)
    results = [run_once(name, image, seed).image for seed in range(8)]
    first = results[0]
    return first is not None and all(result is not None and np.array_equal(result, first) for result in results)


def _has_ranges(arguments: Mapping[str, Any]) -> bool:
    return any(name.endswith(("_range", "_limit", "_sigma")) or name in {"scale", "alpha"} for name in arguments)
