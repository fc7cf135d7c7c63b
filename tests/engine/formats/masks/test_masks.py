from __future__ import annotations

import io
import pickle
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nfold.annotations import Annotation, Category, DatasetInfo, ImageLabels, OutputImage
from nfold.formats.base import LabelWriter
from nfold.formats.masks import Masks
from nfold.testing.formats import check_format
from nfold.verification import verify
from tests.conftest import write_picture
from tests.engine.data_sets import make_coco
from tests.engine.formats.label_sets import scan_of

FLAT = np.kron(np.array([[0, 1], [2, 0]], np.uint8), np.ones((20, 20), np.uint8))


def write_mask(path: Path, *, is_flat: bool = True) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(1).integers(0, 256, (40, 40), dtype=np.uint8)
    Image.fromarray(FLAT if is_flat else noise).save(path)


def reason_for(root: Path) -> str | None:
    return Masks().recognise(root, scan_of(root))


@pytest.mark.parametrize(
    ("picture", "mask", "reason"),
    [
        ("images/a.jpg", "masks/a.png", "masks in masks beside images in images"),
        ("train/images/a.jpg", "train/labels/a.tif", "masks in train/labels beside images in train/images"),
        ("a.jpg", "masks/a.png", "masks in masks beside images in the source folder"),
        ("images/a.jpg", "masks/a.jpg", "masks in masks beside images in images"),
        ("a.png", "a_labels.png", "masks beside images, such as a_labels.png"),
        ("x/a.png", "x/a_mask.png", "masks beside images, such as x/a_mask.png"),
    ],
)
def test_masks_are_recognised_by_name_and_by_looks(picture: str, mask: str, reason: str, tmp_path: Path) -> None:
    write_picture(tmp_path / picture, 1)
    write_mask(tmp_path / mask)
    assert reason_for(tmp_path) == reason


@pytest.mark.parametrize(
    ("picture", "mask"),
    [("images/a.jpg", "masks/b.png"), ("cats/a.jpg", "dogs/a.png"), ("JPEGImages/a.jpg", "SegmentationClass/a.png")],
)
def test_what_is_named_otherwise_is_not_recognised(picture: str, mask: str, tmp_path: Path) -> None:
    write_picture(tmp_path / picture, 1)
    write_mask(tmp_path / mask)
    assert reason_for(tmp_path) is None


def test_photographs_of_classes_that_are_called_so_are_not_masks(tmp_path: Path) -> None:
    for folder in ("images", "labels"):
        for number in range(3):
            write_picture(tmp_path / folder / f"{number}.jpg", number)
    assert reason_for(tmp_path) is None
    write_picture(tmp_path / "more" / "a.jpg", 1)
    write_mask(tmp_path / "more" / "a_label.png", is_flat=False)
    assert reason_for(tmp_path) is None


def test_a_single_mask_among_many_pictures_makes_no_set_of_masks(tmp_path: Path) -> None:
    for number in range(5):
        write_picture(tmp_path / f"{number}.jpg", number)
    write_mask(tmp_path / "0_mask.png")
    assert reason_for(tmp_path) is None


def test_broken_files_are_not_recognised(tmp_path: Path) -> None:
    write_picture(tmp_path / "images" / "a.jpg", 1)
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "a.png").write_bytes(b"no picture")
    assert reason_for(tmp_path) is None


def test_real_sets_are_recognised_and_others_are_not(real_data: Path) -> None:
    assert reason_for(real_data / "nuclei") == "masks in labels beside images in images"
    assert reason_for(real_data / "segmentation") == "masks beside images, such as nuclei_labels.png"
    for other in (
        "blood-cells",
        "tree-crowns",
        "classification",
        "clothing",
        "photos",
        "nuclei-rle",
        "odd",
        "fly-pose",
    ):
        assert reason_for(real_data / other) is None, other


def test_masks_that_are_there_are_placed_with_their_own_ending() -> None:
    info = DatasetInfo(kinds={"semantic": 1}, conventions={"mask_ending": ".tif"})
    writer = Masks().writer(info, keeps_layout=False, splits=("train", "val"))
    place = writer.place("train/images/x/a.jpg", split="train", category=None)
    assert (place.image, place.mask, place.label) == ("images/train/x/a.jpg", "masks/train/x/a.tif", None)
    place = writer.place("images/a.jpg", split=None, category=None)
    assert (place.image, place.mask) == ("images/a.jpg", "masks/a.tif")


def test_objects_of_other_formats_are_painted_in_the_colours_of_their_classes() -> None:
    info = DatasetInfo(categories=(Category(name="cat"), Category(name="dog")), kinds={"polygons": 1})
    writer = Masks().writer(info, keeps_layout=False, splits=("train",))
    place = writer.place("a.jpg", split="train", category=None)
    assert (place.image, place.label, place.mask) == ("images/train/a.jpg", "masks/train/a.png", None)
    image = OutputImage(
        name=place.image, label_name=place.label, source="a.jpg", copy=0, rank=0, size_wh=(10, 8), split="train", category=None,
        labels=ImageLabels(), annotations=(Annotation(category=1, rings=((2, 3, 6, 3, 6, 5, 2, 5),)),), is_untouched=False,
    )  # fmt: skip
    picture = Image.open(io.BytesIO(writer.encode(image)))
    expected = np.zeros((8, 10), np.uint8)
    expected[3:5, 2:6] = 2
    assert picture.mode == "P"
    assert (np.array(picture) == expected).all()
    assert picture.convert("RGB").getpixel((2, 3)) == (0, 128, 0)


def classes_of(writer: LabelWriter) -> str:
    written: list[str] = []
    with closing(sqlite3.connect("")) as scratch:
        writer.assemble("classes.txt", lambda: iter(()), written.append, scratch)
    return "".join(written)


def test_the_names_of_painted_classes_stand_in_the_lines_of_their_numbers() -> None:
    info = DatasetInfo(categories=(Category(name="cat"), Category(name="dog")), kinds={"polygons": 1})
    writer = Masks().writer(info, keeps_layout=False, splits=(None,))
    assert writer.assembled() == ("classes.txt",)
    assert classes_of(writer) == "background\ncat\ndog\n"


def test_a_name_of_several_lines_or_of_half_a_character_shifts_no_other() -> None:
    names = ("a\nb\r\nc", "\ud800d", "", "Köter")
    info = DatasetInfo(categories=tuple(Category(name=name) for name in names), kinds={"polygons": 1})
    text = classes_of(Masks().writer(info, keeps_layout=False, splits=(None,)))
    assert text.encode("utf-8").decode("utf-8").split("\n") == ["background", "a b c", "?d", "", "Köter", ""]


def test_masks_that_are_there_get_no_list_and_the_writer_travels() -> None:
    info = DatasetInfo(categories=(Category(name="cat"),), kinds={"boxes": 1, "semantic": 1})
    writer = Masks().writer(info, keeps_layout=False, splits=(None,))
    assert pickle.loads(pickle.dumps(writer)) == writer
    assert writer.assembled() == ()
    assert Masks().writer(DatasetInfo(), keeps_layout=True, splits=(None,)).assembled() == ()
    with pytest.raises(AssertionError):
        writer.assemble("a", lambda: iter(()), lambda text: None, sqlite3.connect(""))


def test_painted_classes_keep_numbers_and_names_when_they_are_read_and_written_again(
    tmp_path: Path, expand_inline: Callable[..., Any]
) -> None:
    make_coco(tmp_path / "data")
    expand_inline(tmp_path / "data", tmp_path / "painted", copies=0, to="masks", on_loss="list")
    names = (tmp_path / "painted/classes.txt").read_text().splitlines()
    assert names == ["background", "cat", "dog"]
    numbers = {int(number) for path in (tmp_path / "painted/masks").iterdir() for number in np.unique(Image.open(path))}
    assert numbers == {0, 1, 2}
    assert verify(tmp_path / "painted").is_sound
    (tmp_path / "painted/nfold.json").unlink()
    for target, options in (("again", {}), ("split", {"split": "50/50"})):
        report = expand_inline(tmp_path / "painted", tmp_path / target, copies=1, **options)
        assert report.format.startswith("masks (")
        assert (tmp_path / target / "classes.txt").read_text().splitlines() == names
    check_format("masks", tmp_path / "painted", tmp_path / "checked")
