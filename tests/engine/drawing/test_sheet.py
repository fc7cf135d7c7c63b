from __future__ import annotations

import io

import numpy as np
import PIL.Image

from nfold.annotations import Annotation, Category
from nfold.drawing import SheetPicture, SheetRow, draw_sheet
from nfold.drawing.sheet import ANNOTATED_TILE_PX, TILE_PX
from nfold.images import DecodeLimits, decode_image
from tests.conftest import paint

CATEGORIES = [Category(name="tree")]
BOX = Annotation(category=0, box=(5, 5, 40, 30))


def picture(seed: int, *annotations: Annotation, mask: np.ndarray | None = None, note: str = "") -> SheetPicture:
    import cv2

    image = decode_image(cv2.imencode(".png", paint(seed))[1].tobytes(), DecodeLimits())
    return SheetPicture(image=image, annotations=annotations, mask=mask, note=note)


def sheet_of(*rows: SheetRow) -> np.ndarray:
    with PIL.Image.open(io.BytesIO(draw_sheet(rows, CATEGORIES))) as sheet:
        assert sheet.format == "PNG"
        return np.asarray(sheet.convert("RGB"))


def test_pictures_alone_have_small_tiles_and_no_legend() -> None:
    sheet = sheet_of(SheetRow(source="a.png", pictures=(picture(1), picture(2), picture(3))))
    assert sheet.shape[:2] == (10 + 22 + TILE_PX * 36 // 48 + 10 + 22, 10 + 3 * (TILE_PX + 10))


def test_annotated_pictures_have_larger_tiles_and_a_legend() -> None:
    sheet = sheet_of(SheetRow(source="a.png", pictures=(picture(1, BOX), picture(2, BOX))))
    assert sheet.shape[1] == 10 + 2 * (ANNOTATED_TILE_PX + 10)
    tall = 10 + 22 + ANNOTATED_TILE_PX * 36 // 48 + 10 + 22
    assert sheet.shape[0] > tall
    assert (sheet[tall:] == (230, 159, 0)).all(axis=2).any()
    for column in range(2):
        tile = sheet[32 : 32 + 225, 10 + column * 310 : 310 + column * 310]
        assert (tile == (230, 159, 0)).all(axis=2).any()


def test_one_annotation_or_one_mask_anywhere_makes_it_an_annotated_sheet() -> None:
    bare = SheetRow(source="a.png", pictures=(picture(1), picture(2)))
    mask = np.ones((36, 48), np.uint8)
    for marked in (picture(3, BOX), picture(3, mask=mask)):
        assert sheet_of(bare, SheetRow(source="b.png", pictures=(marked,))).shape[1] == 10 + 2 * 310


def test_originals_and_copies_are_counted_apart() -> None:
    original = sheet_of(SheetRow(source="a.png", pictures=(picture(1, BOX), picture(2))))
    copy = sheet_of(SheetRow(source="a.png", pictures=(picture(1), picture(2, BOX))))
    legend = np.s_[10 + 22 + 225 + 32 :]
    assert not np.array_equal(original[legend], copy[legend]), "1 + 0 is not 0 + 1"


def test_notes_take_a_line_of_their_own() -> None:
    plain = sheet_of(SheetRow(source="a.png", pictures=(picture(1, BOX), picture(2, BOX))))
    noted = sheet_of(SheetRow(source="a.png", pictures=(picture(1, BOX), picture(2, BOX, note="1 of 1 object " * 40))))
    assert noted.shape[0] == plain.shape[0] + 22


def test_names_of_any_length_and_any_bytes_can_be_written() -> None:
    sheet_of(SheetRow(source="\udcff\n日" + "x" * 3000, pictures=(picture(1),)))


def test_rows_of_different_length_and_equal_bytes_for_equal_calls() -> None:
    rows = [
        SheetRow(source="a", pictures=(picture(1, BOX), picture(2, BOX), picture(3))),
        SheetRow(source="b", pictures=(picture(4),)),
    ]
    assert draw_sheet(rows, CATEGORIES) == draw_sheet(rows, CATEGORIES)
