"""Pictures that look alike: a fingerprint of 64 bits, and which fingerprints differ in few of them.

The fingerprint is a difference hash: the picture in 9 by 8 shades of grey, and for each two neighbours in a row
whether it gets brighter from left to right. Another size, another compression or a slightly changed light leave
most of its bits as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nfold.images import Image

    Hashes: TypeAlias = NDArray[np.uint64]
    Places: TypeAlias = NDArray[np.int64]

BITS = 64
BANDS = 4
BAND_BITS = BITS // BANDS

_CHUNK = 1 << 19
"""Candidates looked at together: 40 MB."""


def difference_hash(image: Image) -> str:
    """The fingerprint of a picture, as 16 hexadecimal digits; what is transparent counts as white."""
    import cv2
    import numpy as np

    grey: Any = image.pixels if image.pixels.ndim == 2 else cv2.cvtColor(image.pixels, cv2.COLOR_RGB2GRAY)
    if image.alpha is not None:
        shown = cv2.multiply(grey, image.alpha, scale=1 / float(np.iinfo(grey.dtype).max))
        grey = cv2.add(shown, cv2.bitwise_not(image.alpha))
    small: Any = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA)
    if small.dtype != np.uint8:
        # In 256 shades: the noise of 65,536 would set bits at random where a picture is plain. Up to the brightest,
        # since many cameras use 12 bits of the 16.
        small = small.astype(np.uint32) * 255 // max(1, int(small.max()))
    return bytes(np.packbits(small[:, :-1] < small[:, 1:])).hex()


def near_pairs(hashes: Hashes, most: int) -> Iterator[tuple[Places, Places, Places]]:
    """Places of fingerprints that differ in few bits, a batch at a time.

    Whatever differs in at most `most` of 64 bits differs in at most `most // 4` bits in one of four bands of 16: only
    such pairs are compared (multi-index hashing). Where there are few fingerprints, all pairs are.

    Args:
        hashes: Distinct fingerprints.
        most: How many bits may differ.

    Yields:
        Places of one, places of the other, and in how many bits they differ. A pair may come more than once, in
        either order.
    """
    masks = sum(comb(BAND_BITS, count) for count in range(most // BANDS + 1))
    if len(hashes) <= max(1024, 30 * masks):
        yield from _among_all(hashes, most)
    else:
        yield from _by_bands(hashes, most)


def _among_all(hashes: Hashes, most: int) -> Iterator[tuple[Places, Places, Places]]:
    import numpy as np

    rows = max(1, _CHUNK // max(1, len(hashes)))
    for start in range(0, len(hashes), rows):
        block = hashes[start : start + rows]
        apart = np.bitwise_count(block[:, None] ^ hashes[None, start:])
        first, second = np.nonzero(apart <= most)
        is_pair = first < second
        first, second = first[is_pair], second[is_pair]
        yield first + start, second + start, apart[first, second].astype(np.int64)


def _by_bands(hashes: Hashes, most: int) -> Iterator[tuple[Places, Places, Places]]:
    import numpy as np

    for values in _bands(hashes):
        order = np.argsort(values, kind="stable")
        values = values[order]
        hashes_in_order = hashes[order]
        ends = np.cumsum(np.bincount(values, minlength=1 << BAND_BITS))
        starts = np.concatenate(([0], ends[:-1]))
        places = np.arange(len(values))
        for mask in _masks(most // BANDS):
            others = values ^ mask
            # Of two buckets one looks into the other; within a bucket each looks at those behind it.
            begin = starts[others] if mask else places + 1
            counts = np.where(values < others, ends[others] - begin, 0) if mask else ends[values] - begin
            for first, second in _candidates(begin, counts):
                apart = np.bitwise_count(hashes_in_order[first] ^ hashes_in_order[second])
                near = apart <= most
                if near.any():
                    yield order[first[near]], order[second[near]], apart[near].astype(np.int64)


def _bands(hashes: Hashes) -> Iterator[Any]:
    """Four numbers of 16 bits from each fingerprint, each with bits from all over the picture.

    Margins are often plain and their bits 0: neighbours in one band would put half of a data set into one bucket.
    """
    import numpy as np

    spread = [27 * place % BITS for place in range(BITS)]
    for band in range(BANDS):
        values = np.zeros(len(hashes), np.int64)
        for place, bit in enumerate(spread[band * BAND_BITS : (band + 1) * BAND_BITS]):
            values |= (((hashes >> np.uint64(bit)) & np.uint64(1)) << np.uint64(place)).astype(np.int64)
        yield values


def _masks(radius: int) -> Iterator[int]:
    for count in range(radius + 1):
        for bits in combinations(range(BAND_BITS), count):
            yield sum(1 << bit for bit in bits)


def _candidates(begin: Places, counts: Places) -> Iterator[tuple[Places, Places]]:
    """Each place with the `counts` places from `begin` on, in chunks."""
    import numpy as np

    (looking,) = np.nonzero(counts)
    ends = np.cumsum(counts[looking])
    start = 0
    while start < len(looking):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _CHUNK)))
        some = looking[start:stop]
        first = np.repeat(some, counts[some])
        behind = np.arange(len(first)) - np.repeat(ends[start:stop] - counts[some] - done, counts[some])
        yield first, begin[first] + behind
        start = stop
