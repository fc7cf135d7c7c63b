from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nfold.formats.masks import Masks
from nfold.formats.masks.reading import ignored_among
from tests.engine.formats.label_sets import make_set, read_set


def write_mask(path: Path, values: list[int], *, mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.array([values], np.uint16 if mode == "I;16" else np.uint8)
    picture = Image.fromarray(pixels)
    if mode == "P":
        picture.putpalette(bytes(range(256)) * 3)
    picture.save(path)


def test_masks_are_no_sources_and_go_with_their_pictures(tmp_path: Path) -> None:
    make_set(tmp_path, {}, "images/train/a.jpg", "images/val/b.jpg")
    write_mask(tmp_path / "masks/train/a.png", [0, 1])
    write_mask(tmp_path / "masks/val/b.png", [0, 2])
    read = read_set(Masks(), tmp_path)
    assert [(source.id, source.label.split, source.labels and source.labels.mask_file) for source in read.sources] == [
        ("images/train/a.jpg", "train", "masks/train/a.png"),
        ("images/val/b.jpg", "val", "masks/val/b.png"),
    ]
    assert all(source.labels is not None and source.labels.label_file is None for source in read.sources)
    assert read.info.kinds == {"semantic": 2}
    assert read.info.conventions == {"format": "masks", "ignore_value": None, "mask_ending": ".png"}
    assert read.info.mask_fill == 0


def test_splits_are_taken_from_folders_only_when_all_pictures_have_one(tmp_path: Path) -> None:
    make_set(tmp_path, {}, "train/images/a.jpg", "train/masks/a.png", "more/images/b.jpg", "more/masks/b.png")
    assert {source.label.split for source in read_set(Masks(), tmp_path).sources} == {None}


def test_what_has_no_counterpart_is_accounted_for(tmp_path: Path) -> None:
    files = (
        "images/a.jpg",
        "images/b.jpg",
        "masks/a.png",
        "masks/z.png",
        "images/c.jpg",
        "masks/c.jpg",
        "images/d.jpg",
        "masks/d.png",
        "masks/d_mask.png",
    )
    read = read_set(Masks(), make_set(tmp_path, {"classes.txt": "x"}, *files))
    assert {source.id: source.problem and source.problem.code for source in read.sources} == {
        "images/a.jpg": None,
        "images/b.jpg": "labels.missing",
        "images/c.jpg": "labels.unreadable",
        "images/d.jpg": "labels.duplicate",
    }
    assert read.info.passed_over == {"mask without a picture": 1}
    assert read.info.examples == {"mask without a picture": "masks/z.png"}
    assert read.info.companions == ("classes.txt",)


def test_a_mask_of_a_mask_is_passed_over(tmp_path: Path) -> None:
    read = read_set(Masks(), make_set(tmp_path, {}, "a.jpg", "a_gt.png", "a_gt_mask.png"))
    assert [(source.id, source.problem) for source in read.sources] == [("a.jpg", None)]
    assert read.info.passed_over == {"mask of a mask": 1}


@pytest.mark.parametrize(
    ("numbers", "bits", "has_palette", "expected"),
    [
        ({0, 1, 2, 255}, 8, False, 255),
        ({0, 15, 255}, 8, True, 255),
        ({0, 15, 255}, 8, False, None),
        ({0, 255}, 8, False, None),
        ({0, 255}, 8, True, None),
        ({0, 1, 2}, 8, False, None),
        (set(range(256)), 8, False, None),
        ({0, 85, 170, 255}, 8, False, None),
        ({0, 1, 2, 65535}, 16, False, 65535),
        ({0, 1, 255}, 16, False, None),
        ({0, 1, 3}, 2, False, None),
        (set(), 8, False, None),
    ],
)
def test_the_number_to_be_ignored_is_the_highest_beside_small_ones(
    numbers: set[int], bits: int, has_palette: bool, expected: int | None
) -> None:
    assert ignored_among(numbers, bits, has_palette) == expected


def test_what_is_found_in_masks_is_the_fill_and_stays_it(tmp_path: Path) -> None:
    make_set(tmp_path, {}, "images/a.jpg", "images/b.jpg", "images/broken.jpg", "masks/broken.png")
    write_mask(tmp_path / "masks/a.png", [0, 1, 2])
    write_mask(tmp_path / "masks/b.png", [0, 3, 255])
    read = read_set(Masks(), tmp_path)
    assert (read.info.conventions["ignore_value"], read.info.mask_fill) == (255, 255)
    (tmp_path / "masks/b.png").unlink()
    assert read_set(Masks(), tmp_path).info.mask_fill == 0
    assert read_set(Masks(), tmp_path, recorded={"ignore_value": 255}).info.mask_fill == 255
    assert read_set(Masks(), tmp_path, recorded={"ignore_value": None}).info.mask_fill == 0


def test_masks_of_colours_have_no_number_to_be_ignored(tmp_path: Path) -> None:
    make_set(tmp_path, {}, "images/a.jpg")
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.array([[[0, 1, 255], [7, 7, 7]]], np.uint8)).save(tmp_path / "masks/a.png")
    assert read_set(Masks(), tmp_path).info.conventions["ignore_value"] is None


def test_real_sets_are_read_whole(real_data: Path) -> None:
    nuclei = read_set(Masks(), real_data / "nuclei")
    assert (len(nuclei.sources), nuclei.info.kinds, nuclei.info.mask_fill) == (24, {"semantic": 24}, 0)
    one = read_set(Masks(), real_data / "segmentation")
    assert [(source.id, source.labels and source.labels.mask_file) for source in one.sources] == [
        ("nuclei.png", "nuclei_labels.png")
    ]
