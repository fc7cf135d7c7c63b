"""Where pictures and their label files go in the output, and how label files of copies are called."""

from __future__ import annotations

from typing import Literal

from nfold.errors import UsageError
from nfold.formats import LabelWriter
from nfold.plan.naming import NameTemplate, split_name
from nfold.plan.table import PlannedSource, SourceTable, source_key, to_blob

Role = Literal["labels", "mask"]


def lay_out(table: SourceTable, writer: LabelWriter) -> None:
    """Give every source the place that a format has for it, in an output whose tree is not that of the input."""
    update = "update sources set target = ?, label_target = ?, mask_target = ? where key = ? and id = ?"
    places = ((source, writer.place(source.id, split=source.split, category=source.category)) for source in table.all())
    table.connection.execute("begin")
    table.connection.executemany(
        update,
        (
            (
                to_blob(place.image),
                None if place.label is None else to_blob(place.label),
                None if place.mask is None else to_blob(place.mask),
                source_key(source.id),
                to_blob(source.id),
            )
            for source, place in places
        ),
    )
    table.connection.execute("commit")


def label_name(original_label: str, original_image: str, image: str) -> str:
    """The label file of a copy: beside that of the original, and called after the copy as that is after the original.

    A name is called after another when it begins or ends with that as a word of its own: `a_mask` is called after
    `a`, and `ab` is not. So no letter or digit comes to stand beside what the copy is called, and its number stays
    legible in the name. Whatever else the original's label file is called follows the name of the copy.

    Args:
        original_label: Label file or mask of the original: `labels/a.txt`, `a_mask.png`.
        original_image: The original: `images/a.jpg`.
        image: The copy: `images/a_aug1.jpg`.
    """
    folder, stem, ending = split_name(original_label)
    of_original, of_copy = split_name(original_image)[1], split_name(image)[1]
    after, before = stem[len(of_original) :], stem[: -len(of_original)]
    if stem.startswith(of_original) and not after[:1].isalnum():
        name = of_copy + after
    elif stem.endswith(of_original) and not before[-1:].isalnum():
        name = before + of_copy
    else:
        name = f"{of_copy}_{stem}"
    return f"{folder}/{name}{ending}" if folder else name + ending


def refuse_scattered_names(table: SourceTable, template: NameTemplate) -> None:
    """Label files are found by the folder of their picture: a template that moves pictures would lose them.

    Raises:
        UsageError: The template holds a folder, and some picture has a label file.
    """
    if "/" not in template.text:
        return
    query = "select 1 from sources where coalesce(label_target, mask_target) is not null limit 1"
    if table.connection.execute(query).fetchone():
        raise UsageError(
            f"--name {template.text}: it would move the copies away from their label files.",
            hint="Give a template without a folder, such as {stem}_aug{copy}{ext}.",
        )


def companion_names(source: PlannedSource, image: str) -> dict[Role, str]:
    """Label file and mask of a picture of this source in the output, by their role."""
    names: dict[Role, str] = {}
    pairs: tuple[tuple[Role, str | None], ...] = (("labels", source.label_target), ("mask", source.mask_target))
    for role, original in pairs:
        if original is not None:
            names[role] = original if image == source.target else label_name(original, source.target, image)
    return names
