from __future__ import annotations

from typing import Any

import pytest

from nfold.contrast.modes import Served
from nfold.contrast.pictures import EPOCHS, MOST_COPIES, SIDE, ModeGrid, make_grid, small_jpeg
from nfold.images import DecodeLimits, Image, decode_image


def picture(
    *, width: int = 300, height: int = 200, value: int = 90, kind: str = "uint8", alpha: int | None = None
) -> Image:
    import numpy as np

    pixels: Any = np.full((height, width, 3), value, kind)
    veil: Any = None if alpha is None else np.full((height, width), alpha, kind)
    return Image(pixels=pixels, alpha=veil, file_format="png")


@pytest.mark.parametrize(
    ("width", "height", "small"), [(300, 200, (120, 80)), (50, 400, (15, 120)), (40, 30, (40, 30))]
)
def test_no_side_is_longer_than_120_pixels(width: int, height: int, small: tuple[int, int]) -> None:
    shown = decode_image(small_jpeg(picture(width=width, height=height)), DecodeLimits()).pixels
    assert shown.shape[1::-1] == small
    assert max(small) <= SIDE == 120


def test_16_bits_and_transparency_are_shown() -> None:
    deep = decode_image(small_jpeg(picture(value=257 * 90, kind="uint16")), DecodeLimits()).pixels
    assert abs(int(deep.mean()) - 90) <= 1
    half = decode_image(small_jpeg(picture(value=0, alpha=51)), DecodeLimits()).pixels
    assert abs(int(half.mean()) - 204) <= 1


def test_a_very_long_picture_has_a_pixel_of_height() -> None:
    assert decode_image(small_jpeg(picture(width=1000, height=2)), DecodeLimits()).pixels.shape == (1, 120, 3)


def test_cells_stand_in_the_order_of_the_copies_whatever_the_order_of_the_epoch() -> None:
    grid = ModeGrid(sources=frozenset(["a"]), counts_copies=True, epochs=10)
    for copy in (2, 0, 1):
        served = Served(source="a", copy=copy, picture=picture(value=copy))
        grid.take(served, 1, f"hash{copy}", is_original=copy == 0, is_new=True)
    assert [cell.caption for cell in grid.cells("a", 1)] == ["original", "copy 1", "copy 2"]


def test_what_is_not_for_the_grid_is_passed_over() -> None:
    grid = ModeGrid(sources=frozenset(["a"]), counts_copies=True, epochs=10)
    for source, copy, epoch in (("b", 1, 1), ("a", 1, 4), ("a", MOST_COPIES + 1, 1)):
        grid.take(Served(source=source, copy=copy, picture=picture()), epoch, "h", is_original=False, is_new=True)
    assert [grid.cells(source, epoch) for source in "ab" for epoch in range(1, 5)] == [()] * 8


def test_the_last_epoch_has_a_row_and_the_count_goes_on_where_rows_are_left_out() -> None:
    grid = ModeGrid(sources=frozenset(["a"]), counts_copies=False, epochs=6)
    for epoch, pixels in enumerate("hhihjk", start=1):
        grid.take(Served(source="a", copy=0, picture=picture()), epoch, pixels, is_original=False, is_new=epoch == 1)
    (found,) = make_grid(["a"], 6, {"on-the-fly": grid})
    assert [epoch for epoch, _ in found.rows] == [1, 2, 3, 5, 6]
    assert [entry["on-the-fly"] for entry in found.so_far] == [1, 1, 2, 3, 4]
    assert [cells["on-the-fly"][0].caption for _, cells in found.rows][:3] == ["epoch 1", "epoch 2", "epoch 3"]
    # The same pixels are one picture in memory.
    assert len({id(cells["on-the-fly"][0].jpeg) for _, cells in found.rows[:2]}) == 1
    assert EPOCHS == (1, 2, 3, 5, 10)
