"""Copies that add something: drawn again while they equal their source or a sibling."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from nfold.randomness import variation_generators
from nfold.variation import MOST_DRAWS, RecipeInForce, Sample, Variation, pixel_hash, vary


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawnCopy:
    """A variation that equals nothing taken before, and the draw that gave it."""

    variation: Variation
    pixels: str
    draw: int


def draw_copy(
    sample: Sample, recipe: RecipeInForce, *, seed: int, copy: int, taken: Container[str]
) -> DrawnCopy | None:
    """The first draw of a copy whose pixels are new, or None after MOST_DRAWS draws.

    Args:
        sample: Prepared.
        recipe: In force.
        seed: Of the run.
        copy: 1 and up.
        taken: Pixel hashes of the prepared source and of copies 1 to copy - 1.
    """
    for draw in range(MOST_DRAWS):
        generators = variation_generators(seed=seed, source_id=sample.source, copy=copy, draw=draw)
        variation = vary(sample, recipe, generators)
        pixels = pixel_hash(variation.image)
        if pixels not in taken:
            return DrawnCopy(variation=variation, pixels=pixels, draw=draw)
    return None
