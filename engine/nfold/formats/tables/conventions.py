"""What is decided once for all tables of a data set: pixels or shares, decimal places, how "no boxes" is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nfold.annotations import Box
from nfold.errors import InputError
from nfold.formats.tables.shape import TableShape

EmptyBox = Literal["blank", "zeros"]
_NEARLY_WHOLE = (-0.05, 1.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvConventions:
    """How boxes stand in the tables of a data set.

    Attributes:
        is_relative: As shares of width and height.
        decimals: Places behind the point; 0 where every box is in whole pixels.
        empty_box: How a row says that its picture holds nothing: empty fields, or a box of zeros; None when no
            row does, so that a picture without boxes cannot be listed.
        per_picture: There is a table for each picture.
    """

    is_relative: bool = False
    decimals: int = 2
    empty_box: EmptyBox | None = None
    per_picture: bool = False

    def to_json(self) -> dict[str, Any]:
        """As it goes on the card."""
        return {
            "format": "csv",
            "coordinates": "relative" if self.is_relative else "pixels",
            "decimals": self.decimals,
            "empty_box": self.empty_box,
            "per_picture": self.per_picture,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> CsvConventions:
        """What `to_json` gave."""
        return cls(
            is_relative=document["coordinates"] == "relative",
            decimals=document["decimals"],
            empty_box=document["empty_box"],
            per_picture=document["per_picture"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStyle:
    r"""All that is needed to write further rows of a table.

    Attributes:
        shape: What its columns are.
        has_mark: It begins with a byte order mark.
        newline: `\n` or `\r\n`.
        conventions: Of the data set.
    """

    shape: TableShape
    has_mark: bool = False
    newline: str = "\n"
    conventions: CsvConventions

    @property
    def top(self) -> str:
        """What stands above the rows."""
        mark = "\ufeff" if self.has_mark else ""
        return mark if self.shape.header is None else f"{mark}{self.shape.header}{self.newline}"

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "shape": self.shape.to_json(),
            "has_mark": self.has_mark,
            "newline": self.newline,
            "conventions": self.conventions.to_json(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> TableStyle:
        """What `to_json` gave."""
        return cls(
            shape=TableShape.from_json(document["shape"]),
            has_mark=document["has_mark"],
            newline=document["newline"],
            conventions=CsvConventions.from_json(document["conventions"]),
        )


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a first pass over all boxes sees; its size does not depend on their number.

    Attributes:
        boxes: How many there are.
        shares: How many of them lie between 0 and 1.
        first_beyond: Where the first stands that does not.
        first_broken: Where the first stands that lies between 0 and 1 with a number strictly between them, which no
            box in pixels has: 0, 0, 1, 1 may be the pixel in the corner.
        has_fractions: Some coordinate is not written as a whole number.
        blanks: Rows with empty fields for the box.
        zeros: Rows with a box of zeros.
        has_headless: Some table has no header.
    """

    boxes: int = 0
    shares: int = 0
    first_beyond: str = ""
    first_broken: str = ""
    has_fractions: bool = False
    blanks: int = 0
    zeros: int = 0
    has_headless: bool = False

    def count(self, corners: Box, texts: tuple[str, ...], place: str) -> None:
        """Take up a box: its corners, its numbers as they stand in the row, and where that is."""
        self.boxes += 1
        self.has_fractions |= not all(text.lstrip("+-").isdigit() for text in texts)
        if all(_NEARLY_WHOLE[0] <= number <= _NEARLY_WHOLE[1] for number in corners):
            self.shares += 1
            if not self.first_broken and any(0 < number < 1 for number in corners):
                self.first_broken = place
        elif not self.first_beyond:
            self.first_beyond = place

    def decide(self, recorded: Mapping[str, Any]) -> CsvConventions:
        """What holds for the data set; what an earlier run recorded is not decided anew.

        Raises:
            InputError: Some boxes are in shares of the picture and others are not, or an earlier run took them for pixels.
        """
        is_relative = self.boxes > 0 and self.shares == self.boxes
        if "coordinates" in recorded:
            is_relative = recorded["coordinates"] == "relative"
        if not is_relative:
            self._refuse_shares()
        empty: EmptyBox | None = "blank" if self.blanks or (self.has_headless and not self.zeros) else None
        if empty is None and self.zeros:
            empty = "zeros"
        return CsvConventions(
            is_relative=is_relative,
            decimals=recorded.get("decimals", 6 if is_relative else 2 if self.has_fractions else 0),
            empty_box=recorded.get("empty_box", empty) or empty,
        )

    def _refuse_shares(self) -> None:
        """What lies between 0 and 1 would shrink to a dot in the corner if it were taken for pixels."""
        hint = "Write all boxes in pixels, or all in shares."
        if self.first_beyond and (self.first_broken or 2 * self.shares > self.boxes):
            other = f" (the first with broken numbers: {self.first_broken})" if self.first_broken else ""
            verb = "lies" if self.shares == 1 else "lie"
            raise InputError(
                f"{self.first_beyond}: this box is in pixels, but {self.shares:,} of {self.boxes:,} boxes {verb} between 0 "
                f"and 1 as shares of the picture do{other}.",
                hint=hint,
                code="labels.mixed_coordinates",
            )
        if self.first_broken:
            raise InputError(
                f"{self.first_broken}: this box lies between 0 and 1 as shares of the picture do, but an earlier run into "
                "this output took the boxes for pixels.",
                hint=f"{hint} Start again with --rebuild if the tables are written in another way now.",
                code="labels.mixed_coordinates",
            )
