"""Bytes to an image: header, limits, pixels, colour profile, upright."""

from __future__ import annotations

from nfold.images import failures
from nfold.images.header import READERS, read_header
from nfold.images.kinds import DecodeLimits, Image, ImageHeader, OnDamage
from nfold.images.profile import profile_space
from nfold.images.raster import upright, upright_density


def decode_image(data: bytes, limits: DecodeLimits, *, damaged: OnDamage = "skip") -> Image:
    """Decode `data` to an upright image, with what is needed to write it as it was.

    Args:
        data: A whole file.
        limits: What it may ask of this machine.
        damaged: "skip" refuses a damaged file; "keep" takes what can be decoded of it, and says so in `conversions`.

    Raises:
        ImageError: It cannot be used; the code says why.
    """
    header = read_header(data, limits)
    reader = READERS[header.file_format]
    with failures.decoder_failures_mapped(header.file_format):
        raster = reader.decode_pixels(data, header, damaged)
        profile, loss = _profile(reader.read_profile(data), header)
    turned = upright(raster, header.orientation)
    return Image(
        pixels=turned.pixels,
        alpha=turned.alpha,
        file_format=header.file_format,
        colour_profile=profile,
        density=upright_density(header.density, header.orientation),
        jpeg_subsampling=header.jpeg_subsampling,
        webp_lossless=header.webp_lossless,
        conversions=turned.conversions if loss is None else (*turned.conversions, loss),
    )


def _profile(profile: bytes | None, header: ImageHeader) -> tuple[bytes | None, str | None]:
    """Give the profile if it describes the decoded pixels, else what to say about its loss."""
    if profile is None:
        return None, None
    described = profile_space(profile)
    if described is None:
        return None, "broken or unusual colour profile dropped"
    if header.colour == "cmyk":
        return None, "CMYK colour profile dropped"
    decoded = "grey" if header.colour == "grey" else "rgb"
    return (
        (profile, None)
        if described == decoded
        else (None, f"colour profile dropped, since it describes {described} pixels")
    )
