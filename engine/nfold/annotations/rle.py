"""Pixels of one object as run lengths down the columns, packed into text byte for byte as pycocotools packs them.

A run is a number of equal pixels; the first run is of background and may be empty, and they alternate from there. Packed,
a run from the fourth on is told as the difference to the run before the last, in groups of five bits, low ones first:
a character is 48 + group, + 32 where another group follows; the highest bit of the last group is the sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from nfold.annotations.model import Box, RleMask

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Spans: TypeAlias = NDArray[np.int64]
    """Shape (N, 2): where runs of an object begin and end, in pixels counted down the columns, one after the other."""

_MOST_GROUPS = 7
"""Seven groups of five bits hold every run of a picture of less than 2**32 pixels, which is as far as pycocotools counts."""

MOST_PIXELS = 2**32 - 1
_PACKED_AT_ONCE = 1 << 16
"""Runs: packing takes two hundred bytes for each while it goes on."""


def encode_rle(mask: NDArray[Any]) -> RleMask:
    """The run lengths of a picture of shape (height, width); whatever is not zero belongs to the object."""
    import numpy as np

    height, width = mask.shape
    flat = np.ascontiguousarray(mask.T).reshape(-1) != 0
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts_inside = bool(flat.size and flat[0])
    runs = np.diff(np.concatenate([[0] * (1 + starts_inside), changes, [flat.size]]))
    return RleMask(height=height, width=width, counts=_pack(runs))


def rle_from_spans(spans: Spans, *, height: int, width: int) -> RleMask:
    """The run lengths of an object that is told by its spans, which do not touch each other; as `encode_rle` has them."""
    import numpy as np

    size = height * width
    edges = spans.reshape(-1)
    rest = [] if edges.size and edges[-1] == size else [size]
    return RleMask(
        height=height, width=width, counts=_pack(np.diff(np.concatenate([[0], edges, rest]).astype(np.int64)))
    )


def rle_spans(rle: RleMask) -> Spans:
    """Where the object is, in order and none of them empty.

    Raises:
        ValueError: As `rle_runs`.
    """
    import numpy as np

    ends = np.cumsum(_checked_runs(rle))
    spans: Spans = np.stack([ends[0:-1:2], ends[1::2]], axis=1) if ends.size > 1 else np.zeros((0, 2), dtype=np.int64)
    return spans[spans[:, 1] > spans[:, 0]]


def decode_rle(rle: RleMask) -> NDArray[Any]:
    """The picture of shape (height, width), true where the object is.

    Raises:
        ValueError: The counts are damaged, or do not add up to height x width.
    """
    import numpy as np

    runs = _checked_runs(rle)
    is_inside = np.arange(len(runs)) % 2 == 1
    flat = np.repeat(is_inside, runs)
    return np.ascontiguousarray(flat.reshape(rle.width, rle.height).T)


def rle_from_runs(runs: Sequence[Any], *, height: int, width: int) -> RleMask:
    """Packs run lengths as they are: COCO's uncompressed form.

    Raises:
        ValueError: They are no whole numbers of 0 or more, or do not add up to height x width.
    """
    import numpy as np

    if not all(isinstance(run, int) and not isinstance(run, bool) and 0 <= run <= MOST_PIXELS for run in runs):
        raise ValueError("run lengths must be whole numbers of 0 or more")
    _check_sum(sum(runs), height, width)
    return RleMask(height=height, width=width, counts=_pack(np.asarray(runs, dtype=np.int64)))


def rle_runs(rle: RleMask) -> list[int]:
    """The run lengths, background first.

    Raises:
        ValueError: The counts are damaged, or do not add up to height x width.
    """
    return [int(run) for run in _checked_runs(rle).tolist()]


def rle_area(rle: RleMask) -> int:
    """Pixels of the object.

    Raises:
        ValueError: As `rle_runs`.
    """
    return int(_checked_runs(rle)[1::2].sum())


def rle_box(rle: RleMask) -> Box | None:
    """The edges of the smallest upright box round the object; None when it has no pixels.

    Raises:
        ValueError: As `rle_runs`.
    """
    return box_of_spans(rle_spans(rle), rle.height)


def box_of_spans(spans: Spans, height: int) -> Box | None:
    """The edges of the smallest upright box round an object, in a picture of that height; None when it has no pixels."""
    if not len(spans):
        return None
    first, last = spans[:, 0], spans[:, 1] - 1
    left, right = int(first[0]) // height, int(last[-1]) // height
    if (first // height != last // height).any():
        # A run that goes on in the next column touches the lower and the upper edge.
        top, bottom = 0, height - 1
    else:
        top, bottom = int((first % height).min()), int((last % height).max())
    return (float(left), float(top), float(right + 1), float(bottom + 1))


def _checked_runs(rle: RleMask) -> NDArray[np.int64]:
    runs = _unpack(rle.counts)
    _check_sum(int(runs.sum()), rle.height, rle.width)
    return runs


def _check_sum(total: int, height: int, width: int) -> None:
    if height < 0 or width < 0 or height * width > MOST_PIXELS:
        raise ValueError(f"a mask of {width} x {height} pixels is too large")
    if total != height * width:
        raise ValueError(f"run lengths add up to {total}, not to {width} x {height}")


def _pack(runs: NDArray[Any]) -> str:
    values = runs.astype("int64")
    values[3:] -= runs[1:-2]
    return b"".join(
        _characters(values[k : k + _PACKED_AT_ONCE]) for k in range(0, len(values), _PACKED_AT_ONCE)
    ).decode()


def _characters(values: NDArray[Any]) -> bytes:
    import numpy as np

    shifts = np.arange(_MOST_GROUPS) * 5
    rests = values[:, None] >> shifts
    groups = rests & 31
    is_last = (rests >> 5) == np.where(groups & 16, -1, 0)
    lengths = is_last.argmax(axis=1)
    is_written = np.arange(_MOST_GROUPS) <= lengths[:, None]
    characters = groups + np.where(np.arange(_MOST_GROUPS) < lengths[:, None], 32, 0) + 48
    return bytes(characters[is_written].astype(np.uint8))


def _unpack(counts: str) -> NDArray[np.int64]:
    import numpy as np

    try:
        codes = np.frombuffer(counts.encode("ascii"), dtype=np.uint8).astype(np.int64) - 48
    except UnicodeEncodeError as error:
        raise ValueError("run lengths hold a character that no packing makes") from error
    if not codes.size:
        return np.zeros(0, dtype=np.int64)
    if codes.min() < 0 or codes.max() > 63:
        raise ValueError("run lengths hold a character that no packing makes")
    ends = np.flatnonzero(codes < 32)
    if not ends.size or ends[-1] != codes.size - 1:
        raise ValueError("run lengths are cut off")
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > _MOST_GROUPS:
        raise ValueError("a run length is too large")
    places = np.arange(codes.size) - np.repeat(starts, lengths)
    values = np.add.reduceat((codes & 31) << (5 * places), starts)
    values -= np.where(codes[ends] & 16, np.int64(1) << (5 * lengths), 0)
    # The sums cannot overflow: each of at most 2**28 terms is below 2**35.
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    if values.min() < 0:
        raise ValueError("a run length is below 0")
    if values.max() > MOST_PIXELS:
        raise ValueError("a run length is too large")
    return values
