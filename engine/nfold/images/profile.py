"""ICC colour profiles: whether one can be trusted, and which pixels it describes."""

from __future__ import annotations

import zlib

MAX_PROFILE_BYTES = 4 * 1024 * 1024

_COLOUR_SPACES = {b"GRAY": "grey", b"RGB ": "rgb", b"CMYK": "cmyk"}


def profile_space(profile: bytes) -> str | None:
    """Tell what an ICC profile describes: "grey", "rgb" or "cmyk"; None for anything else, and for broken ones.

    Source: ICC.1:2022, 7.2, profile header.
    """
    is_profile = len(profile) >= 128 and profile[36:40] == b"acsp"
    is_whole = int.from_bytes(profile[:4], "big") <= len(profile) <= MAX_PROFILE_BYTES
    return _COLOUR_SPACES.get(profile[16:20]) if is_profile and is_whole else None


def inflate_profile(compressed: bytes) -> bytes | None:
    """Inflate a profile; None when it is broken or would grow beyond 4 MiB."""
    inflater = zlib.decompressobj()
    try:
        profile = inflater.decompress(compressed, MAX_PROFILE_BYTES)
    except zlib.error:
        return None
    return profile if inflater.eof else None
