"""Pictures to draw on and annotations of every kind, sound and broken."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from nfold.annotations import Annotation, Category, RleMask
from nfold.annotations.rle import encode_rle

NUMBERS = st.one_of(
    st.floats(-60, 120),
    st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf, 1e308, -1e308, 1e15, 5e-324]),
)


def grey(width: int, height: int, value: int = 128) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A plain picture."""
    return np.full((height, width, 3), value, dtype=np.uint8)


def changed(before: Any, after: Any) -> Any:
    """Where two pictures differ, as a picture of truth values."""
    return (np.asarray(before) != np.asarray(after)).any(axis=2)


def shape_mask(width: int, height: int, box: tuple[int, int, int, int]) -> RleMask:
    """A rectangle as the pixels of an object."""
    pixels = np.zeros((height, width), dtype=np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = 1
    return encode_rle(pixels)


def annotations(width: int, height: int) -> st.SearchStrategy[Annotation]:
    """Any annotation at all, most of them broken in some way."""
    rings = st.lists(NUMBERS, max_size=12).map(tuple)
    masks = st.one_of(
        st.none(),
        st.just(shape_mask(width, height, (0, 0, max(1, width // 2), height))),
        st.just(RleMask(height=height, width=width, counts="damaged\x00")),
        st.just(RleMask(height=3, width=5, counts="?")),
        st.just(RleMask(height=2**20, width=2**20, counts="")),
    )
    return st.builds(
        Annotation,
        category=st.one_of(st.none(), st.integers(-2, 30)),
        box=st.one_of(st.none(), st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS)),
        rings=st.lists(rings, max_size=3).map(tuple),
        mask=masks,
        corners=st.one_of(st.none(), rings, st.lists(NUMBERS, min_size=8, max_size=8).map(tuple)),
        points=st.lists(st.tuples(NUMBERS, NUMBERS, st.integers(-1, 4)), max_size=6).map(tuple),
        crowd=st.booleans(),
    )


BODY = Category(
    name="body",
    point_names=("nose", "eyeL", "eyeR"),
    flip_index=(0, 2, 1),
    raw={"skeleton": [[1, 2], [1, 3], [9, 1], "odd", [1], [0, -5], [True, 2]]},
)
