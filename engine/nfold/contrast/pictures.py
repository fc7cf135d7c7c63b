"""The picture grid: small JPEGs of what each mode served of a few sources."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from nfold.contrast.model import Grid, GridCell
from nfold.contrast.modes import Served
from nfold.images import Image, encode_image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SIDE = 120
"""Pixels, of the longer side."""

SOURCES = 3
EPOCHS = (1, 2, 3, 5, 10)
MOST_COPIES = 20
"""Of a source that are shown; the table counts all."""

_QUALITY = 80


@dataclass(slots=True, kw_only=True)
class ModeGrid:
    """The cells of one mode, as they come in.

    Attributes:
        sources: Ids of those that are shown.
        counts_copies: Whether the mode serves several pictures of a source in an epoch.
        epochs: How many are run; the last one is always shown.
    """

    sources: frozenset[str]
    counts_copies: bool
    epochs: int
    _seen: dict[str, set[str]] = field(default_factory=dict)
    _so_far: dict[tuple[str, int], int] = field(default_factory=dict)
    _cells: dict[tuple[str, int], list[tuple[int, GridCell]]] = field(default_factory=dict)
    _drawn: dict[str, bytes] = field(default_factory=dict)

    def take(self, served: Served, epoch: int, pixels: str, *, is_original: bool, is_new: bool) -> None:
        """Look at a picture that was served; most are not for the grid."""
        if served.source not in self.sources:
            return
        seen = self._seen.setdefault(served.source, set())
        seen.add(pixels)
        self._so_far[served.source, epoch] = len(seen)
        if epoch not in shown_epochs(self.epochs) or served.copy > MOST_COPIES:
            return
        if pixels not in self._drawn:
            self._drawn[pixels] = small_jpeg(served.picture)
        in_words = f"copy {served.copy}" if self.counts_copies else f"epoch {epoch}"
        caption = "original" if is_original else in_words
        cell = GridCell(jpeg=self._drawn[pixels], pixels=pixels, caption=caption, is_new=is_new)
        self._cells.setdefault((served.source, epoch), []).append((served.copy, cell))

    def cells(self, source: str, epoch: int) -> tuple[GridCell, ...]:
        """What an epoch served of a source, in the order of the copies."""
        found = self._cells.get((source, epoch), [])
        return tuple(cell for _, cell in sorted(found, key=lambda pair: pair[0]))

    def so_far(self, source: str, epoch: int) -> int:
        """Distinct pictures of a source that were served up to the end of an epoch."""
        return self._so_far.get((source, epoch), 0)


def shown_epochs(epochs: int) -> tuple[int, ...]:
    """The first few, some, and the last."""
    return tuple(sorted({epoch for epoch in EPOCHS if epoch <= epochs} | {epochs}))


def make_grid(sources: Sequence[str], epochs: int, modes: Mapping[str, ModeGrid]) -> tuple[Grid, ...]:
    """The cells of all modes, source by source and epoch by epoch."""
    shown = shown_epochs(epochs)
    return tuple(
        Grid(
            source=source,
            rows=tuple((epoch, {name: mode.cells(source, epoch) for name, mode in modes.items()}) for epoch in shown),
            so_far=tuple({name: mode.so_far(source, epoch) for name, mode in modes.items()} for epoch in shown),
        )
        for source in sources
    )


def small_jpeg(picture: Image) -> bytes:
    """At the most SIDE pixels wide and high; 16 bits become 8, and what is transparent shows on white."""
    import cv2
    import numpy as np

    pixels: Any = picture.pixels
    height, width = pixels.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    most = float(np.iinfo(pixels.dtype).max)
    shown = small.astype(np.float32) / most
    if picture.alpha is not None:
        alpha: Any = cv2.resize(cast(Any, picture.alpha), size, interpolation=cv2.INTER_AREA).astype(np.float32) / most
        alpha = alpha if shown.ndim == 2 else alpha[:, :, None]
        shown = shown * alpha + (1 - alpha)
    eight = np.ascontiguousarray(np.rint(shown * 255).astype(np.uint8))
    plain = replace(picture, pixels=eight, alpha=None, colour_profile=None, density=None)
    return encode_image(plain, file_format="jpeg", jpeg_quality=_QUALITY)
