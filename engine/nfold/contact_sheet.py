"""A contact sheet: some originals with their copies, before any run."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nfold.distinct import draw_copy
from nfold.errors import InputError, SampleError, UsageError
from nfold.formats import FoundFile, scan_folder
from nfold.images import DecodeLimits, Image, decode_image
from nfold.plan.table import source_key
from nfold.recipe import Recipe, load_recipe, resolve_border
from nfold.storage import normal_id
from nfold.variation import RecipeInForce, Sample, blamed_on_image, pixel_hash, prepare

if TYPE_CHECKING:
    import numpy as np
    import PIL.Image
    from numpy.typing import NDArray

MOST_COPIES = 20
MOST_SOURCES = 50

_TILE = 200
_GAP = 10
_CAPTION = 22
_BACKGROUND = (250, 250, 248)
_INK = (60, 60, 58)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewReport:
    """What a preview shows.

    Attributes:
        png: The sheet.
        shown: Ids of the sources, from top to bottom.
        skipped: Sources that could not be shown, with the reason.
    """

    png: bytes
    shown: tuple[str, ...]
    skipped: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    source: str
    pictures: tuple[Image, ...]


def preview(
    source: str | Path,
    *,
    copies: int = 5,
    recipe: str | Path | dict[str, Any] | Recipe = "flip-rotate",
    seed: int = 0,
    sources: int = 4,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> PreviewReport:
    """Draw originals and the very copies that `expand` would write, side by side.

    Args:
        source: Folder of images, or one image.
        copies: How many copies of each, 1 to 20.
        recipe: As for `expand`.
        seed: As for `expand`.
        sources: How many sources, chosen by the hash of their ids.
        include: Patterns of files to take.
        exclude: Patterns of files to leave out.

    Raises:
        InputError: There is no image that can be shown.
    """
    if not (1 <= copies <= MOST_COPIES and 1 <= sources <= MOST_SOURCES):
        raise UsageError(
            f"A sheet shows 1 to {MOST_COPIES} copies of 1 to {MOST_SOURCES} images, not {copies} of {sources}.",
            hint="Choose smaller numbers.",
        )
    root = Path(source)
    in_force_recipe = load_recipe(recipe)
    in_force = RecipeInForce(recipe=in_force_recipe, border=resolve_border(in_force_recipe, annotated=False))
    rows: list[_Row] = []
    skipped: dict[str, str] = {}
    for path in _choose(root, sources * 8, include, exclude):
        if len(rows) == sources:
            break
        identity = normal_id(path)
        try:
            rows.append(_draw_row(root if root.is_file() else root / path, identity, in_force, seed, copies))
        except SampleError as error:
            skipped[identity] = error.message
        except OSError as error:
            skipped[identity] = f"The file cannot be read: {error.strerror}."
    if not rows:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(skipped.items())[:3])
        raise InputError(
            f"No image in {root} can be shown. {reasons}".strip(),
            hint="JPEG, PNG, WebP, BMP and TIFF are read.",
            code="input.nothing_usable",
        )
    return PreviewReport(png=_compose(rows), shown=tuple(row.source for row in rows), skipped=skipped)


def _choose(root: Path, most: int, include: Sequence[str], exclude: Sequence[str]) -> list[str]:
    if root.is_file():
        return [root.name]
    if not root.exists():
        raise InputError(f"There is no folder {root}.", hint="Check the path.", code="input.missing")

    def found() -> Iterator[str]:
        for entry in scan_folder(root, include=include, exclude=exclude):
            if isinstance(entry, FoundFile):
                yield entry.path

    import heapq

    return heapq.nsmallest(most, found(), key=lambda path: source_key(normal_id(path)))


def _draw_row(path: Path, identity: str, recipe: RecipeInForce, seed: int, copies: int) -> _Row:
    image = decode_image(path.read_bytes(), DecodeLimits())
    sample = blamed_on_image(prepare, Sample(source=identity, image=image), recipe)
    taken = {pixel_hash(sample.image)}
    pictures = [sample.image]
    for copy in range(1, copies + 1):
        drawn = blamed_on_image(draw_copy, sample, recipe, seed=seed, copy=copy, taken=taken)
        if drawn is not None:
            taken.add(drawn.pixels)
            pictures.append(drawn.variation.image)
    return _Row(source=identity, pictures=tuple(pictures))


def _compose(rows: Sequence[_Row]) -> bytes:
    import PIL.Image
    import PIL.ImageDraw
    import PIL.ImageFont

    tiles = [[_tile(picture) for picture in row.pictures] for row in rows]
    columns = max(len(line) for line in tiles)
    heights = [max(tile.height for tile in line) for line in tiles]
    width = _GAP + columns * (_TILE + _GAP)
    height = _GAP + _CAPTION + sum(tall + _GAP + _CAPTION for tall in heights)
    sheet = PIL.Image.new("RGB", (width, height), _BACKGROUND)
    draw = PIL.ImageDraw.Draw(sheet)
    font = PIL.ImageFont.load_default(13)
    for column in range(columns):
        draw.text(
            (_GAP + column * (_TILE + _GAP), _GAP),
            "original" if column == 0 else f"copy {column}",
            fill=_INK,
            font=font,
        )
    top = _GAP + _CAPTION
    for row, line, tall in zip(rows, tiles, heights, strict=True):
        for column, tile in enumerate(line):
            sheet.paste(
                tile, (_GAP + column * (_TILE + _GAP) + (_TILE - tile.width) // 2, top + (tall - tile.height) // 2)
            )
        draw.text((_GAP, top + tall + 3), _printable(row.source), fill=_INK, font=font)
        top += tall + _GAP + _CAPTION
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _tile(image: Image) -> PIL.Image.Image:
    import cv2
    import PIL.Image

    pixels = _in_eight_bits(image.pixels)
    if image.alpha is not None:
        pixels = _over_checks(pixels, _in_eight_bits(image.alpha))
    height, width = pixels.shape[:2]
    scale = _TILE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return PIL.Image.fromarray(
        cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)
    )


def _in_eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    return values if values.dtype.itemsize == 1 else (values >> 8).astype("uint8")


def _over_checks(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Transparent parts over a grey chessboard, as image editors show them."""
    import numpy as np

    height, width = alpha.shape
    checks = np.where((np.arange(height)[:, None] // 8 + np.arange(width) // 8) % 2, 205, 235).astype(np.float32)
    weight = alpha.astype(np.float32) / 255
    if pixels.ndim == 3:
        checks, weight = checks[:, :, None], weight[:, :, None]
    mixed: NDArray[np.uint8] = np.rint(pixels * weight + checks * (1 - weight)).astype(np.uint8)
    return mixed


def _printable(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
