"""An epoch of the on-the-fly mode as a tar, written into a pipe that the web process reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nfold.stream import Stream
from nfold.stream.archive import write_archive
from nfold_service.work.bench import Say


def stream_epoch(
    *,
    source: str,
    pipe: str,
    first: int,
    last: int,
    options: dict[str, Any],
    training: bool,
    shuffle: bool,
    workers: int,
    max_pixels: int,
    say: Say,
) -> dict[str, Any]:
    """Write epochs first..last; a reader that goes away ends it."""
    stream = Stream(source, **options, training=training, max_pixels=max_pixels)
    say({"sources": len(stream)})  # what could be refused is refused by now: the answer begins
    with Path(pipe).open("wb", buffering=1 << 20) as out:
        report = write_archive(
            stream, out.write, epochs=range(first, last + 1), by_epoch=last > first, shuffle=shuffle, workers=workers
        )
    return {"items": report.items, "bytes": report.bytes, "skipped": report.skipped}
