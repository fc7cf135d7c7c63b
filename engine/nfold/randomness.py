"""The one place that makes generators: from (seed, source id, copy, draw) and nothing else."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nfold.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

LARGEST_SEED = 2**64 - 1
LARGEST_COPY = 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Generators:
    """The two generators that transforms draw from; both come from one seed sequence."""

    numpy: np.random.Generator
    python: random.Random


def source_digest(source_id: str) -> bytes:
    """SHA-256 of a source id; names that are no valid UTF-8 on disk keep their bytes."""
    return hashlib.sha256(source_id.encode("utf-8", "surrogateescape")).digest()


def variation_generators(*, seed: int, source_id: str, copy: int, draw: int = 0) -> Generators:
    """The generators of one variation.

    The entropy is always the same twelve words of 32 bits: numpy's SeedSequence drops trailing
    zeros ((7,) equals (7, 0)) and splits what is larger than 32 bits, so a shorter or wider input
    would let two addresses share a generator.

    Args:
        seed: 0 to 2**64 - 1.
        source_id: Path relative to the source folder, `/`-separated, Unicode NFC.
        copy: 0 for the original's preparation, 1 and up for copies and epochs; below 2**32.
        draw: 0 for the first attempt, counted up when a copy is drawn again.

    Raises:
        UsageError: The seed, the copy or the draw is out of range.
    """
    import numpy as np

    if not 0 <= seed <= LARGEST_SEED:
        raise UsageError(f"The seed is {seed}; it has to be 0 to 2**64 - 1.", code="seed.range")
    if not (0 <= copy <= LARGEST_COPY and 0 <= draw <= LARGEST_COPY):
        raise UsageError(f"Copy {copy}, draw {draw}: both have to be 0 to 2**32 - 1.", code="copy.range")
    digest = source_digest(source_id)
    words = [int.from_bytes(digest[start : start + 4], "little") for start in range(0, 32, 4)]
    sequence = np.random.SeedSequence([seed & 0xFFFFFFFF, seed >> 32, *words, copy, draw])
    generator = np.random.Generator(np.random.PCG64(sequence))
    # S311 is about secrets; this one only has to be reproducible.
    return Generators(numpy=generator, python=random.Random(int(generator.integers(2**63))))  # noqa: S311
