"""Draws the picture of docs/labels.md: boxes, key points and masks, an original on the left, three copies beside it.

Run from the root of the project, with the folder of test data: `NFOLD_TEST_DATA=../shared/data python
docs/pictures/labels.py`.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

from PIL import Image

from nfold import preview

TARGET = Path(__file__).parent / "labels.jpg"
DATA = Path(os.environ.get("NFOLD_TEST_DATA", "../shared/data"))
WIDTH = 1000
ROWS = (
    ("tree-crowns", "voc", "*crop2_35.jpg", "detection"),
    ("fly-pose", "coco", "*fly_028.png", "flip-rotate"),
    ("nuclei", "masks", "*a1777737270c5f96.png", "flip-rotate"),
)
"""Data set, format, one of its pictures, recipe."""


def main() -> None:
    """Draw one sheet for each row, one below the other."""
    sheets = []
    for folder, name, picture, recipe in ROWS:
        report = preview(DATA / folder, format=name, include=[picture], recipe=recipe, copies=3, sources=1)
        sheet = Image.open(io.BytesIO(report.png)).convert("RGB")
        sheets.append(sheet.resize((WIDTH, round(sheet.height * WIDTH / sheet.width)), Image.Resampling.LANCZOS))
    page = Image.new("RGB", (WIDTH, sum(sheet.height for sheet in sheets)), sheets[0].getpixel((0, 0)))
    top = 0
    for sheet in sheets:
        page.paste(sheet, (0, top))
        top += sheet.height
    page.save(TARGET, quality=80, optimize=True)
    sys.stdout.write(f"{TARGET.name}: {TARGET.stat().st_size // 1024} KiB\n")


if __name__ == "__main__":
    main()
