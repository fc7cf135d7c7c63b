from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nfold.annotations.model import Annotation, ImageLabels
from nfold.annotations.resolving import is_resolved, resolve
from nfold.annotations.rle import decode_rle, encode_rle
from nfold.errors import SampleError
from nfold.images.kinds import Pixels
from nfold.images.raster import Raster, upright

WIDE = (40, 20)


def stored_picture() -> Pixels:
    """A box, a point's pixel and a mask in one picture as stored, 40 x 20."""
    picture = np.zeros((20, 40), dtype=np.uint8)
    picture[3:9, 5:20] = 100
    picture[12, 30] = 200
    return picture


def stored_labels() -> ImageLabels:
    box = Annotation(box=(5, 3, 20, 9), rings=((5, 3, 20, 3, 20, 9, 5, 9),), corners=(5, 3, 20, 3, 20, 9, 5, 9))
    point = Annotation(points=((30.5, 12.5, 2), (0, 0, 0)))
    mask = Annotation(mask=encode_rle(stored_picture() == 100))
    return ImageLabels(annotations=(box, point, mask), frame_wh=WIDE)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_labels_in_the_frame_as_stored_are_turned_as_the_picture_is(orientation: int) -> None:
    shown = upright(Raster(pixels=stored_picture()), orientation).pixels
    size = (shown.shape[1], shown.shape[0])
    # Only a frame of another size tells that labels are in the frame as stored.
    labels = stored_labels()
    is_turned = size != WIDE
    resolved = resolve(labels, size, orientation)
    assert resolved.frame_wh == size
    if not is_turned:
        assert resolved == labels
        return
    rows, columns = np.nonzero(shown == 100)
    edges = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert resolved.annotations[0].box == edges
    for ring in (*resolved.annotations[0].rings, resolved.annotations[0].corners or ()):
        assert (min(ring[::2]), min(ring[1::2]), max(ring[::2]), max(ring[1::2])) == edges
    ((row, column),) = np.argwhere(shown == 200)
    assert resolved.annotations[1].points == ((column + 0.5, row + 0.5, 2), (0, 0, 0))
    mask = resolved.annotations[2].mask
    assert mask is not None
    assert np.array_equal(decode_rle(mask).astype(bool), shown == 100)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_labels_in_the_frame_as_shown_are_left_alone(orientation: int) -> None:
    size = WIDE if orientation < 5 else (20, 40)
    labels = ImageLabels(annotations=(Annotation(box=(1, 2, 15, 16)),), frame_wh=size)
    assert resolve(labels, size, orientation) == labels
    unsized = resolve(replace(labels, frame_wh=None), size, orientation)
    assert unsized == labels
    assert is_resolved(unsized, size)


def test_a_label_file_about_another_size_is_refused_with_both_named() -> None:
    with pytest.raises(SampleError, match=r"41 x 20.*40 x 20") as caught:
        resolve(ImageLabels(frame_wh=(41, 20)), WIDE, 1)
    assert caught.value.stable_code == "labels.size_mismatch"
    with pytest.raises(SampleError, match="mask of object 1"):
        resolve(ImageLabels(annotations=(Annotation(mask=encode_rle(np.ones((9, 9), dtype=bool))),)), WIDE)


def test_a_refusal_names_the_label_file_and_the_object() -> None:
    outside = Annotation(box=(41, 2, 50, 9), document=1, raw={"id": 77})
    small = Annotation(mask=encode_rle(np.ones((9, 9), dtype=bool)))
    cases = [
        (
            ImageLabels(annotations=(outside,), label_file="a.xml"),
            "a.xml: the box of object 1 (id 77), 41, 2 to 50, 9,",
        ),
        (ImageLabels(annotations=(outside,)), "val.json: the box of object 1 (id 77), 41, 2 to 50, 9,"),
        (ImageLabels(annotations=(small,)), "train.json: the mask of object 1 is 9 x 9"),
        (ImageLabels(frame_wh=(41, 20), label_file="a.xml"), "a.xml is about a picture of 41 x 20,"),
        (ImageLabels(frame_wh=(41, 20), places={1: 4}), "val.json is about a picture of 41 x 20,"),
    ]
    for labels, message in cases:
        with pytest.raises(SampleError) as caught:
            resolve(labels, WIDE, documents=("train.json", "val.json"))
        assert str(caught.value).startswith(message)
        assert caught.value.hint


def test_shares_become_pixels_and_points_the_centres_of_theirs() -> None:
    annotation = Annotation(
        box=(0.25, 0.5, 1, 1),
        corners=(0, 0, 0.5, 0, 0.5, 0.5, 0, 0.5),
        points=((0.1, 0.1, 2), (1, 1, 1), (0.3, 0.3, 0)),
    )
    resolved = resolve(ImageLabels(annotations=(annotation,), is_relative=True), WIDE)
    (found,) = resolved.annotations
    assert found.box == (10, 10, 40, 20)
    assert found.corners == (0, 0, 20, 0, 20, 10, 0, 10)
    assert found.points == ((4.5, 2.5, 2), (40, 20, 1), (0.3, 0.3, 0))
    assert not resolved.is_relative


def test_what_stands_out_is_cut_at_the_edge_unless_it_is_wanted() -> None:
    annotation = Annotation(
        box=(-5, -3, 60, 10),
        rings=((-5, 2, 10, 2, 10, 8, -5, 8), (50, 2, 60, 2, 60, 8)),
        points=((-1, 5, 2), (8, 8, 2)),
    )
    labels = ImageLabels(annotations=(annotation,))
    (cut,) = resolve(labels, WIDE).annotations
    assert cut.box == (0, 0, 40, 10)
    assert len(cut.rings) == 1
    assert (min(cut.rings[0][::2]), max(cut.rings[0][::2])) == (0, 10)
    assert cut.points == ((0, 0, 0), (8, 8, 2))
    assert resolve(labels, WIDE, clip=False).annotations == (annotation,)


def test_an_oriented_box_that_stands_out_gets_corners_inside() -> None:
    (cut,) = resolve(ImageLabels(annotations=(Annotation(corners=(-6, 5, 10, 5, 10, 9, -6, 9)),)), WIDE).annotations
    assert cut.corners == pytest.approx((0, 5, 10, 5, 10, 9, 0, 9))


@pytest.mark.parametrize(
    ("annotation", "what"),
    [
        (Annotation(box=(41, 2, 50, 9)), "box"),
        (Annotation(box=(-9, 2, 0, 9)), "box"),
        (Annotation(rings=((1, 21, 5, 21, 5, 30),)), "outline"),
        (Annotation(corners=(1, -9, 5, -9, 5, -1, 1, -1)), "oriented box"),
    ],
)
def test_what_lies_wholly_outside_is_refused_by_place(annotation: Annotation, what: str) -> None:
    with pytest.raises(SampleError, match=f"The {what} of object 2,") as caught:
        resolve(ImageLabels(annotations=(Annotation(box=(1, 1, 2, 2)), annotation)), WIDE)
    assert caught.value.stable_code == "labels.bad_box"


def test_resolving_twice_is_resolving_once() -> None:
    once = resolve(replace(stored_labels(), frame_wh=None), WIDE)
    assert resolve(once, WIDE) == once
