from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from nfold.annotations import Annotation, ImageLabels, OutputImage
from nfold.annotations.rle import encode_rle
from nfold.formats.masks.painting import filled, paint, palette_of_classes


def image_of(*annotations: Annotation, size: tuple[int, int] = (20, 12)) -> OutputImage:
    return OutputImage(
        name="a.jpg", label_name="masks/a.png", source="a.jpg", copy=0, rank=0, size_wh=size, split=None, category=None,
        labels=ImageLabels(), annotations=annotations, is_untouched=False,
    )  # fmt: skip


def rectangle(x0: float, y0: float, x1: float, y1: float) -> tuple[float, ...]:
    return (x0, y0, x1, y0, x1, y1, x0, y1)


@given(st.integers(0, 10), st.integers(0, 6), st.integers(1, 12), st.integers(1, 8))
def test_edges_at_integers_fill_whole_pixels(x: int, y: int, width: int, height: int) -> None:
    expected = np.zeros((12, 20), bool)
    expected[y : y + height, x : x + width] = True
    assert (filled(rectangle(x, y, x + width, y + height), 12, 20) == expected).all()


coordinates = st.floats(-5, 45)


@given(st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=3))
def test_a_pixel_belongs_to_a_triangle_when_its_centre_does(corners: Any) -> None:
    found = filled(tuple(value for corner in corners for value in corner), 40, 40)
    xs, ys = np.meshgrid(np.arange(40) + 0.5, np.arange(40) + 0.5)
    sides = []
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        sides.append((x1 - x0) * (ys - y0) - (y1 - y0) * (xs - x0))
    clear = np.min([np.abs(side) for side in sides], axis=0) > 1e-6
    inside = np.all([side > 0 for side in sides], axis=0) | np.all([side < 0 for side in sides], axis=0)
    assert (found == inside)[clear].all()


def test_a_star_is_filled_much_as_pillow_fills_it() -> None:
    angles = np.arange(10) * np.pi / 5
    radii = np.where(np.arange(10) % 2, 40, 90)
    xs, ys = 100 + radii * np.cos(angles), 100 + radii * np.sin(angles)
    ring = tuple(value for pair in zip(xs, ys, strict=True) for value in pair)
    picture = Image.new("L", (200, 200))
    ImageDraw.Draw(picture).polygon([(x - 0.5, y - 0.5) for x, y in zip(xs, ys, strict=True)], fill=1)
    ours, theirs = filled(ring, 200, 200), np.array(picture) > 0
    # Pillow rounds corners to pixels and paints the outline too.
    assert (ours & theirs).sum() / (ours | theirs).sum() > 0.96


def test_large_objects_lie_below_small_ones_whatever_their_order() -> None:
    small = Annotation(category=4, rings=(rectangle(2, 2, 4, 4),))
    large = Annotation(category=1, rings=(rectangle(0, 0, 10, 10), rectangle(15, 0, 20, 2)))
    for order in ((small, large), (large, small)):
        canvas = paint(image_of(*order), classes=5)
        assert canvas.dtype == np.uint8
        assert (canvas[3, 3], canvas[0, 0], canvas[0, 16], canvas[11, 19]) == (5, 2, 2, 0)


def test_pixels_of_objects_are_painted_and_boxes_are_not() -> None:
    cover = np.zeros((12, 20), bool)
    cover[3, 5:9] = True
    mask = Annotation(category=0, mask=encode_rle(cover))
    box = Annotation(category=0, box=(0, 0, 20, 12))
    nameless = Annotation(rings=(rectangle(0, 0, 20, 12),))
    assert (paint(image_of(mask, box, nameless), classes=1) == cover).all()


def test_more_than_255_classes_take_16_bits() -> None:
    canvas = paint(image_of(Annotation(category=299, rings=(rectangle(0, 0, 20, 12),))), classes=300)
    assert canvas.dtype == np.uint16
    assert set(np.unique(canvas)) == {300}


def test_the_palette_is_that_of_voc() -> None:
    palette = palette_of_classes()
    assert len(palette) == 768
    colours = [tuple(palette[3 * number : 3 * number + 3]) for number in (0, 1, 15, 20, 255)]
    assert colours == [(0, 0, 0), (128, 0, 0), (192, 128, 128), (0, 64, 128), (224, 224, 192)]
