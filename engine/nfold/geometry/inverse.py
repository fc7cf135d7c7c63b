"""A warp that is known backwards, as remapping needs it: for each pixel of the picture after, where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nfold.geometry.stages import Points

_STEPS = 24
_CLOSE = 1e-3
"""Residual in pixels at which the search for a point ends."""
_FOUND = 0.05
"""Residual in pixels beyond which a point is looked for again, everywhere."""
_LONGEST_STEP = 0.125
"""Of the longer side: how far one step goes at the most."""
_SHOWN = 1.0
"""Residual in pixels up to which a point counts as shown."""
_SPAN = 4
"""Pixels over which slopes are taken when folds are looked for."""
_FLAT = 0.05
"""Share of the usual magnification, below which a place counts as squeezed to nothing."""
_NODES = 4096
"""How many places are looked at when a point is looked for everywhere."""
_NEAREST_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class Field:
    """A backward map.

    Between pixel centres it is interpolated; beyond the outermost centres it goes on as its best affine fit does.

    Attributes:
        source: Shape (height, width, 2) of the picture after: x, y in the picture before of each pixel's centre,
            edges at integers; not a number where a pixel came from outside.
        size_in_wh: Of the picture before.
        is_whole: It has no tears: pixels side by side come from places side by side.
    """

    source: NDArray[Any]
    size_in_wh: tuple[int, int]
    is_whole: bool = False

    @property
    def is_mirror(self) -> bool:
        """Whether left and right change places, on the whole."""
        import numpy as np

        return bool(np.linalg.det(self._fit[0]) < 0)

    @property
    def keeps_lines(self) -> bool:
        """Never."""
        return False

    @property
    def keeps_shape(self) -> bool:
        """Never."""
        return False

    @property
    def keeps_axes(self) -> bool:
        """Never."""
        return False

    @cached_property
    def folds(self) -> bool:
        """Whether some of the picture is shown mirrored, or squeezed to nothing; told of fields without tears."""
        import numpy as np

        if not self.is_whole or min(self.source.shape[:2]) <= _SPAN:
            return False
        some = self.source[::_SPAN, ::_SPAN].astype(np.float64)
        by_x, by_y = some[:-1, 1:] - some[:-1, :-1], some[1:, :-1] - some[:-1, :-1]
        determinant = by_x[..., 0] * by_y[..., 1] - by_x[..., 1] * by_y[..., 0]
        usual = float(np.linalg.det(self._fit[0])) * _SPAN * _SPAN
        return bool((determinant * np.sign(usual)).min() < _FLAT * abs(usual))

    def shows(self, points: Points, moved: Points) -> NDArray[np.bool_]:
        """Whether the places that were found for points are where they are shown."""
        import numpy as np

        missed = self.backward(moved) - points
        return np.hypot(missed[:, 0], missed[:, 1]) < _SHOWN

    def backward(self, points: Points) -> Points:
        """Where points came from; beyond the frame by extrapolation."""
        import numpy as np

        field = self._filled
        height, width = field.shape[:2]
        place = points - 0.5
        inside = np.clip(place, 0, (width - 1, height - 1))
        cell = np.minimum(inside.astype(np.intp), (max(width - 2, 0), max(height - 2, 0)))
        share = inside - cell
        column, row = cell[:, 0], cell[:, 1]
        right, below = np.minimum(column + 1, width - 1), np.minimum(row + 1, height - 1)
        x, y = share[:, :1], share[:, 1:]
        upper = field[row, column] * (1 - x) + field[row, right] * x
        lower = field[below, column] * (1 - x) + field[below, right] * x
        found: Points = upper * (1 - y) + lower * y + (place - inside) @ self._fit[0].T
        return found

    def forward(self, points: Points) -> Points:
        """Where points go: the places whose origin they are, found by search.

        A point whose surroundings fold over has several; one that no pixel shows has none, and gets the place whose
        origin is nearest.
        """
        import numpy as np

        linear, offset = self._fit
        start = (points - offset) @ np.linalg.pinv(linear).T
        found, missed = self._searched(points, start)
        lost = np.flatnonzero(missed > _FOUND)
        if lost.size:
            seeds = self._nearest(points[lost])
            again, still = self._searched(points[lost], seeds)
            better = still < missed[lost]
            found[lost[better]] = again[better]
        return found

    def _searched(self, points: Points, start: Points) -> tuple[Points, NDArray[np.float64]]:
        """Newton's method with slopes taken over two pixels; the best place met, and by how much it misses."""
        import numpy as np

        best, place = start.copy(), start.copy()
        missed = np.full(len(points), np.inf)
        searching = np.arange(len(points))
        longest = _LONGEST_STEP * max(self.source.shape[:2]) + 1
        for _ in range(_STEPS):
            error = self.backward(place) - points[searching]
            distance = np.hypot(error[:, 0], error[:, 1])
            better = distance < missed[searching]
            best[searching[better]], missed[searching[better]] = place[better], distance[better]
            going = distance > _CLOSE
            if not going.any():
                break
            searching, place, error = searching[going], place[going], error[going]
            step = self._step(place, error)
            length = np.hypot(step[:, 0], step[:, 1])
            place = place - step * np.minimum(1, longest / np.maximum(length, 1e-12))[:, None]
        return best, missed

    def _step(self, place: Points, error: Points) -> Points:
        import numpy as np

        linear = self._fit[0]
        half_x, half_y = np.array([1.0, 0.0]), np.array([0.0, 1.0])
        by_x = (self.backward(place + half_x) - self.backward(place - half_x)) / 2
        by_y = (self.backward(place + half_y) - self.backward(place - half_y)) / 2
        a, c, b, d = by_x[:, 0], by_x[:, 1], by_y[:, 0], by_y[:, 1]
        determinant = a * d - b * c
        usual = linear[0, 0] * linear[1, 1] - linear[0, 1] * linear[1, 0]
        # Where the map is flat or folds over, its slopes lead away: there the slopes of the whole picture serve.
        odd = determinant * np.sign(usual or 1) < 0.02 * abs(usual)
        a, b = np.where(odd, linear[0, 0], a), np.where(odd, linear[0, 1], b)
        c, d = np.where(odd, linear[1, 0], c), np.where(odd, linear[1, 1], d)
        determinant = np.where(odd, usual or 1.0, determinant)
        return (
            np.stack([d * error[:, 0] - b * error[:, 1], a * error[:, 1] - c * error[:, 0]], axis=1)
            / determinant[:, None]
        )

    def _nearest(self, points: Points) -> Points:
        """For each point the pixel whose origin is nearest: first among nodes of a coarse grid, then around the best."""
        import numpy as np

        places, origins = self._nodes
        found = np.empty_like(points)
        for start in range(0, len(points), _NEAREST_AT_ONCE):
            some = points[start : start + _NEAREST_AT_ONCE]
            distance = ((origins[None] - some[:, None]) ** 2).sum(axis=2)
            found[start : start + _NEAREST_AT_ONCE] = places[distance.argmin(axis=1)]
        height, width = self.source.shape[:2]
        stride = self._stride
        reach = np.arange(-stride, stride + 1)
        around = np.stack(np.meshgrid(reach, reach), axis=-1).reshape(-1, 2)
        for index, point in enumerate(points):
            near = found[index] + around
            near = near[(near > 0).all(axis=1) & (near[:, 0] < width) & (near[:, 1] < height)]
            column, row = near.astype(np.intp).T
            distance = ((self._filled[row, column] - point) ** 2).sum(axis=1)
            found[index] = near[distance.argmin()]
        return found

    @cached_property
    def _stride(self) -> int:
        height, width = self.source.shape[:2]
        return max(1, int((height * width / _NODES) ** 0.5))

    @cached_property
    def _nodes(self) -> tuple[Points, Points]:
        import numpy as np

        half = self._stride // 2
        height, width = self.source.shape[:2]
        rows = np.arange(min(half, height - 1), height, self._stride)
        columns = np.arange(min(half, width - 1), width, self._stride)
        grid = np.stack(np.meshgrid(columns + 0.5, rows + 0.5), axis=-1).reshape(-1, 2)
        return grid, self._filled[np.ix_(rows, columns)].reshape(-1, 2).astype(np.float64)

    @cached_property
    def _fit(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The affine map that is nearest to the field: matrix 2 x 2 and offset, from after to before."""
        return affine_fit(self.source, self.size_in_wh)

    @cached_property
    def _filled(self) -> NDArray[Any]:
        """The field, with the affine fit where a pixel came from outside."""
        import numpy as np

        unknown = np.isnan(self.source[..., 0])
        if not unknown.any():
            return self.source
        field = self.source.astype(np.float64)
        rows, columns = np.nonzero(unknown)
        linear, offset = self._fit
        field[rows, columns] = np.stack([columns + 0.5, rows + 0.5], axis=1) @ linear.T + offset
        return field


def affine_fit(source: NDArray[Any], size_in_wh: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The affine map from after to before that is nearest to a backward map, in the sense of least squares."""
    import numpy as np

    height, width = source.shape[:2]
    rows = np.unique(np.linspace(0, height - 1, 33).round().astype(np.intp))
    columns = np.unique(np.linspace(0, width - 1, 33).round().astype(np.intp))
    after = np.stack(np.meshgrid(columns + 0.5, rows + 0.5), axis=-1).reshape(-1, 2)
    before = source[np.ix_(rows, columns)].reshape(-1, 2).astype(np.float64)
    known = ~np.isnan(before[:, 0])
    # What is fitted is how it differs from a plain change of size, so that one row or column of pixels is enough.
    plain = np.diag([size_in_wh[0] / width, size_in_wh[1] / height])
    if not known.any():
        return plain, np.zeros(2)
    terms = np.column_stack([after[known], np.ones(known.sum())])
    solution = np.linalg.lstsq(terms, before[known] - after[known] @ plain, rcond=None)[0]
    return plain + solution[:2].T, solution[2]
