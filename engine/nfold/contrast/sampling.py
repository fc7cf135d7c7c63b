"""Which of the user's images a contrast runs on: the same few in every mode, chosen by the hashes of their ids.

Nothing of the data set is copied for this. Each mode opens the user's own folder and takes the chosen sources of it, so
that ids, labels, format and border are those of a real run.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace

from nfold.errors import InputError, SampleError
from nfold.images import decode_image
from nfold.labelling import make_sample
from nfold.loading import load_image, load_labels
from nfold.plan.table import PlannedSource
from nfold.stream.opening import OpenedDataSet
from nfold.stream.reading import ItemReader
from nfold.variation import RecipeInForce, blamed_on_image, pixel_hash, prepare

_TRIED_FOR_EACH = 8
"""So many sources are looked at for each that is wanted, before a folder of broken images is given up."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChosenSample:
    """The images that all modes run on.

    Attributes:
        opened: The data set with these sources alone.
        originals: Digest of each source's pixels: decoded, upright, prepared, not varied.
        order: Their ids in the order in which they were chosen.
        available: Training images of the folder.
        is_cut: Whether there are more usable images than were chosen, as far as is known.
        skipped: Sources that cannot be used, with the reason.
    """

    opened: OpenedDataSet
    originals: Mapping[str, bytes]
    order: tuple[str, ...]
    available: int
    is_cut: bool
    skipped: dict[str, str]


def choose_sample(opened: OpenedDataSet, most: int) -> ChosenSample:
    """The first usable sources in the order of the hashes of their ids.

    A source is usable when it can be decoded and varied: what `expand` would skip, no mode gets.

    Raises:
        InputError: None of those that were looked at is usable.
    """
    reader = ItemReader(opened, cache_bytes=0)
    recipe = RecipeInForce(recipe=opened.recipe, border=opened.border, categories=opened.categories)
    originals: dict[str, bytes] = {}
    skipped = dict(opened.unusable)
    looked_at = 0
    for planned in itertools.islice(opened.places.by_hash(), most * _TRIED_FOR_EACH):
        if len(originals) == most:
            break
        looked_at += 1
        try:
            original = _digest_of_original(opened, planned, recipe)
            reader.variation(opened.places.place_of(planned.id), 1)
        except SampleError as error:
            skipped[planned.id] = error.message
        else:
            originals[planned.id] = original
    if not originals:
        raise InputError(
            f"No image in {opened.root} can be used. "
            + "; ".join(f"{name}: {reason}" for name, reason in list(skipped.items())[:3]),
            hint="JPEG, PNG, WebP, BMP and TIFF are read.",
            code="input.nothing_usable",
        )
    return ChosenSample(
        opened=replace(opened, places=opened.places.only(originals)),
        originals=originals,
        order=tuple(originals),
        available=len(opened.places),
        is_cut=looked_at < len(opened.places),
        skipped=skipped,
    )


def _digest_of_original(opened: OpenedDataSet, planned: PlannedSource, recipe: RecipeInForce) -> bytes:
    """Not by the reader that the modes use: what they serve is compared with this."""
    loaded = load_image(opened.root, planned, opened.limits)
    labels = load_labels(opened.root, planned, opened.limits)
    image = decode_image(loaded.data, opened.limits, damaged=opened.damaged)
    sample = make_sample(planned.id, image, loaded, labels, opened.limits)
    return bytes.fromhex(pixel_hash(blamed_on_image(prepare, sample, recipe).image))
