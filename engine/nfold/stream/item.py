"""What a stream and a frozen data set hand out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nfold.annotations import Annotation
from nfold.annotations.drops import Drop
from nfold.applied import AppliedTransform
from nfold.images import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Item:
    """One picture as a trainer gets it, with its labels.

    Attributes:
        source: Id of its source.
        copy: Which variation: the epoch in a stream, the number of the copy in a frozen data set; 0 is the original.
        picture: Its pixels, with what is needed to write them to a file.
        label: Class of the whole picture; None where there is none.
        class_index: Its place in `classes`; None likewise.
        annotations: What is marked in it, in pixels, edges at integers; `category` is a place in `categories`.
        mask: Classes or object numbers of all pixels, (h, w); None where the data set has none.
        applied: The transforms that fired, in order.
        drops: Annotations of the source that are not there, each with its rule.
    """

    source: str
    copy: int
    picture: Image
    label: str | None = None
    class_index: int | None = None
    annotations: tuple[Annotation, ...] = ()
    mask: NDArray[Any] | None = None
    applied: tuple[AppliedTransform, ...] = ()
    drops: tuple[Drop, ...] = ()

    @property
    def image(self) -> NDArray[Any]:
        """(h, w, 3) RGB or (h, w) grey, 8 or 16 bits; alpha is in `picture`."""
        return self.picture.pixels
