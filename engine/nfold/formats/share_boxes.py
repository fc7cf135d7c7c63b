"""Boxes in shares of the picture where pixels are due: taken for pixels they would be dots in the corner, and lost."""

from __future__ import annotations

from dataclasses import dataclass

from nfold.annotations import Box
from nfold.errors import InputError

_NEARLY = (-0.05, 1.05)
LOOKS_LIKE_SHARES = "is smaller than a pixel, and its numbers look like shares of the picture"
SHARES_HINT = (
    "Boxes are in pixels here: multiply x by the width of the picture and y by its height, or take the box out."
)


def is_share(box: Box) -> bool:
    """Whether all of a box lies between 0 and 1, and it is less than 1 wide and high; no labelled object is that small.

    A box that begins at an edge is not told by itself: it may be what was left of an object in the corner.
    """
    x_min, y_min, x_max, y_max = box
    return 0 < x_min < x_max <= _NEARLY[1] and 0 < y_min < y_max <= _NEARLY[1] and x_max - x_min < 1 > y_max - y_min


@dataclass(slots=True, kw_only=True)
class ShareTally:
    """What a pass over all boxes sees; its size does not depend on their number.

    Attributes:
        boxes: How many there are.
        within: How many of them lie between 0 and 1, the whole picture among them.
        first: Where the first stands that is certainly in shares.
    """

    boxes: int = 0
    within: int = 0
    first: str = ""

    def count(self, box: Box, place: str) -> bool:
        """Take up a box; whether it is in shares.

        Args:
            box: Its corners as they are written.
            place: Where it stands, in words.
        """
        self.boxes += 1
        self.within += all(_NEARLY[0] <= number <= _NEARLY[1] for number in box)
        found = is_share(box)
        self.first = self.first or (place if found else "")
        return found

    def refuse_shares(self) -> None:
        """Say once for all pictures what is wrong with each.

        Raises:
            InputError: All boxes are in shares.
        """
        if self.first and self.within == self.boxes:
            raise InputError(
                f"{self.first}: the box {LOOKS_LIKE_SHARES}, as do those of all {self.boxes:,} boxes.",
                hint="Boxes of this format are in pixels: multiply x by the width of each picture and y by its height.",
                code="labels.shares",
            )
