"""What items become: the right types, ranges and shapes, and a clear word where there is no such label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nfold
from nfold.adapters.form import settle_form
from nfold.errors import SampleError, UsageError
from nfold.images import Image
from nfold.stream import Item
from tests.engine.data_sets import MAKERS


def item_of(pixels: np.ndarray, **options: Any) -> Item:
    return Item(source="a.png", copy=1, picture=Image(pixels=pixels, file_format="png"), **options)


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    def of(name: str) -> Any:
        MAKERS[name](tmp_path / name)
        return nfold.Stream(tmp_path / name, training=False).reader.opened

    return of


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("class-folders", "class"),
        ("yolo", "detection"),
        ("voc", "detection"),
        ("csv", "detection"),
        ("coco", "keypoints"),
        ("masks", "mask"),
        ("folder", "none"),
    ],
)
def test_auto_takes_what_the_data_set_is_made_for(opened: Any, name: str, target: str) -> None:
    assert settle_form(opened(name), target="auto").target == target


@pytest.mark.parametrize(
    ("name", "target"),
    [("folder", "class"), ("yolo", "mask"), ("yolo", "instances"), ("masks", "detection"), ("csv", "keypoints")],
)
def test_labels_that_there_are_not_are_refused(opened: Any, name: str, target: Any) -> None:
    with pytest.raises(UsageError) as caught:
        settle_form(opened(name), target=target)
    assert caught.value.stable_code == "stream.target"
    assert f"read as {name}" in str(caught.value.hint)


@pytest.mark.parametrize("options", [{"target": "klass"}, {"pixels": "float64"}, {"channels": 4}])
def test_what_makes_no_sense_is_refused(opened: Any, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        settle_form(opened("yolo"), **{"target": "auto", **options})


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_go_from_0_to_1_in_so_many_channels(opened: Any, depth: Any, shape: Any, channels: Any) -> None:
    form = settle_form(opened("folder"), target="none", channels=channels)
    pixels = np.zeros(shape, depth)
    pixels[0] = np.iinfo(depth).max
    image = form.image(item_of(pixels))
    assert (image.shape, image.dtype) == ((4, 6, channels), np.float32)
    assert image[0].min() == image.max() == 1
    assert image[1:].max() == 0


def test_bytes_are_the_pixels_themselves_and_a_copy(opened: Any) -> None:
    form = settle_form(opened("folder"), target="none", pixels="uint8")
    pixels = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)
    image = form.image(item_of(pixels))
    assert np.array_equal(image, pixels)
    assert not np.shares_memory(image, pixels)
    with pytest.raises(SampleError, match="16 bits"):
        form.image(item_of(pixels.astype(np.uint16)))


def test_an_item_without_its_label_is_named(opened: Any) -> None:
    bare = item_of(np.zeros((4, 6, 3), np.uint8))
    for name, target in (("class-folders", "class"), ("masks", "mask")):
        form = settle_form(opened(name), target=target)
        with pytest.raises(SampleError, match=r"a\.png has no") as caught:
            form.label(bare, 0)
        assert caught.value.stable_code == "stream.no_label"
    with pytest.raises(SampleError, match="colours"):
        form.label(item_of(np.zeros((4, 6, 3), np.uint8), mask=np.zeros((4, 6, 3), np.uint8)), 0)


def test_a_function_may_make_the_target(opened: Any) -> None:
    form = settle_form(opened("folder"), target=lambda item: item.source.upper())
    assert form.has_target
    assert form.label(item_of(np.zeros((4, 6, 3), np.uint8)), 0) == "A.PNG"


def test_detection_targets_have_a_number_and_all_arrays(opened: Any) -> None:
    form = settle_form(opened("coco"), target="instances")
    target = form.label(item_of(np.zeros((4, 6, 3), np.uint8)), 17)
    assert target["image_id"] == 17
    assert {name: array.shape for name, array in target.items() if name != "image_id"} == {
        "boxes": (0, 4),
        "labels": (0,),
        "area": (0,),
        "iscrowd": (0,),
        "masks": (0, 4, 6),
    }
