"""Masks of objects through stages, against each of them moved alone: the way without anything clever is the oracle."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from nfold.annotations import RleMask
from nfold.annotations import instances as module
from nfold.annotations.instances import Pixels, moved_masks
from nfold.annotations.rle import decode_rle, encode_rle
from nfold.errors import SampleError
from nfold.geometry.journey import share_of_points
from nfold.geometry.known import moved
from nfold.geometry.stages import Linear, Stage
from tests.engine.geometry.moving import MOVING, VARIANTS, build, run

CASES: list[tuple[str, dict[str, Any] | None]] = [(name, None) for name in MOVING] + [*VARIANTS]


def one_by_one(masks: list[RleMask | None], stages: list[Stage]) -> list[Pixels | None]:
    """The oracle: whole pictures, one for each object."""
    found: list[Pixels | None] = []
    for mask in masks:
        if mask is None:
            found.append(None)
            continue
        pixels = decode_rle(mask)
        rows, columns = np.nonzero(pixels)
        some = slice(None, None, -(-len(rows) // 4_000) or 1)
        share = share_of_points(np.stack([columns[some] + 0.5, rows[some] + 0.5], axis=1), stages)
        picture = pixels.astype(np.uint16)
        for stage in stages:
            if stage.move_mask is not None:
                picture = stage.move_mask(picture, fill=0, semantic=False)
        across, down = np.flatnonzero(picture.any(axis=0)), np.flatnonzero(picture.any(axis=1))
        is_there = bool(len(across))
        found.append(
            Pixels(
                mask=encode_rle(picture) if is_there else None,
                area=int(picture.sum()),
                box=(float(across[0]), float(down[0]), across[-1] + 1.0, down[-1] + 1.0) if is_there else None,
                share=share,
                is_flat=not len(rows),
            )
        )
    return found


def some_masks(seed: int, count: int, size_wh: tuple[int, int]) -> list[RleMask | None]:
    """Blobs and rectangles that overlap, a region all over the picture, noise, something flat, and one without a mask."""
    width, height = size_wh
    random = np.random.default_rng(seed)
    shapes: list[Any] = []
    for k in range(count):
        pixels = np.zeros((height, width), dtype=bool)
        x, y = int(random.integers(0, width - 1)), int(random.integers(0, height - 1))
        if k % 3:
            pixels[y : y + int(random.integers(1, height // 2)), x : x + int(random.integers(1, width // 4))] = True
        else:
            rows, columns = np.ogrid[:height, :width]
            pixels = ((columns - x) / width) ** 2 + ((rows - y) / height) ** 2 < random.uniform(0.001, 0.1)
        shapes.append(pixels)
    shapes.append(random.random((height, width)) < 0.5)
    shapes.append(np.ones((height, width), dtype=bool))
    shapes.append(np.zeros((height, width), dtype=bool))
    return [*(encode_rle(pixels) for pixels in shapes), None]


def rectangle(x: int, y: int, width: int, height: int) -> Any:
    pixels = np.zeros((40, 60), dtype=bool)
    pixels[y : y + height, x : x + width] = True
    return pixels


def to_the_left(pixels: Any, by: int, **options: Any) -> Any:
    out = np.full_like(pixels, options["fill"])
    out[:, : pixels.shape[1] - by] = pixels[:, by:]
    return out


def stage(by: int, size_wh: tuple[int, int] = (60, 40)) -> Stage:
    return Stage(
        name="A",
        size_in_wh=size_wh,
        size_out_wh=size_wh,
        warp=Linear(matrix=moved(-by, 0)),
        move_mask=partial(to_the_left, by=by),
    )


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)
def test_many_objects_in_one_label_image_move_as_each_would_alone(name: str, arguments: dict[str, Any] | None) -> None:
    _, stages, _ = run(build(name, arguments), np.zeros((240, 320, 3), dtype=np.uint8), 3)
    masks = some_masks(1, 14, (320, 240))
    assert moved_masks(masks, stages) == one_by_one(masks, list(stages))


@pytest.mark.parametrize("seed", range(12))
def test_objects_that_overlap_in_any_way_come_out_as_one_by_one(seed: int) -> None:
    count = int(np.random.default_rng(seed).integers(0, 90))
    masks = some_masks(seed, count, (61, 43))
    stages = [stage(7, (61, 43)), stage(11, (61, 43))]
    assert moved_masks(masks, stages) == one_by_one(masks, stages)
    assert moved_masks(masks, []) == one_by_one(masks, [])


def test_masks_that_do_not_overlap_share_a_picture_and_so_do_some_that_do() -> None:
    pictures: list[Any] = []

    def count(pixels: Any, **options: Any) -> Any:
        pictures.append(pixels)
        return pixels

    step = replace(stage(0), move_mask=count)
    apart = [encode_rle(rectangle(k % 20 * 3, k // 20 * 3, 2, 2)) for k in range(200)]
    moved_masks(apart, [step])
    assert len(pictures) == 1
    over = [encode_rle(rectangle(0, 2, 20, 2)) for _ in range(33)]
    moved_masks(over, [step])
    assert len(pictures) == 1 + 3


def test_a_mask_without_pixels_is_known_for_one() -> None:
    (found,) = moved_masks([encode_rle(rectangle(0, 0, 0, 0))], [])
    assert found == Pixels(is_flat=True)


def test_three_hundred_objects_all_over_a_picture_take_the_memory_of_a_few_pictures() -> None:
    width, height = 800, 600
    masks: list[RleMask | None] = []
    for k in range(300):
        pixels = np.ones((height, width), dtype=bool)
        pixels[k : k + 5, k : k + 9] = False
        masks.append(encode_rle(pixels))
    tracemalloc.start()
    try:
        found = moved_masks(masks, [stage(3, (width, height))])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert all(pixels is not None and pixels.area for pixels in found)
    assert peak < 24 * width * height


def test_more_than_can_be_moved_in_reasonable_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    over: list[RleMask | None] = [encode_rle(rectangle(0, 2, 20, 2)) for _ in range(33)]
    apart: list[RleMask | None] = [encode_rle(rectangle(k, 2, 1, 2)) for k in range(33)]
    monkeypatch.setattr(module, "_MOST_MOVED_PX", 2 * 40 * 60)
    assert len(moved_masks(apart, [])) == 33
    with pytest.raises(SampleError, match="33 objects that overlap, in a picture of 60 x 40") as caught:
        moved_masks(over, [])
    assert caught.value.stable_code == "labels.too_large"
    assert caught.value.hint
