"""Pictures for the eye: a sheet of originals with their copies, a recipe on one image, a thumbnail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nfold.contact_sheet import preview
from nfold.errors import ImageError, InputError, UsageError
from nfold_service.work.bench import Say


def preview_dataset(
    *, source: str, target: str, request: dict[str, Any], sources: int, copies: int, say: Say
) -> dict[str, Any]:
    """Write a sheet of some sources of a data set with their copies as PNG to `target`."""
    del say
    options = {
        name: request[name]
        for name in ("recipe", "seed", "format", "voc_origin", "include", "exclude")
        if name in request
    }
    report = preview(source, copies=copies, sources=sources, **options)
    _publish(Path(target), report.png)
    return {"shown": list(report.shown), "skipped": report.skipped}


def preview_recipe(
    *, source: str, target: str, recipe: Any, seed: int, copies: int, max_pixels: int, say: Say
) -> dict[str, Any]:
    """Write a sheet of one image under a recipe.

    Raises:
        UsageError: The image cannot be read, or has more than `max_pixels`; or not so many copies can be shown.
    """
    from nfold.images import DecodeLimits, read_header

    del say
    try:
        read_header(Path(source).read_bytes(), DecodeLimits(max_pixels=max_pixels))
        report = preview(source, copies=copies, recipe=recipe, seed=seed, sources=1)
    except ImageError as error:
        raise UsageError(error.message, hint=error.hint, code=error.stable_code) from error
    except InputError as error:
        message = error.message.replace(source, "the request")
        raise UsageError(message, hint=error.hint, code=error.stable_code) from error
    _publish(Path(target), report.png)
    return {"shown": list(report.shown), "skipped": report.skipped}


def thumbnail(*, source: str, target: str, side: int, max_pixels: int, say: Say) -> dict[str, Any]:
    """Write a JPEG no longer than `side` pixels of an image."""
    import cv2
    import numpy as np

    from nfold.images import DecodeLimits, Image, decode_image, encode_image

    del say
    image = decode_image(Path(source).read_bytes(), DecodeLimits(max_pixels=max_pixels))
    pixels = image.pixels if image.pixels.dtype == np.uint8 else (image.pixels >> 8).astype(np.uint8)
    height, width = pixels.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    resized = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    small = Image(pixels=resized, file_format="jpeg")
    _publish(Path(target), encode_image(small, file_format="jpeg", jpeg_quality=85))
    return {"width": size[0], "height": size[1]}


def _publish(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    partial.write_bytes(data)
    partial.replace(target)
