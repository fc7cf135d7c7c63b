"""Classes of COCO files: one list for all files of a data set, with key points and what a mirror does to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nfold.annotations import Category
from nfold.errors import InputError
from nfold.formats.coco.ids import whole_number
from nfold.formats.wording import counted

FLIP_KEYS = ("flip_index", "flip_indices", "flip_idx")
"""Not in the standard, in use all the same: for each key point, the place of the one that a mirror makes of it."""

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_HINT = "Mend the list of categories: each needs a whole number as id and a name, and ids stand once in a file."

MOST_CLASSES = 1 << 16


class Categories:
    """Classes by name, in the order in which the files name them first."""

    def __init__(self) -> None:
        self._listed: list[Category] = []
        self._by_name: dict[str, int] = {}
        self._names: dict[int, tuple[str, str]] = {}
        self._places: dict[int, dict[int, int]] = {}
        self._lengths: dict[int, int] = {}

    def add_document(self, number: int, path: str, entries: Any) -> None:
        """Take up the list of a file.

        Args:
            number: Of the document.
            path: Of the file, for messages.
            entries: The value of its `categories`.

        Raises:
            InputError: An entry cannot be used, or contradicts another one.
        """
        if not isinstance(entries, list):
            raise InputError(f"{path}, categories: a list is expected.", hint=_HINT, code="labels.bad_category")
        places = self._places.setdefault(number, {})
        for index, entry in enumerate(entries):
            place = f"{path}, categories/{index}"
            category, identity = _category(entry, place)
            if identity in places:
                raise InputError(
                    f"{place}: id {identity} stands there twice.", hint=_HINT, code="labels.duplicate_category"
                )
            self._check_name(identity, category.name, path)
            places[identity] = self._put(category, place)
            if len(self._listed) > MOST_CLASSES:
                raise InputError(
                    f"{place}: more than {MOST_CLASSES:,} different classes; there are {len(entries):,} categories in all.",
                    hint="Check that they are classes, and not objects or pictures.",
                    code="labels.too_many_classes",
                )

    def has_list(self, number: int) -> bool:
        """Whether a document says anything about classes."""
        return bool(self._places.get(number))

    def index(self, number: int, identity: int) -> int | None:
        """Place of a class by the id that a document gives it; None when it is not there."""
        return self._places.get(number, {}).get(identity)

    def point_count(self, index: int | None) -> int | None:
        """How many key points a class has; None when nothing says so yet."""
        if index is None:
            return None
        names = self._listed[index].point_names
        return len(names) or self._lengths.get(index)

    def note_point_count(self, index: int, count: int) -> None:
        """What the first annotation with key points shows for a class that does not name its own."""
        self._lengths.setdefault(index, count)

    def listed(self) -> tuple[Category, ...]:
        """All of them; key points that nobody named are numbered."""
        found = []
        for index, category in enumerate(self._listed):
            count = self._lengths.get(index, 0)
            if count and not category.point_names:
                names = tuple(f"point{number}" for number in range(1, count + 1))
                category = Category(name=category.name, point_names=names, raw=category.raw)
            found.append(category)
        return tuple(found)

    def _check_name(self, identity: int, name: str, path: str) -> None:
        known, where = self._names.setdefault(identity, (name, path))
        if known != name:
            raise InputError(
                f"Category {identity} is '{known}' in {where} and '{name}' in {path}.",
                hint="Files of one data set must number their classes alike; put files that do not belong together apart.",
                code="labels.contradiction",
            )

    def _put(self, category: Category, place: str) -> int:
        """Its place in the list; one of a name that is known gets the place of that."""
        index = self._by_name.setdefault(category.name, len(self._listed))
        if index == len(self._listed):
            self._listed.append(category)
        elif category.point_names:
            known = self._listed[index]
            if not known.point_names:
                self._listed[index] = category
            elif (category.point_names, category.flip_index) != (known.point_names, known.flip_index):
                raise InputError(
                    f"{place}: '{category.name}' has other key points than the category of that name before it.",
                    hint="Give both the same key points, or the two categories different names.",
                    code="labels.contradiction",
                )
        return index


def _category(entry: Any, place: str) -> tuple[Category, int]:
    identity = whole_number(entry.get("id")) if isinstance(entry, Mapping) else None
    if identity is None:
        raise InputError(f"{place}: the id is missing or no whole number.", hint=_HINT, code="labels.bad_category")
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        raise InputError(f"{place}: the name is missing or no text.", hint=_HINT, code="labels.bad_category")
    names = entry.get("keypoints") or []
    if not isinstance(names, list) or not all(isinstance(point, str) for point in names):
        raise InputError(
            f"{place} '{name}': keypoints must be a list of names.", hint=_HINT, code="labels.bad_category"
        )
    for text in (name, *names):
        if _HALF_CHARACTER.search(text):
            raise InputError(
                f"{place}: the name {text!r} holds half a character.",
                hint="Write the name anew.",
                code="labels.bad_category",
            )
    flips = _flip_index(entry, names, place)
    return Category(name=name, point_names=tuple(names), flip_index=flips, raw=entry), identity


def _flip_index(entry: Mapping[str, Any], names: list[str], place: str) -> tuple[int, ...] | None:
    """Checked: a mirror of a mirror changes nothing."""
    key = next((key for key in FLIP_KEYS if entry.get(key) is not None), None)
    if key is None:
        return None
    flips = entry[key]
    hint = "For each key point give the place, counted from 0, of the one that takes its place in a mirror; a pair names each other."
    where = f"{place} '{entry['name']}': {key}"
    if not isinstance(flips, list) or len(flips) != len(names):
        entries = counted(len(flips), "entry", "entries") if isinstance(flips, list) else "no entries"
        raise InputError(
            f"{where} has {entries} for {counted(len(names), 'key point')}.", hint=hint, code="labels.bad_flip_index"
        )
    for index, other in enumerate(flips):
        if not isinstance(other, int) or isinstance(other, bool) or not 0 <= other < len(flips):
            raise InputError(
                f"{where}: entry {index} is {other!r}, which is no place in it.",
                hint=hint,
                code="labels.bad_flip_index",
            )
    wrong = [index for index, other in enumerate(flips) if flips[other] != index]
    if wrong:
        named = "; ".join(
            f"entry {index} ('{names[index]}') is {flips[index]}, but entry {flips[index]} ('{names[flips[index]]}') is {flips[flips[index]]}"
            for index in wrong[:4]
        )
        raise InputError(f"{where} is no exchange of pairs: {named}.", hint=hint, code="labels.bad_flip_index")
    return tuple(flips)
