from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nfold.annotations.instances import Instances
from nfold.annotations.rle import encode_rle
from nfold.geometry.known import moved
from nfold.geometry.stages import Linear, Stage


def rectangle(x: int, y: int, width: int, height: int) -> Any:
    pixels = np.zeros((40, 60), dtype=bool)
    pixels[y : y + height, x : x + width] = True
    return pixels


def to_the_left(pixels: Any, by: int, **options: Any) -> Any:
    out = np.full_like(pixels, options["fill"])
    out[:, : 60 - by] = pixels[:, by:]
    return out


def stage(by: int) -> Stage:
    return Stage(
        name="A",
        size_in_wh=(60, 40),
        size_out_wh=(60, 40),
        warp=Linear(matrix=moved(-by, 0)),
        move_mask=partial(to_the_left, by=by),
    )


def test_masks_move_each_on_its_own_whether_they_overlap_or_not() -> None:
    shapes = [rectangle(10, 5, 20, 10), rectangle(25, 5, 20, 10), rectangle(0, 20, 10, 10), rectangle(40, 20, 5, 5)]
    instances = Instances([encode_rle(shapes[0]), None, *(encode_rle(shape) for shape in shapes[1:])])
    step = stage(15)
    instances.move(step)
    found = instances.taken([step])
    assert found[1] is None
    for pixels, shape in zip((found[0], *found[2:]), shapes, strict=True):
        assert pixels is not None
        assert np.array_equal(pixels.mask, np.pad(shape[:, 15:], ((0, 0), (0, 15))))
        assert pixels.share == pytest.approx(shape[:, 15:].sum() / shape.sum())


def test_masks_that_do_not_overlap_share_one_picture_and_others_do_not() -> None:
    moves: list[Any] = []

    def count(pixels: Any, **options: Any) -> Any:
        moves.append(pixels)
        return pixels

    step = SimpleNamespace(move_mask=count)
    apart = Instances([encode_rle(rectangle(k * 3, 2, 2, 2)) for k in range(15)])
    apart.move(step)  # type: ignore[arg-type]
    assert len(moves) == 1
    over = Instances([encode_rle(rectangle(0, 2, 20, 2)) for _ in range(3)])
    over.move(step)  # type: ignore[arg-type]
    assert len(moves) == 4


def test_a_mask_without_pixels_is_known_for_one() -> None:
    (found,) = Instances([encode_rle(rectangle(0, 0, 0, 0))]).taken([])
    assert found is not None
    assert found.is_flat
    assert found.share == 0
