from __future__ import annotations

import tracemalloc
import zlib

from nfold.images.profile import MAX_PROFILE_BYTES, inflate_profile, profile_space


def test_a_profile_tells_its_colour_space(srgb_profile: bytes) -> None:
    assert profile_space(srgb_profile) == "rgb"
    assert profile_space(srgb_profile[:16] + b"GRAY" + srgb_profile[20:]) == "grey"
    assert profile_space(srgb_profile[:16] + b"Lab " + srgb_profile[20:]) is None


def test_a_broken_profile_tells_nothing(srgb_profile: bytes) -> None:
    assert profile_space(b"") is None
    assert profile_space(srgb_profile[:-1]) is None
    assert profile_space(srgb_profile.replace(b"acsp", b"abcd")) is None


def test_a_profile_inflates_up_to_4_mib_and_no_further(srgb_profile: bytes) -> None:
    assert inflate_profile(zlib.compress(srgb_profile)) == srgb_profile
    assert inflate_profile(b"no stream") is None
    assert inflate_profile(zlib.compress(srgb_profile)[:-6]) is None
    bomb = zlib.compress(bytes(100 << 20))
    tracemalloc.start()
    assert inflate_profile(bomb) is None
    assert tracemalloc.get_traced_memory()[1] < 3 * MAX_PROFILE_BYTES
    tracemalloc.stop()
