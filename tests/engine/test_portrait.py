from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from nfold.errors import MissingFileError
from nfold.portrait import draw_file
from tests.conftest import write_picture
from tests.engine.data_sets import make_masks, make_yolo


def pixels_of(png: bytes) -> Any:
    with PIL.Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"))


def test_what_is_marked_is_drawn_over_the_picture(tmp_path: Path, expand_inline: Callable[..., Any]) -> None:
    make_yolo(tmp_path / "data")
    expand_inline(tmp_path / "data", tmp_path / "out", copies=1)
    expand_inline(tmp_path / "data/images", tmp_path / "bare", copies=1)
    for name in ("one.png", "one_aug1.png"):
        marked = pixels_of(draw_file(tmp_path / "out", f"images/{name}"))
        bare = pixels_of(draw_file(tmp_path / "bare", name))
        assert marked.shape[0] > bare.shape[0], "a legend stands below"
        assert (pixels_of(draw_file(tmp_path / "out", f"labels/{Path(name).stem}.txt")) == marked).all()


def test_a_mask_tints_the_picture_that_it_goes_with(tmp_path: Path, expand_inline: Callable[..., Any]) -> None:
    make_masks(tmp_path / "data")
    expand_inline(tmp_path / "data", tmp_path / "out", copies=1)
    assert pixels_of(draw_file(tmp_path / "out", "masks/two_aug1.png")).size


def test_a_picture_that_is_not_there_is_told(tmp_path: Path, expand_inline: Callable[..., Any]) -> None:
    write_picture(tmp_path / "data/a.png", 1)
    expand_inline(tmp_path / "data", tmp_path / "out", copies=1)
    (tmp_path / "out/a_aug1.png").unlink()
    with pytest.raises(MissingFileError, match="not on disk"):
        draw_file(tmp_path / "out", "a_aug1.png")
    with pytest.raises(MissingFileError, match="does not name"):
        draw_file(tmp_path / "out", "b.png")
