"""Everything awkward mixed into good photographs: the good ones are expanded, each bad one is named."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import tree, tree_digest

pytestmark = pytest.mark.slow


def test_odd_files_cost_themselves_and_nothing_else(real_data: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "mixed", tmp_path / "out"
    shutil.copytree(real_data / "photos", source / "good")
    shutil.copytree(real_data / "odd", source / "odd")
    command = [
        sys.executable,
        "-m",
        "nfold_cli",
        "expand",
        str(source),
        str(target),
        "-n",
        "2",
        "--json",
        "--max-pixels",
        "50M",
    ]
    began = time.monotonic()
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert run.returncode == 3, run.stderr
    assert "Traceback" not in run.stderr
    report = json.loads(run.stdout)
    codes = {row["source"].removeprefix("odd/"): row["code"] for row in report["skipped"]}
    assert not [source for source in codes if source.startswith("good/")]
    assert codes["bomb_16383x16383.png"] == "image.too_large"
    assert codes["image_invalid.jpg"] == "image.unknown_format"
    assert codes["truncated_image.png"] == "image.truncated"
    assert codes["animated.gif"] == codes["hopper.avif"] == codes["image.heic"] == "image.unsupported_format"
    assert codes["multipage.tiff"] == "image.multipage"
    assert all(code.startswith("image.") for code in codes.values()), codes
    found = tree(target)
    used = {path.relative_to(source).as_posix() for path in source.rglob("*.*")} - {
        row["source"] for row in report["skipped"]
    }
    names = {name for name in found if "_aug" not in name}
    assert names == used
    assert report["images_after"] == len(found) == 3 * len(used) - report["copies_missing"]
    assert report["tree_digest"] == tree_digest(target)
    assert time.monotonic() - began < 120
    # Rightly read: what is no problem is not refused.
    for name in (
        "maracujá.jpg",
        "16bit.png",
        "cmyk.jpg",
        "1bit.png",
        "hopper_orientation_6.jpg",
        "pil123rgba.png",
        "grayalpha_pytorch.png",
    ):
        assert name not in codes, codes.get(name)


def test_depth_channels_and_alpha_of_copies_are_those_of_their_sources(real_data: Path, tmp_path: Path) -> None:
    import cv2

    import nfold

    source = tmp_path / "in"
    source.mkdir()
    for name in (
        "16bit.png",
        "pil123rgba.png",
        "grayalpha_pytorch.png",
        "hopper_gray.jpg",
        "rgbalpha_pytorch16.png",
        "16bit.cropped.tif",
    ):
        shutil.copy(real_data / "odd" / name, source / name)
    report = nfold.expand(source, tmp_path / "out", copies=2, recipe="geometry")
    assert report.is_whole, report.skipped
    for path in source.iterdir():
        original = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        for copy in (1, 2):
            varied = cv2.imread(str(tmp_path / "out" / f"{path.stem}_aug{copy}{path.suffix}"), cv2.IMREAD_UNCHANGED)
            assert varied.dtype == original.dtype, path.name
            assert varied.ndim == original.ndim, path.name
            assert varied.shape[2:] == original.shape[2:], path.name


def test_a_picture_that_the_recipe_cannot_take_is_skipped_with_the_transform_named(
    real_data: Path, tmp_path: Path
) -> None:
    import nfold

    source = tmp_path / "in"
    source.mkdir()
    shutil.copy(real_data / "odd" / "16bit.png", source)
    shutil.copy(real_data / "photos" / "coffee.jpg", source)
    recipe = {"augment": [{"Rotate": {"limit": 20, "p": 1}}, {"ImageCompression": {"quality_range": [40, 60], "p": 1}}]}
    report = nfold.expand(source, tmp_path / "out", copies=1, recipe=recipe)
    assert [(row.source, row.code) for row in report.skipped] == [("16bit.png", "image.unsupported")]
    assert "ImageCompression" in report.skipped[0].message
    assert report.images_after == 2


def test_orientation_profile_and_resolution_go_into_the_copies(real_data: Path, tmp_path: Path) -> None:
    import PIL.Image
    import PIL.ImageCms

    import nfold

    source = tmp_path / "in"
    source.mkdir()
    profile = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    with PIL.Image.open(real_data / "photos" / "coffee.jpg") as picture:
        picture.save(source / "tagged.jpg", icc_profile=profile, dpi=(300, 300))
    shutil.copy(real_data / "odd" / "hopper_orientation_6.jpg", source / "turned.jpg")
    nfold.expand(source, tmp_path / "out", copies=1)
    with PIL.Image.open(tmp_path / "out" / "tagged_aug1.jpg") as copy:
        assert copy.info["icc_profile"] == profile
        assert copy.info["dpi"] == (300, 300)
    with (
        PIL.Image.open(tmp_path / "out" / "turned_aug1.jpg") as turned,
        PIL.Image.open(source / "turned.jpg") as stored,
    ):
        assert turned.size == stored.size[::-1], "the copy is upright"
        assert not turned.getexif().get(0x0112)
