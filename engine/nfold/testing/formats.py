"""The contract of data set formats, checked from end to end: what is read, varied and written is read again."""

from __future__ import annotations

import contextlib
import hashlib
import pickle
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nfold.annotations import Annotation, ImageLabels
from nfold.annotations.codec import decode_labels
from nfold.errors import InputError
from nfold.formats import FORMATS
from nfold.plan.making import Plan, make_plan
from nfold.plan.table import SourceTable
from nfold.recipe import load_recipe
from nfold.request import make_request

_MIRROR = {
    "name": "mirror",
    "augment": [{"HorizontalFlip": {"p": 1}}],
    "labels": {"min_visibility": 0, "min_area_px": 0},
}
"""Mirrors every copy, so that where everything has to be is known without nfold's own geometry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    """A picture of a data set as its format reads it, in pixels."""

    path: str
    split: str | None
    category: str | None
    size_wh: tuple[int, int]
    shapes: tuple[tuple[str, str, tuple[float, ...]], ...]


def check_format(name: str, folder: Path, workspace: Path, *, tolerance_px: float = 0.02) -> None:
    """Check that a format keeps its contract, with a small data set of its kind.

    The data set is recognised and read; expanded by a mirrored copy, with its tree kept; split, and so written with the
    tree that the format has for new data sets. Each output has to be recognised as the same format again, hold the
    originals as they were and each copy mirrored, and be the same when it is made a second time. The data set itself is
    not to be touched, and broken label files are not to end in anything but errors that say what is wrong.

    Args:
        name: Of the format, as in FORMATS.
        folder: A data set of two pictures or more, each labelled; without splits.
        workspace: An empty folder to write to.
        tolerance_px: How far a corner may be off once it was written and read: half a pixel where files hold integers.

    Raises:
        AssertionError: It does not; the message says what it did wrong.
    """
    before = _digests(folder)
    dataset_format = FORMATS[name]
    assert dataset_format.name == name, f"The entry '{name}' calls itself '{dataset_format.name}'."
    with SourceTable() as table:
        plan = _read(folder, table)
        assert plan.recognition.format == name, f"It was recognised as {plan.recognition.format}."
        assert plan.recognition.reason, "No reason is given for the format."
        writer = plan.writer()
        assert pickle.loads(pickle.dumps(writer)) == writer, "The writer does not survive pickling."  # noqa: S301 - our own
        originals = {picture.path: picture for picture in _pictures(plan, folder)}
    assert len(originals) >= 2, "The data set has to have two pictures or more."
    _check_kept_layout(name, folder, workspace, originals, tolerance_px)
    _check_new_layout(name, folder, workspace, originals, tolerance_px)
    _check_damaged(name, folder, workspace)
    assert _digests(folder) == before, "The data set itself was changed."


def _check_kept_layout(
    name: str, folder: Path, workspace: Path, originals: dict[str, _Picture], tolerance_px: float
) -> None:
    first, second = workspace / "kept-1", workspace / "kept-2"
    for target in (first, second):
        _expand(folder, target, copies=1)
    assert _digests(first) == _digests(second), "A second run wrote something else."
    for path, digest in _digests(folder).items():
        if _is_about_one(path, folder):
            assert _digests(first).get(path) == digest, f"{path} of an untouched original is not what it was."
    found = _read_output(name, first)
    for path, original in originals.items():
        stem, dot, ending = path.rpartition(".")
        assert path in found, f"The original {path} is not in the output."
        _compare(original, found[path], tolerance_px)
        copy = found.get(f"{stem}_aug1{dot}{ending}")
        assert copy is not None, f"The copy of {path} is not in the output."
        _compare(_mirrored(original), copy, tolerance_px)
    assert len(found) == 2 * len(originals), f"{len(originals)} pictures became {len(found)}."


def _check_new_layout(
    name: str, folder: Path, workspace: Path, originals: dict[str, _Picture], tolerance_px: float
) -> None:
    target = workspace / "split"
    _expand(folder, target, copies=0, split="50/50")
    found = _read_output(name, target)
    assert len(found) == len(originals), f"{len(originals)} pictures became {len(found)} once they were split."
    by_file = {path.rpartition("/")[2]: picture for path, picture in found.items()}
    splits = Counter(picture.split for picture in found.values())
    assert set(splits) == {"train", "val"}, f"The splits of the output are read as {dict(splits)}."
    for path, original in originals.items():
        _compare(original, by_file[path.rpartition("/")[2]], tolerance_px)


def _check_damaged(name: str, folder: Path, workspace: Path) -> None:
    """Label files with something in them that is none end in coded errors or in skipped sources."""
    for number, junk in enumerate((b"", b"\xff\xfe\x00junk", b"{", b"0 nan 1e308 -1\n", b"<a><b></a>")):
        broken = workspace / f"broken-{number}"
        for path in _digests(folder):
            data = (folder / path).read_bytes()
            is_label = not path.endswith((".png", ".jpg"))
            (broken / path).parent.mkdir(parents=True, exist_ok=True)
            (broken / path).write_bytes(junk if is_label else data)
        with SourceTable() as table:
            request = make_request(source=broken, target=workspace / "none", copies=1, format=name)
            with contextlib.suppress(InputError):
                make_plan(request, _recipe(), table)


def _recipe() -> Any:
    return load_recipe(_MIRROR)


def _read(folder: Path, table: SourceTable) -> Plan:
    return make_plan(make_request(source=folder, target=folder / "none", copies=1), _recipe(), table)


def _expand(folder: Path, target: Path, **options: Any) -> None:
    from nfold.expansion import run_expansion
    from nfold.testing.inline import InlineWorkforce

    request = make_request(source=folder, target=target, recipe=_MIRROR, **options)
    report = run_expansion(request, workforce=InlineWorkforce())
    assert report.is_whole, f"Sources were skipped: {[row.message for row in report.skipped]}."
    if report.labels is not None:
        assert report.labels.came == report.labels.kept, f"A mirror lost annotations: {report.labels.dropped}."


def _read_output(name: str, target: Path) -> dict[str, _Picture]:
    card = target / "nfold.json"
    card.rename(target / ".card")  # with it, the folder is no source
    try:
        with SourceTable() as table:
            plan = _read(target, table)
            assert plan.recognition.format == name, f"The output was recognised as {plan.recognition.format}."
            return {picture.path: picture for picture in _pictures(plan, target)}
    finally:
        (target / ".card").rename(card)


def _pictures(plan: Plan, folder: Path) -> Iterator[_Picture]:
    from nfold.annotations.resolving import resolve
    from nfold.formats.mask_files import read_mask
    from nfold.images import DecodeLimits, decode_image

    names = [category.name for category in plan.info.categories]
    for planned in plan.table.all():
        assert planned.problem is None, f"{planned.id}: {planned.problem}"
        image = decode_image((folder / planned.path).read_bytes(), DecodeLimits())
        size = image.pixels.shape[1], image.pixels.shape[0]
        labels = decode_labels(planned.labels) if planned.labels is not None else ImageLabels()
        shapes = [shape for entry in resolve(labels, size).annotations for shape in _shapes(entry, names)]
        if labels.mask_file is not None:
            mask = read_mask((folder / labels.mask_file).read_bytes(), DecodeLimits())
            shapes.append(("mask", "", tuple(float(value) for value in mask.pixels.reshape(-1))))
        yield _Picture(
            path=planned.path,
            split=planned.split,
            category=planned.category,
            size_wh=size,
            shapes=tuple(sorted(shapes)),
        )


def _shapes(entry: Annotation, names: list[str]) -> Iterator[tuple[str, str, tuple[float, ...]]]:
    name = "" if entry.category is None else names[entry.category]
    if entry.box is not None:
        yield "box", name, entry.box
    for ring in entry.rings:
        yield "box", name, (min(ring[::2]), min(ring[1::2]), max(ring[::2]), max(ring[1::2]))
    if entry.corners is not None:
        ring = entry.corners
        yield "box", name, (min(ring[::2]), min(ring[1::2]), max(ring[::2]), max(ring[1::2]))
    for place, (x, y, seen) in enumerate(entry.points):
        if seen:
            yield f"point {place} of {seen}", name, (x, y)


def _mirrored(picture: _Picture) -> _Picture:
    width, height = picture.size_wh
    shapes = []
    for kind, name, values in picture.shapes:
        if kind == "box":
            x0, y0, x1, y1 = values
            values = (width - x1, y0, width - x0, y1)
        elif kind == "mask":
            step = len(values) // height
            channels = step // width
            rows = [values[start : start + step] for start in range(0, len(values), step)]
            values = tuple(
                value
                for row in rows
                for column in range(width - 1, -1, -1)
                for value in row[column * channels : (column + 1) * channels]
            )
        else:
            values = (width - values[0], values[1])
        shapes.append((kind, name, values))
    return _Picture(
        path=picture.path,
        split=picture.split,
        category=picture.category,
        size_wh=picture.size_wh,
        shapes=tuple(sorted(shapes)),
    )


def _compare(expected: _Picture, found: _Picture, tolerance_px: float) -> None:
    assert expected.category == found.category, f"{found.path} is of {found.category}, not of {expected.category}."
    kinds = [(kind, name) for kind, name, _ in expected.shapes], [(kind, name) for kind, name, _ in found.shapes]
    assert Counter(kinds[0]) == Counter(kinds[1]), f"{found.path} holds {kinds[1]}, not {kinds[0]}."
    left = list(found.shapes)
    for kind, name, values in expected.shapes:
        near = [
            other
            for other in left
            if other[:2] == (kind, name)
            and all(abs(one - two) <= tolerance_px for one, two in zip(values, other[2], strict=True))
        ]
        assert near, f"{found.path}: {kind} of '{name}' at {values[:8]} is nowhere near."
        left.remove(near[0])


def _is_about_one(path: str, folder: Path) -> bool:
    """Whether a file is a picture, or a label file or mask that goes with one."""
    pictures = {entry.stem for entry in folder.rglob("*") if entry.suffix in (".png", ".jpg")}
    return Path(path).suffix in (".png", ".jpg") or (
        Path(path).suffix in (".xml", ".txt") and Path(path).stem in pictures
    )


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".nfold" not in path.parts and path.name != "nfold.json"
    }
