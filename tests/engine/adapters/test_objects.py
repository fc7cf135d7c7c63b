"""Marked objects as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nfold.adapters.objects import keypoint_rows, marked_objects, object_masks
from nfold.annotations import Annotation
from nfold.annotations.rle import encode_rle
from nfold.errors import SampleError
from nfold.images import Image
from nfold.stream import Item


def item_of(*annotations: Annotation) -> Item:
    picture = Image(pixels=np.zeros((20, 30, 3), np.uint8), file_format="png")
    return Item(source="a.png", copy=1, picture=picture, annotations=annotations)


def marked(*annotations: Annotation, **options: Any) -> Any:
    return marked_objects(item_of(*annotations), **{"first_label": 1, "has_categories": True, **options})


BOX = (2.0, 3.0, 12.0, 9.0)


def test_boxes_are_edges_and_classes_begin_where_they_are_told_to() -> None:
    _, arrays = marked(Annotation(category=0, box=BOX), Annotation(category=4, box=(0, 0, 30, 20), crowd=True))
    assert arrays["boxes"].tolist() == [list(BOX), [0, 0, 30, 20]]
    assert arrays["labels"].tolist() == [1, 5]
    assert arrays["area"].tolist() == [60, 600]
    assert arrays["iscrowd"].tolist() == [0, 1]
    assert marked(Annotation(category=0, box=BOX), first_label=0)[1]["labels"].tolist() == [0]
    assert {name: array.dtype for name, array in arrays.items()} == {
        "boxes": np.float32,
        "labels": np.int64,
        "area": np.float32,
        "iscrowd": np.int64,
    }


def test_a_box_is_made_of_whatever_shape_there_is() -> None:
    ring = (2.0, 3.0, 12.0, 3.0, 7.0, 9.0)
    pixels = np.zeros((20, 30), np.uint8)
    pixels[3:9, 2:12] = 1
    shapes: list[dict[str, Any]] = [{"rings": (ring,)}, {"corners": (*ring, 2.0, 9.0)}, {"mask": encode_rle(pixels)}]
    shapes.append({"points": ((2.0, 3.0, 2), (12.0, 9.0, 1), (0.0, 0.0, 0))})
    _, arrays = marked(*(Annotation(category=0, **shape) for shape in shapes))
    assert arrays["boxes"].tolist() == [list(BOX)] * 4


@pytest.mark.parametrize(
    "annotation",
    [
        Annotation(category=0),
        Annotation(category=0, box=(5, 5, 5, 9)),
        Annotation(category=0, points=((5.0, 5.0, 2),)),
        Annotation(category=None, box=BOX, part_of=0),
    ],
    ids=["no place", "no width", "one point", "a part"],
)
def test_what_has_no_extent_and_what_is_a_part_is_no_object(annotation: Annotation) -> None:
    objects, arrays = marked(annotation, Annotation(category=1, box=BOX))
    assert len(objects) == 1
    assert arrays["labels"].tolist() == [2]


def test_an_object_without_a_class_is_refused_where_others_have_one() -> None:
    with pytest.raises(SampleError, match="without a class") as caught:
        marked(Annotation(box=BOX))
    assert caught.value.stable_code == "stream.no_label"
    assert marked(Annotation(box=BOX), has_categories=False)[1]["labels"].tolist() == [1]


def test_masks_are_the_pixels_of_the_closest_shape() -> None:
    pixels = np.zeros((20, 30), np.uint8)
    pixels[5, 6:9] = 1
    objects = [
        Annotation(category=0, box=BOX, mask=encode_rle(pixels)),
        Annotation(category=0, box=BOX, rings=((2.0, 3.0, 12.0, 3.0, 12.0, 5.0, 2.0, 5.0),)),
        Annotation(category=0, box=BOX),
    ]
    masks = object_masks(objects, (20, 30))
    assert (masks.shape, masks.dtype) == ((3, 20, 30), np.uint8)
    assert np.array_equal(masks[0], pixels)
    assert masks[1].sum() == 20
    assert masks[2].sum() == masks[2, 3:9, 2:12].sum() == 60


def test_key_points_keep_their_visibility_and_are_filled_up() -> None:
    rows = keypoint_rows([Annotation(points=((1.5, 2.5, 2), (9.0, 9.0, 0))), Annotation(box=BOX)], 3)
    assert rows.dtype == np.float32
    assert rows.tolist() == [[[1.5, 2.5, 2], [0, 0, 0], [0, 0, 0]], [[0, 0, 0]] * 3]
