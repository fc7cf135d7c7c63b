"""One step that moved a picture: where its points went, where each pixel came from, and how masks go along.

Coordinates are float64 pixels with edges at integers: the picture is 0, 0, W, H and the first pixel's centre is 0.5, 0.5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Points: TypeAlias = NDArray[np.float64]
    """Shape (N, 2): x, y."""

HORIZON = 1e-6
"""Points of a perspective with a smaller third coordinate lie behind the camera."""


class Warp(Protocol):
    """How one step moves points."""

    @property
    def is_mirror(self) -> bool:
        """Whether left and right change places."""

    @property
    def keeps_lines(self) -> bool:
        """Whether straight lines stay straight."""

    @property
    def keeps_shape(self) -> bool:
        """Whether everything keeps its angles: it is moved, turned, mirrored or zoomed as a whole."""

    @property
    def keeps_axes(self) -> bool:
        """Whether an upright box is an upright box afterwards, edge for edge."""

    @property
    def folds(self) -> bool:
        """Whether places of the picture before are shown more than once."""

    def forward(self, points: Points) -> Points:
        """Where points of the picture before are in the picture after; not a number where they are nowhere."""

    def shows(self, points: Points, moved: Points) -> NDArray[np.bool_]:
        """Whether the picture after shows points of the picture before where `forward` says, if it is in the frame."""

    def backward(self, points: Points) -> Points:
        """Where points of the picture after were in the picture before."""


MoveMask: TypeAlias = Callable[..., "NDArray[Any]"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stage:
    """One transform, as it was applied to one picture.

    Attributes:
        name: Of the transform.
        size_in_wh: Of the picture before.
        size_out_wh: Of the picture after.
        warp: How points move; None when nothing does.
        holes: Rectangles that were painted over, one row x_min, y_min, x_max, y_max each; None when there are none.
        move_mask: Takes a label image (height, width), the value that comes in from outside, and whether it is of the
            whole picture (`semantic`) or of single objects; gives the label image after. No value in it is new.
    """

    name: str
    size_in_wh: tuple[int, int]
    size_out_wh: tuple[int, int]
    warp: Warp | None
    holes: NDArray[Any] | None = None
    move_mask: MoveMask | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Linear:
    """A homography.

    Attributes:
        matrix: 3 x 3, from before to after, edges at integers.
    """

    matrix: NDArray[np.float64]

    @cached_property
    def is_mirror(self) -> bool:
        """Whether left and right change places."""
        m = self.matrix
        return bool((m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]) * m[2, 2] < 0)

    @property
    def keeps_lines(self) -> bool:
        """Always."""
        return True

    @cached_property
    def is_affine(self) -> bool:
        """Whether parallels stay parallel."""
        return bool(abs(self.matrix[2, 0]) < 1e-12 and abs(self.matrix[2, 1]) < 1e-12)

    @cached_property
    def keeps_shape(self) -> bool:
        """Whether it moves, turns, mirrors and zooms, and does nothing else."""
        (a, b), (c, d) = self.matrix[:2, :2].tolist()
        size = max(abs(a), abs(b), abs(c), abs(d))
        across, lengths = a * b + c * d, (a * a + c * c) - (b * b + d * d)
        return self.is_affine and abs(across) < 1e-9 * size * size and abs(lengths) < 1e-9 * size * size

    @cached_property
    def keeps_axes(self) -> bool:
        """Whether rows stay rows or become columns."""
        (a, b), (c, d) = self.matrix[:2, :2].tolist()
        straight = max(abs(b), abs(c)) < 1e-12 * max(abs(a), abs(d))
        swapped = max(abs(a), abs(d)) < 1e-12 * max(abs(b), abs(c))
        return self.is_affine and (straight or swapped)

    def forward(self, points: Points) -> Points:
        """Where points go; not a number behind the camera."""
        return transformed(points, self.matrix)

    @property
    def folds(self) -> bool:
        """Never."""
        return False

    def shows(self, points: Points, moved: Points) -> NDArray[np.bool_]:
        """All of them."""
        import numpy as np

        return np.ones(len(moved), dtype=bool)

    def backward(self, points: Points) -> Points:
        """Where points came from."""
        return transformed(points, self._inverse)

    @cached_property
    def _inverse(self) -> NDArray[np.float64]:
        import numpy as np

        return np.linalg.inv(self.matrix).astype(np.float64)


def transformed(points: Points, matrix: NDArray[np.float64]) -> Points:
    """Points under a homography; not a number behind the horizon."""
    import numpy as np

    moved: Points = points @ matrix[:2, :2].T + matrix[:2, 2]
    if matrix[2, 0] == 0 and matrix[2, 1] == 0:
        return moved if matrix[2, 2] == 1 else moved / matrix[2, 2]
    depth = points @ matrix[2, :2] + matrix[2, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((depth > HORIZON)[:, None], moved / depth[:, None], np.nan)
