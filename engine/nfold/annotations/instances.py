"""Masks of single objects on their way through the stages: those that do not overlap share one label image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nfold.annotations.model import RleMask
from nfold.annotations.rle import decode_rle
from nfold.geometry.journey import share_of_points

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nfold.geometry.stages import Points, Stage

_MOST_IN_ONE = 65_535
_MOST_SAMPLES = 4_000
"""Pixels of an object that are followed one by one to tell what share of it is left."""


@dataclass(slots=True, kw_only=True, eq=False)
class Pixels:
    """One object after the stages.

    Attributes:
        mask: True where the object is; shape (height, width).
        share: Of its pixels in the source, how many are still in the picture: 0 to 1.
        is_flat: It has no pixels in the source.
    """

    mask: NDArray[Any]
    share: float
    is_flat: bool


class Instances:
    """The masks of one picture."""

    def __init__(self, masks: Sequence[RleMask | None]) -> None:
        self._masks = masks
        self._layers: list[NDArray[Any]] = []
        self._place: dict[int, tuple[int, int]] = {}
        self._samples: dict[int, Points] = {}
        for index, mask in enumerate(masks):
            if mask is not None:
                self._lay_in(index, decode_rle(mask).astype(bool))

    def move(self, stage: Stage) -> None:
        """Take all of them through one stage."""
        if stage.move_mask is not None:
            self._layers = [stage.move_mask(layer, fill=0, semantic=False) for layer in self._layers]

    def taken(self, stages: Sequence[Stage]) -> list[Pixels | None]:
        """Each object after the stages that they were moved through; None for those without a mask."""
        found: list[Pixels | None] = [None] * len(self._masks)
        for index, (layer, number) in self._place.items():
            samples = self._samples[index]
            found[index] = Pixels(
                mask=self._layers[layer] == number, share=share_of_points(samples, stages), is_flat=not len(samples)
            )
        return found

    def _free_layer(self, pixels: NDArray[Any]) -> int:
        import numpy as np

        for layer, picture in enumerate(self._layers):
            if picture.max() < _MOST_IN_ONE and not picture[pixels].any():
                return layer
        self._layers.append(np.zeros(pixels.shape, dtype=np.uint16))
        return len(self._layers) - 1

    def _lay_in(self, index: int, pixels: NDArray[Any]) -> None:
        import numpy as np

        layer = self._free_layer(pixels)
        number = int(self._layers[layer].max()) + 1
        self._layers[layer][pixels] = number
        self._place[index] = (layer, number)
        rows, columns = np.nonzero(pixels)
        some = slice(None, None, -(-len(rows) // _MOST_SAMPLES) or 1)
        self._samples[index] = np.stack([columns[some] + 0.5, rows[some] + 0.5], axis=1)
