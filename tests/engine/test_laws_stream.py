"""The law of three modes: what `expand` writes, what the stream serves and what the frozen data set holds are one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import nfold
from nfold.annotations import Annotation
from nfold.annotations.assembling import extent_of
from nfold.annotations.rle import decode_rle
from nfold.images import DecodeLimits, decode_image, encode_image
from nfold.manifest import FileRow, all_records
from nfold.recipe import PRESETS, load_recipe
from nfold.storage import LocalStorage
from nfold.stream import Item
from tests.engine.data_sets import MAKERS

Expand = Callable[..., Any]
COPIES = 3
SEED = 11

_PIXEL = 1.0
"""VOC and Create ML write whole pixels, or round to them."""


@cache
def lossless(preset: str) -> dict[str, Any]:
    return {**yaml.safe_load(PRESETS[preset]), "output": {"format": "png"}}


def rows_of(target: Path) -> Iterator[FileRow]:
    """One row for each picture of an output."""
    for _, record in all_records(LocalStorage(target)):
        yield from (row for row in record.files if row.role is None)


def image_of(path: Path) -> Any:
    return decode_image(path.read_bytes(), DecodeLimits())


def is_same_picture(path: Path, item: Item) -> bool:
    there = image_of(path)
    same_alpha = (there.alpha is None) == (item.picture.alpha is None)
    return same_alpha and np.array_equal(there.pixels, item.image)


def shapes_agree(written: Annotation, served: Annotation) -> bool:
    """Whether two annotations say the same within the rounding of a format."""
    places = (extent_of(written), extent_of(served))
    if (places[0] is None) != (places[1] is None) or written.category != served.category:
        return False
    if places[0] is not None and places[1] is not None and not np.allclose(*places, atol=_PIXEL):
        return False
    if len(written.points) != len(served.points) or len(written.rings) != len(served.rings):
        return False
    for one, other in zip(written.points, served.points, strict=True):
        if one[2] != other[2] or (one[2] and not np.allclose(one[:2], other[:2], atol=_PIXEL)):
            return False
    for mine, its in zip(written.rings, served.rings, strict=True):
        if len(mine) != len(its) or not np.allclose(mine, its, atol=_PIXEL):
            return False
    if written.mask is not None and served.mask is not None:
        return bool(np.mean(decode_rle(written.mask) != decode_rle(served.mask)) < 0.01)
    return (written.mask is None) == (served.mask is None)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", sorted(MAKERS))
def test_what_is_written_served_and_held_is_one(name: str, preset: str, tmp_path: Path, expand_inline: Expand) -> None:
    source, target = tmp_path / "data", tmp_path / "out"
    MAKERS[name](source)
    recipe = lossless(preset)
    expand_inline(source, target, copies=COPIES, recipe=recipe, seed=SEED)
    stream = nfold.Stream(source, recipe=recipe, seed=SEED)
    frozen = nfold.FrozenDataset(source, copies=COPIES, recipe=recipe, seed=SEED)
    written = nfold.Stream(target, training=False)
    place = {source_id: number for number, source_id in enumerate(stream.sources)}
    place_written = {source_id: number for number, source_id in enumerate(written.sources)}
    seen = 0
    assert len(frozen) == len(stream) * (COPIES + 1) == len(written)
    assert (written.classes, written.categories) == (stream.classes, stream.categories) or written.categories
    for row in rows_of(target):
        at = place[row.source]
        held = frozen[at, row.copy]
        assert is_same_picture(target / row.file, held), f"{row.file} is not what the frozen data set holds"
        read = written[1, place_written[row.file]]
        assert read.label == held.label
        assert (read.mask is None) == (held.mask is None)
        assert read.mask is None or np.array_equal(read.mask, held.mask)
        assert len(read.annotations) == len(held.annotations), row.file
        assert all(map(shapes_agree, read.annotations, held.annotations)), row.file
        if row.copy and not row.draw:
            served = stream[row.copy, at]
            assert np.array_equal(served.image, held.image), f"{row.file} is not what the stream serves"
            assert served.annotations == held.annotations
            assert served.mask is None or np.array_equal(served.mask, held.mask)
            assert served.applied == held.applied
            seen += 1
    # A copy is drawn again only where it equals another one.
    assert seen >= len(stream) * COPIES - 2


@pytest.mark.parametrize("preset", ["flip-rotate", "medium", "camera", "document"])
def test_the_files_of_jpeg_copies_are_what_the_stream_serves_encoded(
    preset: str, example_photos: Path, tmp_path: Path, expand_inline: Expand
) -> None:
    import cv2

    for path in sorted(example_photos.glob("*/*.jpg"))[:4]:
        small = cv2.resize(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), (96, 72), interpolation=cv2.INTER_AREA)
        (tmp_path / "photos" / path.parent.name).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "photos" / path.parent.name / path.name), small)
    expand_inline(tmp_path / "photos", tmp_path / "out", copies=COPIES, recipe=preset, seed=SEED)
    stream = nfold.Stream(tmp_path / "photos", recipe=preset, seed=SEED)
    quality = load_recipe(preset).output.jpeg_quality
    place = {source_id: number for number, source_id in enumerate(stream.sources)}
    compared = 0
    for row in rows_of(tmp_path / "out"):
        if row.copy and not row.draw:
            item = stream[row.copy, place[row.source]]
            assert encode_image(item.picture, jpeg_quality=quality) == (tmp_path / "out" / row.file).read_bytes()
            compared += 1
    assert compared == 4 * COPIES


def test_where_a_copy_was_drawn_again_the_frozen_data_set_follows_the_files(
    tmp_path: Path, expand_inline: Expand
) -> None:
    from tests.conftest import write_picture

    for number in range(6):
        write_picture(tmp_path / f"photos/{number}.png", number)
    recipe = {"name": "few", "augment": [{"HorizontalFlip": {"p": 0.5}}, {"VerticalFlip": {"p": 0.5}}]}
    expand_inline(tmp_path / "photos", tmp_path / "out", copies=3, recipe=recipe, seed=SEED)
    stream = nfold.Stream(tmp_path / "photos", recipe=recipe, seed=SEED)
    frozen = nfold.FrozenDataset(tmp_path / "photos", copies=3, recipe=recipe, seed=SEED)
    place = {source_id: number for number, source_id in enumerate(stream.sources)}
    redrawn = 0
    for row in rows_of(tmp_path / "out"):
        at = place[row.source]
        assert is_same_picture(tmp_path / "out" / row.file, frozen[at, row.copy])
        if row.draw:
            redrawn += 1
        elif row.copy:
            assert is_same_picture(tmp_path / "out" / row.file, stream[row.copy, at])
    assert redrawn
