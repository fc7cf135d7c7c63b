"""Ids of copies: copy k of picture i is k * step + i, the step a power of ten far above all ids, and annotations likewise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nfold.errors import InputError
from nfold.formats.wording import counted

LARGEST_ID = 2**53 - 1
"""The largest whole number that every reader of JSON keeps."""

_ROOM = 1_000
"""A data set may grow by this factor before copies would need other ids."""


@dataclass(frozen=True, slots=True)
class IdSteps:
    """How far the ids of one copy are from those of the next.

    Attributes:
        image: For pictures.
        annotation: For annotations.
    """

    image: int
    annotation: int

    def to_conventions(self) -> dict[str, int]:
        """As they go on the card."""
        return {"image_id_step": self.image, "annotation_id_step": self.annotation}

    def check(self, largest_image: int, largest_annotation: int) -> None:
        """Whether ids leave room for copies.

        Raises:
            InputError: An id has reached the step that earlier copies were numbered with.
        """
        for kind, step, largest in (
            ("image", self.image, largest_image),
            ("annotation", self.annotation, largest_annotation),
        ):
            if largest >= step:
                raise InputError(
                    f"The largest {kind} id is {largest}, but ids of copies in this output begin at {step}.",
                    hint="Write into a new folder: its copies will be numbered from further on. Or give new entries smaller ids.",
                    code="labels.ids_outgrown",
                )
            _checked(kind, 1, step, largest)

    def image_id(self, copy: int, identity: int) -> int:
        """The id of a copy of the picture of that id; InputError when it is too large."""
        return _checked("image", copy, self.image, identity)

    def annotation_id(self, copy: int, identity: int) -> int:
        """The id of an annotation in a copy; InputError when it is too large."""
        return _checked("annotation", copy, self.annotation, identity)


def whole_number(value: Any) -> int | None:
    """An id as a whole number, None when it is none; 5.0, as tables write it, is 5."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= LARGEST_ID else None
    return value


def steps_for(largest_image: int, largest_annotation: int, recorded: Mapping[str, Any] | None = None) -> IdSteps:
    """The steps that an earlier run recorded, else the smallest that leave room to grow."""
    recorded = recorded or {}
    return IdSteps(
        image=_recorded(recorded, "image_id_step") or _step(largest_image),
        annotation=_recorded(recorded, "annotation_id_step") or _step(largest_annotation),
    )


def _recorded(recorded: Mapping[str, Any], key: str) -> int | None:
    value = recorded.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _step(largest: int) -> int:
    step = _ROOM
    while step < _ROOM * largest:
        step *= 10
    return step


def _checked(kind: str, copy: int, step: int, identity: int) -> int:
    number = copy * step + identity
    if number > LARGEST_ID:
        possible = (LARGEST_ID - identity) // step
        raise InputError(
            f"Copy {copy} of {kind} {identity} would have the id {number}, which is larger than 2**53: not every reader keeps such a number.",
            hint=f"Give the {kind}s smaller ids"
            + (f", or make at most {counted(possible, 'copy', 'copies')}." if possible > 0 else "."),
            code="labels.id_too_large",
        )
    return number
