"""A picture of the output, drawn with what is marked in it, as the manifest says."""

from __future__ import annotations

from pathlib import Path

from nfold.annotations.codec import decode_categories, placed_from_json
from nfold.drawing import draw_one
from nfold.errors import MissingFileError
from nfold.formats.mask_files import read_mask
from nfold.formats.wording import counted
from nfold.images import DecodeLimits, decode_image
from nfold.provenance import find_file, in_words, picture_of
from nfold.verification import open_output


def draw_file(target: str | Path, file: str | Path) -> bytes:
    """A PNG of a picture of the output with its annotations, and in words how it was made.

    Args:
        target: The output folder.
        file: A picture, or a label file or mask that goes with one.

    Raises:
        MissingFileError: The manifest does not name it, or it is not on disk.
        ImageError: It is no longer the picture that was written.
    """
    import json

    storage, card = open_output(target)
    record, found = find_file(storage, file)
    row = picture_of(record, found)
    limits = DecodeLimits(max_pixels=2**30, max_side_px=2**20)
    try:
        image = decode_image(storage.read(row.file), limits)
        masks = [other for other in record.files if (other.copy, other.role) == (row.copy, "mask")]
        mask = read_mask(storage.read(masks[0].file), limits).pixels if masks else None
    except FileNotFoundError as error:
        raise MissingFileError(
            f"{row.file} is not on disk.", hint="Run the same expand command: it is made again."
        ) from error
    made = [in_words(name, parameters) for name, parameters in row.applied]
    origin = f"copy {row.copy} of {row.source}" if row.copy else f"the original {row.source}"
    recipe = [f"recipe {card.recipe.get('name', '')}, seed {card.identity.seed}"] if row.copy else []
    were = "is" if len(row.dropped) == 1 else "are"
    lost = (
        [f"{len(row.dropped)} of {counted(row.labels_in or 0, 'annotation')} {were} not in it"] if row.dropped else []
    )
    return draw_one(
        image,
        tuple(placed_from_json(entry) for entry in row.annotations),
        decode_categories(json.dumps(card.categories)),
        mask,
        [row.file, origin, *recipe, *made, *lost],
    )
