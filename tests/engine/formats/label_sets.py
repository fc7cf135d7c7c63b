"""What tests of formats with tables and lists share: a folder, read as a run reads it; an output, written as a run writes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nfold.annotations import Annotation, DatasetInfo, ImageLabels, OutputImage
from nfold.annotations.codec import decode_labels, encode_labels
from nfold.formats import FileIndex, FoundFile, PassedOver, ReadContext, Scan, Source, scan_folder, selector, summarise
from nfold.formats.base import DatasetFormat, LabelWriter

SIZE = (100, 80)


@dataclass(frozen=True)
class ReadSet:
    sources: list[Source]
    info: DatasetInfo

    @property
    def by_id(self) -> dict[str, Source]:
        return {source.id: source for source in self.sources}

    def boxes(self, identity: str) -> list[Any]:
        labels = self.by_id[identity].labels
        assert labels is not None, self.by_id[identity].problem
        return [annotation.box for annotation in labels.annotations]

    def classes(self, identity: str) -> list[str | None]:
        labels = self.by_id[identity].labels
        assert labels is not None, self.by_id[identity].problem
        names = [category.name for category in self.info.categories]
        return [None if entry.category is None else names[entry.category] for entry in labels.annotations]

    def problem(self, identity: str) -> str:
        problem = self.by_id[identity].problem
        assert problem is not None
        return f"{problem.code}: {problem.message}"


def make_set(root: Path, files: Mapping[str, str | bytes], *pictures: str) -> Path:
    """Label files with their text; pictures are empty files, since formats do not open them."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    for name in pictures:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def scan_of(root: Path) -> Scan:
    return summarise(scan_folder(root))


def read_set(
    data_format: DatasetFormat,
    root: Path,
    *,
    include: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    recorded: Mapping[str, Any] | None = None,
) -> ReadSet:
    entries = list(scan_folder(root, include=include, exclude=exclude))
    scan = summarise(entries)
    scratch = sqlite3.connect("", isolation_level=None)

    def fill(index: FileIndex) -> None:
        for entry in entries:
            if isinstance(entry, FoundFile):
                index.add_image(entry)
            elif isinstance(entry, PassedOver) and entry.reason == "label or text file":
                index.add_label(entry.path)

    context = ReadContext(
        root=root,
        scan=scan,
        has_splits=scan.has_splits,
        walk=lambda: (entry for entry in entries if isinstance(entry, FoundFile)),
        files=FileIndex(scratch, fill),
        scratch=scratch,
        is_left_out=selector(include, exclude),
        recorded=recorded or {},
    )
    sources: list[Source] = []
    info = data_format.read(context, sources.append)
    scratch.close()
    for source in sources:
        if source.labels is not None:
            assert decode_labels(encode_labels(source.labels)) == source.labels, (
                "the table of the plan would lose something"
            )
    return ReadSet(sources=sources, info=info)


Vary = Callable[[Annotation], Annotation | None]


def mirrored(annotation: Annotation) -> Annotation | None:
    assert annotation.box is not None
    x_min, y_min, x_max, y_max = annotation.box
    return replace(annotation, box=(SIZE[0] - x_max, y_min, SIZE[0] - x_min, y_max))


def copy_name(identity: str, number: int) -> str:
    stem, dot, ending = identity.rpartition(".")
    return f"{stem}_aug{number}{dot}{ending}"


def in_pixels(labels: ImageLabels, size: tuple[int, int]) -> tuple[Annotation, ...]:
    if not labels.is_relative:
        return labels.annotations
    wide, high = size
    return tuple(
        replace(
            entry,
            box=None
            if entry.box is None
            else (entry.box[0] * wide, entry.box[1] * high, entry.box[2] * wide, entry.box[3] * high),
        )
        for entry in labels.annotations
    )


def output_of(
    read: ReadSet,
    *,
    copies: int = 0,
    vary: Vary = mirrored,
    place: Callable[[Source], str] | None = None,
    size: tuple[int, int] = SIZE,
    is_untouched: bool = True,
) -> list[OutputImage]:
    """The pictures of an output: originals by rank, then copies."""
    images = []
    for copy in range(copies + 1):
        for rank, source in enumerate(read.sources):
            if source.labels is None:
                continue
            original = place(source) if place else source.id
            annotations = in_pixels(source.labels, size)
            if copy or not is_untouched:
                annotations = tuple(new for entry in annotations if (new := vary(entry)) is not None)
            images.append(
                OutputImage(
                    name=copy_name(original, copy) if copy else original,
                    label_name=source.labels.label_file,
                    source=source.id,
                    copy=copy,
                    rank=rank,
                    size_wh=size,
                    split=source.label.split,
                    category=source.label.category,
                    labels=source.labels,
                    annotations=annotations,
                    is_untouched=is_untouched and not copy,
                )
            )
    return sorted(images, key=lambda image: (image.copy > 0, image.rank, image.copy))


def assembled(writer: LabelWriter, images: list[OutputImage]) -> dict[str, str]:
    found = {}
    for name in writer.assembled():
        scratch = sqlite3.connect("", isolation_level=None)
        parts: list[str] = []

        def fresh() -> Iterator[OutputImage]:
            yield from images

        writer.assemble(name, fresh, parts.append, scratch)
        scratch.close()
        found[name] = "".join(parts)
    return found
