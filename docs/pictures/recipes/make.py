"""Draws the picture of each preset in docs/recipes.md: an original on the left, five copies beside it.

Run from the root of the project, with the folder of test data: `NFOLD_TEST_DATA=../shared/data python
docs/pictures/recipes/make.py [NAME ...]`.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nfold.recipe import PRESETS, carriage_of, compile_recipe, load_recipe, resolve_border

HERE = Path(__file__).parent
DATA = Path(os.environ.get("NFOLD_TEST_DATA", "../shared/data"))
COLUMNS, GAP = 6, 4
TILE_WH = (148, 111)
PHOTOS = {name: f"photos/{name}.jpg" for name in ("coffee", "chelsea", "china", "camera", "rocket", "astronaut")} | {
    "mountain": "photos/picosdeeuropa_by_aitzol_berasategi.jpg",
    "wine": "photos/wine_by_jakkub_mede.jpg",
    "garden": "photos/seeding_by_clements_engelhardt.jpg",
    "trees": "tree-crowns/images/2019_YELL_2_528000_4978000_image_crop2_10.jpg",
    "blood": "blood-cells/JPEGImages/BloodImage_00004.jpg",
    "nuclei": "nuclei/images/00071198d059ba7f.png",
}
# Chosen so that every kind of weather shows.
SEEDS = {"weather": 12}
ROWS = {
    "weather": ("china", "mountain", "garden"),
    "document": ("page", "page", "page"),
    "aerial": ("trees", "trees"),
    "microscopy": ("blood", "grey blood", "nuclei"),
    "detection": ("blood", "chelsea", "coffee"),
    "camera": ("coffee", "astronaut", "camera"),
}


def main() -> None:
    """Draw the presets that are named, or all."""
    cv2.setNumThreads(1)
    for name in sys.argv[1:] or PRESETS:
        target = HERE / f"{name}.jpg"
        Image.fromarray(draw_sheet(name)).save(target, quality=85, optimize=True)
        sys.stdout.write(f"{target.name}: {target.stat().st_size // 1024} KiB\n")


def draw_sheet(name: str) -> np.ndarray[Any, Any]:
    """All rows of one preset, on white."""
    recipe = load_recipe(name)
    rows = []
    for number, subject in enumerate(ROWS.get(name, ("coffee", "chelsea", "camera"))):
        pixels = read_subject(subject)
        carriage = carriage_of(recipe, grey=pixels.ndim == 2, bits=8, alpha=False)
        border = resolve_border(recipe, annotated=name == "detection")
        augment = compile_recipe(recipe, border=border, carriage=carriage).augment
        carried = np.repeat(pixels[..., None], 3, axis=2) if carriage.grey_as_rgb else pixels
        tiles = [tile(pixels)]
        for copy in range(1, COLUMNS):
            generator = np.random.default_rng((SEEDS.get(name, 7), number, copy))
            augment.set_random_state(generator, random.Random(f"{SEEDS.get(name, 7)} {number} {copy}"))  # noqa: S311
            varied = augment(image=carried)["image"]
            tiles.append(tile(cv2.cvtColor(varied, cv2.COLOR_RGB2GRAY) if carriage.grey_as_rgb else varied))
        rows.append(np.hstack([part for each in tiles for part in (each, white(each.shape[0], GAP))][:-1]))
    parts = [part for row in rows for part in (row, white(GAP, row.shape[1]))][:-1]
    return np.vstack(parts)


def read_subject(subject: str) -> np.ndarray[Any, Any]:
    """Pixels about three times the size of a tile, so that fine effects look as they do on a real picture."""
    if subject == "page":
        return draw_page()
    image = Image.open(DATA / PHOTOS[subject.removeprefix("grey ")])
    if subject.startswith("grey "):
        image = image.convert("L")
    image.thumbnail((448, 448), Image.Resampling.LANCZOS)
    return np.asarray(image).copy()


def draw_page() -> np.ndarray[Any, Any]:
    """Draw a page of text, since no photograph of one is at hand."""
    page = Image.new("RGB", (444, 333), (250, 249, 246))
    pen = ImageDraw.Draw(page)
    pen.text((36, 24), "The variation has an address", fill=(25, 25, 30), font=ImageFont.load_default(24))
    lines = (
        "A copy depends on four things: the recipe,",
        "the seed, the source and its number. It does",
        "not depend on the order, on the other images",
        "or on the number of workers.",
        "",
        "Invoice 20417        Total      1,284.50",
    )
    for row, line in enumerate(lines):
        pen.text((36, 78 + 36 * row), line, fill=(40, 40, 46), font=ImageFont.load_default(18))
    return np.asarray(page).copy()


def tile(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Put the picture in colour, whole, in the middle of a white tile."""
    colour = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels
    image = Image.fromarray(colour)
    image.thumbnail(TILE_WH, Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", TILE_WH, "white")
    canvas.paste(image, ((TILE_WH[0] - image.width) // 2, (TILE_WH[1] - image.height) // 2))
    return np.asarray(canvas)


def white(height: int, width: int) -> np.ndarray[Any, Any]:
    """Make a white gap."""
    return np.full((height, width, 3), 255, np.uint8)


if __name__ == "__main__":
    main()
