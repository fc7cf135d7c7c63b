"""Labels of one picture on their way into the output: from a sample to its row in the manifest and to label files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from nfold.annotations import Annotation, LabelKind, OutputImage, kinds_of
from nfold.annotations.assembling import extent_of
from nfold.annotations.codec import shapes_to_json
from nfold.annotations.drops import Drop
from nfold.errors import SampleError
from nfold.formats import LabelWriter
from nfold.formats.mask_files import encode_mask
from nfold.images import EXTENSIONS, DecodeLimits, Image, read_header
from nfold.loading import LoadedImage, LoadedLabels
from nfold.plan.table import PlannedSource
from nfold.variation import Sample, Variation

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DECIMALS = 4
"""Of a pixel, in the manifest: ten times finer than any label file tells."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledPicture:
    """What is marked in a picture of the output.

    Attributes:
        size_wh: Width and height.
        annotations: In this picture.
        kept: For each of them its place among those of the source.
        drops: Annotations of the source that are not in it.
        looseness: For each annotation: area of its box over that of the shape that it had to hold; None where it is tight.
            Empty for an original, whose boxes are its own.
        mask: Classes or object numbers, (h, w) or (h, w, 3).
        came: How many annotations the source has.
    """

    size_wh: tuple[int, int]
    annotations: tuple[Annotation, ...]
    kept: tuple[int, ...]
    drops: tuple[Drop, ...]
    looseness: tuple[float | None, ...]
    mask: NDArray[Any] | None
    came: int

    def for_manifest(self) -> dict[str, Any]:
        """Fields of the picture's row.

        Raises:
            AssertionError: An annotation of the source is neither here nor dropped.
        """
        told = sorted([*self.kept, *(drop.index for drop in self.drops)])
        assert told == list(range(self.came)), "each annotation is kept or dropped, once"
        entries = zip(self.annotations, self.kept, strict=True)
        return {
            "size_wh": self.size_wh,
            "labels_in": self.came,
            "annotations": tuple(_plain(shapes_to_json(annotation, index)) for annotation, index in entries),
            "dropped": tuple([drop.index, drop.rule, round(drop.value, 4)] for drop in self.drops),
            "looseness": tuple(
                [index, round(value, 3)]
                for index, value in zip(self.kept, self.looseness, strict=False)
                if value is not None and value > 1.0005
            ),
        }


def make_sample(
    source: str, image: Image, loaded: LoadedImage, labels: LoadedLabels | None, limits: DecodeLimits
) -> Sample:
    """The sample of a source, with its labels as they were read.

    Raises:
        SampleError: A mask has another size than its picture.
    """
    if labels is None:
        return Sample(source=source, image=image)
    mask = labels.mask.pixels if labels.mask is not None else None
    if mask is not None and mask.shape[:2] != image.pixels.shape[:2]:
        raise SampleError(
            f"The mask {labels.labels.mask_file} has {mask.shape[1]} x {mask.shape[0]} pixels, and the picture has "
            f"{image.pixels.shape[1]} x {image.pixels.shape[0]}.",
            hint="Give the picture the mask that was made for it.",
            code="labels.size_mismatch",
        )
    orientation = read_header(loaded.data, limits).orientation
    return Sample(source=source, image=image, labels=labels.labels, mask=mask, stored_orientation=orientation)


def original_of(sample: Sample, *, written: frozenset[LabelKind] | None) -> LabelledPicture | None:
    """What is marked in the original, as it goes into the output; None in formats without annotations.

    Args:
        sample: Prepared.
        written: Kinds of labels that another format takes, which may know an object by its box alone; None where the
            format stays.
    """
    if sample.labels is None:
        return None
    made = LabelledPicture(
        size_wh=_size(sample.image),
        annotations=sample.labels.annotations,
        kept=sample.kept,
        drops=sample.drops,
        looseness=(),
        mask=sample.mask,
        came=len(sample.kept) + len(sample.drops),
    )
    return made if written is None else _converted(made, written)


def copy_of(sample: Sample, variation: Variation, *, written: frozenset[LabelKind] | None) -> LabelledPicture | None:
    """What is marked in a copy; the rest as for `original_of`."""
    if sample.labels is None:
        return None
    made = LabelledPicture(
        size_wh=_size(variation.image),
        annotations=variation.annotations,
        kept=variation.kept,
        drops=variation.drops,
        looseness=variation.looseness,
        mask=variation.mask,
        came=len(sample.kept) + len(sample.drops),
    )
    return made if written is None else _converted(made, written)


def write_companion(
    role: Literal["labels", "mask"],
    planned: PlannedSource,
    *,
    picture: str,
    copy: int,
    name: str,
    labelled: LabelledPicture,
    labels: LoadedLabels,
    writer: LabelWriter,
    is_untouched: bool,
) -> bytes:
    """The bytes of the label file or the mask that goes with a picture.

    Args:
        role: Which of the two.
        planned: The source.
        picture: Name of the picture in the output.
        copy: Its number.
        name: Of the file that is written.
        labelled: What is marked in it.
        labels: Of the source.
        writer: Of the output's format.
        is_untouched: The original with its own files, which go through as they are.
    """
    if is_untouched and role in labels.files:
        return labels.files[role]
    if role == "mask" and labels.mask is not None and labelled.mask is not None:
        ending = EXTENSIONS.get(os.path.splitext(name)[1].lower())
        return encode_mask(replace(labels.mask, pixels=labelled.mask), file_format=ending)
    return writer.encode(
        OutputImage(
            name=picture,
            label_name=name,
            source=planned.id,
            copy=copy,
            rank=planned.rank,
            size_wh=labelled.size_wh,
            split=planned.split,
            category=planned.category,
            labels=labels.labels,
            annotations=labelled.annotations,
            is_untouched=is_untouched,
        )
    )


def _converted(picture: LabelledPicture, written: frozenset[LabelKind]) -> LabelledPicture:
    """What another format has a place for; all else is dropped by that rule, so that no count claims it."""
    boxed = tuple(map(_with_box, picture.annotations))
    held = [place for place, annotation in enumerate(boxed) if _is_written(annotation, written)]
    lost = sorted(set(range(len(boxed))) - set(held))
    drops = (*picture.drops, *(Drop(index=picture.kept[place], rule="format", value=0.0) for place in lost))
    return replace(
        picture,
        annotations=tuple(boxed[place] for place in held),
        kept=tuple(picture.kept[place] for place in held),
        looseness=tuple(picture.looseness[place] for place in held) if picture.looseness else (),
        drops=tuple(sorted(drops, key=lambda drop: drop.index)),
    )


def _with_box(annotation: Annotation) -> Annotation:
    """An object that is known by its outline, pixels or points has a box all the same."""
    return annotation if annotation.box is not None else replace(annotation, box=extent_of(annotation))


def _is_written(annotation: Annotation, written: frozenset[LabelKind]) -> bool:
    if annotation.crowd and "crowd" not in written:
        return False
    kinds: set[LabelKind] = set(kinds_of(annotation)) - {"attributes", "crowd"}
    # An outline that repeats the box is an outline in a data set that has others.
    return bool((kinds | {"polygons"} if annotation.rings else kinds) & written)


def _size(image: Image) -> tuple[int, int]:
    return image.pixels.shape[1], image.pixels.shape[0]


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON gives it back, rounded: rows that are read again equal rows that were made."""
    return {name: list(value) if name == "mask" else _rounded(value) for name, value in entry.items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value if isinstance(value, int) else round(float(value), _DECIMALS)
