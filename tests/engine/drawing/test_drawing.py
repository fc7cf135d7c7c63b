"""The whole of it on real labels: what is drawn lies where the picture says that the object is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import nfold.drawing
from nfold.annotations import Annotation, Category, RleMask
from nfold.drawing import draw_labels, draw_one
from nfold.drawing.tiles import rgb_of
from nfold.images import DecodeLimits, decode_image
from tests.engine.drawing.conftest import changed


def test_what_is_offered_is_there() -> None:
    assert all(callable(getattr(nfold.drawing, name)) for name in nfold.drawing.__all__)


def test_real_nuclei_are_outlined_where_they_are_bright(real_data: Path) -> None:
    document = json.loads((real_data / "nuclei-rle/instances.json").read_text())
    entry = next(image for image in document["images"] if image["file_name"].startswith("12f89395"))
    objects = [
        Annotation(
            category=0,
            mask=RleMask(height=256, width=256, counts=found["segmentation"]["counts"]),
        )
        for found in document["annotations"]
        if found["image_id"] == entry["id"]
    ]
    pixels = rgb_of(decode_image((real_data / "nuclei-rle/images" / entry["file_name"]).read_bytes(), DecodeLimits()))
    result = draw_labels(pixels, objects, [Category(name="nucleus")], has_tags=False)
    touched = changed(pixels, result)
    assert pixels[touched].mean() > 3 * pixels[~touched].mean()


def test_real_crowded_boxes_make_a_page(real_data: Path) -> None:
    document = json.loads((real_data / "tree-crowns/instances.json").read_text())
    entry = document["images"][0]
    boxes = [found["bbox"] for found in document["annotations"] if found["image_id"] == entry["id"]]
    image = decode_image((real_data / "tree-crowns/images" / entry["file_name"]).read_bytes(), DecodeLimits())
    objects = [Annotation(category=0, box=(x, y, x + w, y + h)) for x, y, w, h in boxes]
    page = draw_one(image, objects, [Category(name="Tree")], None, [entry["file_name"]])
    assert page.startswith(b"\x89PNG")
    drawn = draw_labels(rgb_of(image), objects, [Category(name="Tree")], side_px=800, has_tags=False)
    for x, y, w, _ in boxes:
        row, columns = round(2 * y), slice(round(2 * x), round(2 * (x + w)))
        if 0 <= row < 800:
            assert (np.abs(drawn[row, columns].astype(int) - (230, 159, 0)).max(axis=1) < 40).mean() > 0.9
