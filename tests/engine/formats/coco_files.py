"""COCO files made on the spot."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask
from pycocotools.coco import COCO

from nfold.annotations import OutputImage
from nfold.errors import InputError
from nfold.formats.coco import Coco
from tests.engine.formats.label_sets import ReadSet, assembled, make_set, read_set

CATS = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]


def picture(identity: Any, name: Any, **more: Any) -> dict[str, Any]:
    return {"id": identity, "file_name": name, "width": 100, "height": 80, **more}


def thing(identity: Any, image: Any, **more: Any) -> dict[str, Any]:
    """An annotation with a box, unless `more` says otherwise; a value of None takes a key away."""
    usual = {"id": identity, "image_id": image, "category_id": 1, "bbox": [10, 20, 30, 40], "area": 1200, "iscrowd": 0}
    return {key: value for key, value in {**usual, **more}.items() if value is not None}


def coco(images: list[Any], annotations: list[Any] | None = None, **more: Any) -> str:
    """The text of a file; NaN and infinity go through, as they do in many writers."""
    return json.dumps({"images": images, "annotations": annotations or [], "categories": CATS, **more})


def one(**more: Any) -> str:
    """A file about one picture `a.jpg` with one annotation."""
    return coco([picture(1, "a.jpg")], [thing(1, 1, **more)])


def read(root: Path, files: Mapping[str, str | bytes], *pictures: str, **options: Any) -> ReadSet:
    return read_set(Coco(), make_set(root, files, *pictures), **options)


def refusal(root: Path, files: Mapping[str, str | bytes], *pictures: str) -> InputError:
    with pytest.raises(InputError) as caught:
        read(root, files, *pictures)
    assert caught.value.hint, "an error without a hint"
    return caught.value


def written(found: ReadSet, images: list[OutputImage], *, keeps_layout: bool = True) -> dict[str, Any]:
    splits = tuple(dict.fromkeys(image.split for image in images)) or (None,)
    return {
        name: json.loads(text, parse_constant=pytest.fail)
        for name, text in assembled(Coco().writer(found.info, keeps_layout=keeps_layout, splits=splits), images).items()
    }


def decoded(packed: Any) -> np.ndarray[Any, Any]:
    """Pixels of run lengths as pycocotools unpacks them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pycocotools and numpy 2
        pixels: np.ndarray[Any, Any] = mask.decode(packed)
    return pixels


def pixels_of(loaded: COCO, entry: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Pixels of an annotation as pycocotools draws it."""
    return decoded(loaded.annToRLE(entry))


def oracle(path: Path) -> COCO:
    """The file as pycocotools reads it; each shape in it was made into pixels."""
    with redirect_stdout(io.StringIO()):
        loaded = COCO(path)
    entries = loaded.loadAnns(loaded.getAnnIds())
    assert len(entries) == len(loaded.dataset["annotations"])
    for entry in entries:
        if entry.get("segmentation"):
            image = loaded.imgs[entry["image_id"]]
            assert pixels_of(loaded, entry).shape == (image["height"], image["width"])
    return loaded


def originals(document: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    """A written document without what has ids that its source has not."""
    known = {key: {entry["id"] for entry in source.get(key, [])} for key in ("images", "annotations")}
    return {
        key: [entry for entry in value if entry["id"] in known[key]] if key in known else value
        for key, value in document.items()
    }


def copies(document: dict[str, Any], source: dict[str, Any], key: str) -> list[dict[str, Any]]:
    known = {entry["id"] for entry in source[key]}
    return [entry for entry in document[key] if entry["id"] not in known]
