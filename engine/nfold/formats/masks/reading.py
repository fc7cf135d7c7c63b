"""Reading of a data set of pictures and masks: which is which, what goes with what, and the number that is to be ignored."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from nfold.annotations import DatasetInfo, ImageLabels
from nfold.errors import ImageError
from nfold.formats.base import Label, ReadContext, Source, SourceProblem, split_above
from nfold.formats.index import FoundFile
from nfold.formats.mask_files import EXTENSIONS, read_mask
from nfold.formats.masks.pairs import Pairs
from nfold.storage import normal_id

_MOST_MASKS: Final = 200
_MOST_PIXELS: Final = 100_000_000
_COMPANIONS: Final = frozenset(
    {
        *("classes.txt", "labels.txt", "class_names.txt", "codes.txt", "labelmap.txt", "label_colors.txt"),
        *("classes.json", "labels.json", "class_dict.csv", "palette.json", "palette.txt", "label_names.txt"),
    }
)
_SCHEMA = """
create table mask_roles (path blob primary key, picture blob) without rowid;
create index mask_roles_by_picture on mask_roles (picture);
"""


class MaskReading:
    """One reading of one data set."""

    def __init__(self, context: ReadContext) -> None:
        self._context = context
        self._scratch = context.scratch
        self._folders_split = True
        self._endings: Counter[str] = Counter()
        self._passed_over: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._with_mask = 0

    def carry_out(self, take: Callable[[Source], None]) -> DatasetInfo:
        """Hand over every picture; see `Masks.read`."""
        self._scratch.executescript(_SCHEMA)
        pairs = Pairs({file.path.rpartition("/")[0] for file in self._context.files.images()})
        # One transaction: a commit for each row would take most of the time. It begins once the index is filled.
        self._scratch.execute("begin")
        self._tell_apart(pairs)
        self._scratch.execute("commit")
        for file in self._pictures():
            take(self._source(file))
        ignored = self._ignored()
        conventions: dict[str, object] = {"format": "masks", "ignore_value": ignored}
        if len(self._endings) == 1:
            conventions["mask_ending"] = next(iter(self._endings))
        return DatasetInfo(
            companions=tuple(self._companions()),
            has_free_companions=True,
            kinds={"semantic": self._with_mask} if self._with_mask else {},
            conventions=conventions,
            passed_over=dict(self._passed_over),
            examples=self._examples,
            mask_fill=ignored or 0,
        )

    def _tell_apart(self, pairs: Pairs) -> None:
        files = self._context.files
        for file in files.images():
            picture = pairs.picture_of(file.path, files)
            if picture is not None:
                self._add(file.path, normal_id(picture.path))
            elif pairs.picture_folder(file.path.rpartition("/")[0]) is not None:
                self._add(file.path, None)
                self._pass_over("mask without a picture", file.path)
            else:
                self._folders_split = self._folders_split and split_above(file.path) is not None
        query = "select path from mask_roles where picture in (select path from mask_roles) order by path"
        for (blob,) in self._scratch.execute(query):
            self._pass_over("mask of a mask", _text(blob))

    def _add(self, path: str, picture: str | None) -> None:
        values = (_blob(normal_id(path)), None if picture is None else _blob(picture))
        self._scratch.execute("insert or ignore into mask_roles values (?, ?)", values)

    def _pictures(self) -> Iterator[FoundFile]:
        query = "select 1 from mask_roles where path = ?"
        for file in self._context.files.images():
            if self._scratch.execute(query, (_blob(normal_id(file.path)),)).fetchone() is None:
                yield file

    def _source(self, file: FoundFile) -> Source:
        identity = normal_id(file.path)
        label = Label(split=split_above(file.path) if self._folders_split else None, category=None)
        query = "select path from mask_roles where picture = ? order by path limit 3"
        masks = [_text(path) for (path,) in self._scratch.execute(query, (_blob(identity),))]
        found = [mask for mask in map(self._context.files.image, masks) if mask is not None]
        problem = _problem(file.path, [mask.path for mask in found])
        if problem is not None:
            return Source(id=identity, file=file, label=label, labels=ImageLabels(), problem=problem)
        self._with_mask += 1
        self._endings[os.path.splitext(found[0].path)[1]] += 1
        return Source(id=identity, file=file, label=label, labels=ImageLabels(mask_file=found[0].path))

    def _ignored(self) -> int | None:
        recorded = self._context.recorded
        if "ignore_value" in recorded:
            return recorded["ignore_value"] if isinstance(recorded["ignore_value"], int) else None
        values: dict[tuple[int, bool], set[int]] = {}
        query = "select path from mask_roles where picture is not null order by path limit ?"
        pixels = 0
        for (blob,) in self._scratch.execute(query, (_MOST_MASKS,)).fetchall():
            found = self._numbers_in(_text(blob))
            if found is not None:
                values.setdefault(found[0], set()).update(found[1])
                pixels += found[2]
            if pixels > _MOST_PIXELS:
                break
        ignored = {ignored_among(numbers, *kind) for kind, numbers in values.items()} - {None}
        return next(iter(ignored)) if len(ignored) == 1 else None

    def _numbers_in(self, path: str) -> tuple[tuple[int, bool], set[int], int] | None:
        """Depth and whether there is a palette, the numbers, how many pixels; None of a mask of colours."""
        import numpy as np

        file = self._context.files.image(path)
        try:
            mask = read_mask(self._context.root / (file.path if file else path))
        except (ImageError, OSError):
            # Its picture is skipped with this reason when its turn comes.
            return None
        if mask.colour == "rgb":
            return None
        numbers = np.flatnonzero(np.bincount(mask.pixels.reshape(-1)))
        return (mask.bits, mask.colour == "palette"), {int(number) for number in numbers}, mask.pixels.size

    def _companions(self) -> Iterator[str]:
        for path in self._context.files.label_files(".txt", ".json", ".csv"):
            if path.rpartition("/")[2].casefold() in _COMPANIONS:
                yield path

    def _pass_over(self, reason: str, path: str) -> None:
        self._passed_over[reason] += 1
        self._examples.setdefault(reason, path)


def ignored_among(numbers: set[int], bits: int, has_palette: bool) -> int | None:
    """The number that says "to be ignored": the highest there can be, where the others are small numbers of classes.

    Not in {0, 255}, where it is the object; nor where numbers go up to it without a gap, as those of objects do;
    nor where all are multiples of one step (0, 85, 170, 255), which are levels of grey to be seen.
    """
    highest = 255 if bits == 8 else (1 << bits) - 1
    others = numbers - {0, highest}
    if bits < 8 or highest not in numbers or not others or highest - 1 in others:
        return None
    if not has_palette and math.gcd(*numbers) > 1:
        return None
    return highest


def _problem(picture: str, masks: list[str]) -> SourceProblem | None:
    if not masks:
        return SourceProblem(
            code="labels.missing",
            message=f"There is no mask for {picture}.",
            hint="Add one, or leave the picture out with --exclude.",
        )
    if len(masks) > 1:
        return SourceProblem(
            code="labels.duplicate",
            message=f"{masks[0]} and {masks[1]} both look like the mask of {picture}.",
            hint="Leave one kind of masks out with --exclude.",
        )
    if os.path.splitext(masks[0])[1].lower() not in EXTENSIONS:
        return SourceProblem(
            code="labels.unreadable",
            message=f"The mask {masks[0]} is in a format that changes numbers.",
            hint="Save masks as PNG or TIFF.",
        )
    return None


def _blob(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
