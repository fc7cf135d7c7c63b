from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import nfold
from nfold.contact_sheet import MOST_COPIES, MOST_SOURCES, preview
from nfold.errors import InputError, UsageError
from tests.conftest import write_picture
from tests.engine.data_sets import make_yolo

TINY = {"augment": [{"Rotate": {"limit": 20, "p": 1}}]}


def sheet_of(png: bytes) -> np.ndarray:
    with PIL.Image.open(io.BytesIO(png)) as sheet:
        assert sheet.format == "PNG"
        return np.asarray(sheet.convert("RGB"))


def tiles_of(sheet: np.ndarray, *, columns: int) -> list[np.ndarray]:
    """Tiles of the first row, by the places that the layout gives them."""
    return [sheet[32 : 32 + 150, 10 + column * 210 : 210 + column * 210] for column in range(columns)]


def test_the_copies_are_those_that_expand_would_write(
    make_folder: Callable[..., Path], expand_inline: Callable[..., Any], tmp_path: Path
) -> None:
    source = make_folder({"cat/a.png": 1})
    expand_inline(source, tmp_path / "out", copies=3, recipe=TINY, seed=4)
    report = preview(source, copies=3, recipe=TINY, seed=4)
    assert report.shown == ("cat/a.png",)
    tiles = tiles_of(sheet_of(report.png), columns=4)
    import cv2

    for tile, name in zip(tiles, ["a", "a_aug1", "a_aug2", "a_aug3"], strict=True):
        picture = cv2.imread(str(tmp_path / f"out/cat/{name}.png"))[:, :, ::-1]
        assert np.array_equal(tile, cv2.resize(picture, (200, 150), interpolation=cv2.INTER_NEAREST))


def test_a_sheet_is_as_wide_as_its_copies_and_as_tall_as_its_sources(make_folder: Callable[..., Path]) -> None:
    source = make_folder(6)
    few, more = (sheet_of(preview(source, copies=2, sources=count).png) for count in (1, 3))
    assert few.shape[1] == more.shape[1] == 10 + 3 * 210
    assert more.shape[0] - 32 == 3 * (few.shape[0] - 32)


def test_sources_are_chosen_by_name_alone_and_equal_calls_give_equal_sheets(make_folder: Callable[..., Path]) -> None:
    source = make_folder(12)
    once, again = preview(source, copies=1), preview(source, copies=1)
    assert (once.png, once.shown) == (again.png, again.shown)
    assert len(once.shown) == 4
    assert preview(source, copies=1, sources=2).shown == once.shown[:2]


def test_patterns_choose(make_folder: Callable[..., Path]) -> None:
    source = make_folder({"cat/a.png": 1, "cat/b.png": 2, "dog/c.png": 3})
    assert preview(source, copies=1, include=["dog/*"]).shown == ("dog/c.png",)
    assert set(preview(source, copies=1, exclude=["dog/*"]).shown) == {"cat/a.png", "cat/b.png"}


def test_one_image_may_be_given_and_has_the_id_it_would_have_in_its_folder(make_folder: Callable[..., Path]) -> None:
    source = make_folder({"a.png": 1, "b.png": 2})
    report = preview(source / "a.png", copies=1)
    assert report.shown == ("a.png",)
    assert report.png == preview(source, copies=1, include=["a.png"]).png


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("bits", [8, 16])
def test_every_kind_of_pixels_can_be_shown(channels: int, bits: int, tmp_path: Path) -> None:
    import cv2

    from tests.conftest import paint

    picture = paint(1, channels=channels).astype(np.uint16 if bits == 16 else np.uint8) * (257 if bits == 16 else 1)
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    assert preview(tmp_path, copies=1).shown == ("a.png",)


def test_a_name_of_any_bytes_can_be_written_on_it(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", 1)
    os.rename(tmp_path / "a.png", tmp_path / "\udcffé\n日.png")
    assert preview(tmp_path, copies=1).shown == ("\udcffé\n日.png",)


def test_what_cannot_be_shown_is_left_out_and_the_next_takes_its_place(
    make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_folder(6)
    (source / "broken.jpg").write_bytes(b"\xff\xd8 and no more")
    real = os.open

    def refuse(path: Any, *arguments: Any, **options: Any) -> Any:
        if str(path).endswith("picture3.png"):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **options)

    monkeypatch.setattr("nfold.plain_files.os.open", refuse)
    report = preview(source, copies=1, sources=5)
    assert len(report.shown) == 5
    assert set(report.skipped) <= {"broken.jpg", "picture3.png"}
    with pytest.raises(InputError, match=r"picture3\.png: The file cannot be read: Permission denied"):
        preview(source, copies=1, include=["picture3.png"])


def test_a_recipe_that_fails_on_an_image_says_so(make_folder: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="The recipe failed on this image: CropSizeError"):
        preview(make_folder(1), recipe={"augment": [{"RandomCrop": {"height": 500, "width": 500}}]})


@pytest.mark.parametrize(
    "options", [{"copies": 0}, {"copies": MOST_COPIES + 1}, {"sources": 0}, {"sources": MOST_SOURCES + 1}]
)
def test_a_sheet_has_bounds(options: dict[str, int], make_folder: Callable[..., Path]) -> None:
    with pytest.raises(UsageError, match="A sheet shows 1 to 20 copies of 1 to 50 images"):
        nfold.preview(make_folder(1), **options)


def test_a_folder_without_pictures_or_none_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There are no images"):
        preview(tmp_path)
    with pytest.raises(InputError, match="There is no folder"):
        preview(tmp_path / "nowhere")


def test_copies_that_are_missing_leave_the_rest_in_place(make_folder: Callable[..., Path]) -> None:
    flip = {"augment": [{"HorizontalFlip": {"p": 0.5}}]}
    sheet = sheet_of(preview(make_folder(1), copies=4, recipe=flip).png)
    assert sheet.shape[1] == 10 + 2 * 210, "the original and the one other picture that there is"


def test_annotations_are_drawn_over_the_pictures_and_named_below(tmp_path: Path) -> None:
    make_yolo(tmp_path / "data")
    marked = sheet_of(preview(tmp_path / "data", copies=2, sources=2).png)
    plain = sheet_of(preview(tmp_path / "data/images", copies=2, sources=2).png)
    assert marked.shape[0] > plain.shape[0], "a legend stands below"
    assert marked.shape[1] > plain.shape[1], "tiles are larger where something is marked"


def test_a_recipe_that_cannot_keep_labels_in_step_is_refused(tmp_path: Path) -> None:
    make_yolo(tmp_path / "data")
    with pytest.raises(UsageError, match="RandomGridShuffle cannot be used on boxes"):
        preview(tmp_path / "data", recipe={"augment": [{"RandomGridShuffle": {"p": 1}}]})


def test_a_held_out_picture_is_shown_only_where_nothing_is_trained_on(tmp_path: Path) -> None:
    for number, split in enumerate(("train", "val", "val")):
        write_picture(tmp_path / f"data/{split}/cat/{number}.png", number)
    assert preview(tmp_path / "data", sources=3).shown == ("train/cat/0.png",)


def test_a_single_picture_is_shown_without_labels_and_the_report_says_so(tmp_path: Path) -> None:
    make_yolo(tmp_path / "data")
    alone = preview(tmp_path / "data/images/one.png", copies=1)
    assert alone.note == ("as a picture without labels; give the data set's folder to see its labels and its border")
    assert preview(tmp_path / "data", copies=1).note is None
    assert preview(tmp_path / "data/images", copies=1).note is None
