"""Decoded pictures that are kept in memory, up to a bound."""

from __future__ import annotations

import threading

from nfold.variation import Sample


class DecodedPictures:
    """Keeps the first samples that come by, until their pixels reach the bound, and never lets one go.

    An epoch goes through everything once before anything comes again: whatever dropped the oldest would drop each
    picture just before it is wanted. What is kept from the beginning is there in every epoch.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0
        self.hits = 0
        self._samples: dict[int, Sample] = {}
        self._lock = threading.Lock()

    def get(self, position: int) -> Sample | None:
        """The sample of a source, if it was kept."""
        sample = self._samples.get(position)
        if sample is not None:
            self.hits += 1
        return sample

    def offer(self, position: int, sample: Sample) -> None:
        """Keep it if there is room."""
        weight = _bytes_of(sample)
        with self._lock:
            if position not in self._samples and self.bytes + weight <= self.most_bytes:
                self._samples[position] = sample
                self.bytes += weight


def _bytes_of(sample: Sample) -> int:
    arrays = (sample.image.pixels, sample.image.alpha, sample.mask)
    return sum(array.nbytes for array in arrays if array is not None)
