"""What is trained on and what is held out, before anything is varied: the data set's own splits, or ours."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nfold.errors import InputError, UsageError
from nfold.images import DecodeLimits
from nfold.plan.making import make_plan
from nfold.plan.splitting import SplitBook
from nfold.plan.survey import SurveyTask, chunks
from nfold.plan.table import SourceTable
from nfold.request import make_request, read_shares
from nfold.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Division:
    """Two sets of sources that have none in common.

    Attributes:
        trained: Its sources are trained on.
        train_places: Which of them.
        tested: Its sources are served as they are.
        held_out_places: Which of them are held out.
        how: By what they were divided, in words.
    """

    trained: Stream
    train_places: array[int]
    tested: Stream
    held_out_places: array[int]
    how: str


def divide(
    source: str | Path,
    *,
    recipe: Any,
    seed: int,
    held_out: float,
    group: str | None = None,
    cache: int | str = 0,
    **reading: Any,
) -> Division:
    """Divide a data set with classes; the same one in the same way each time, whatever the seed of the variations.

    A data set with splits is trained on `train` and tested on `val`, or on `test` where there is no `val`. Another one is
    split as `expand --split` does: by class, and with equal files, equal pixels and the same match of `group` together.

    Args:
        source: Its folder.
        recipe: As for `Stream`.
        seed: Of the variations.
        held_out: Share of the images, above 0 and below 1, to a percent; not used where there are splits.
        group: As for `expand`.
        cache: As for `Stream`.
        **reading: As for `Stream`: format, voc_origin, include, exclude, max_pixels, damaged.

    Raises:
        UsageError: There are no classes, or nothing would be held out.
    """
    trained = Stream(source, recipe=recipe, seed=seed, cache=cache, **reading)
    if len(trained.classes) < 2:
        raise UsageError(
            f"{source} has {'one class' if trained.classes else 'no classes'} of whole pictures, and training tells classes apart.",
            hint="Put the images of each class into a folder of its own, or leave --train out.",
            code="training.no_classes",
        )
    if trained.reader.opened.split is not None:
        tested = _held_out_split(source, recipe, seed, reading)
        name = tested.reader.opened.split
        places = array("q", range(len(trained))), array("q", range(len(tested)))
        return Division(
            trained=trained, train_places=places[0], tested=tested, held_out_places=places[1], how=f"its split '{name}'"
        )
    percent = round(100 * held_out)
    if not 1 <= percent <= 99:
        raise UsageError(f"held_out is {held_out}; it is a share of the images, such as 0.2.")
    places = _split(source, trained, f"{100 - percent}/{percent}", group, reading)
    if not places[0] or not places[1]:
        raise UsageError(
            f"{len(trained)} images are too few to hold {percent} % of them out.",
            hint="Give more images of each class.",
            code="training.too_few",
        )
    return Division(
        trained=trained,
        train_places=places[0],
        tested=trained.inference(),
        held_out_places=places[1],
        how=f"{percent} % of each class",
    )


def _held_out_split(source: str | Path, recipe: Any, seed: int, reading: dict[str, Any]) -> Stream:
    for split in ("val", "test"):
        try:
            return Stream(source, recipe=recipe, seed=seed, training=False, split=split, **reading)
        except InputError as error:
            if error.stable_code != "stream.empty":
                raise
    raise UsageError(
        f"{source} has a training split, and neither 'val' nor 'test' to hold out.",
        hint="Add one, or give the folder 'train' itself: a share of it is held out then.",
        code="training.no_held_out",
    )


def _split(
    source: str | Path, stream: Stream, shares: str, group: str | None, reading: dict[str, Any]
) -> tuple[array[int], array[int]]:
    """Places of the sources to train on and to hold out, by nfold's own split."""
    request = make_request(source=source, target=source, copies=0, split=shares, group=group, **reading)
    with SourceTable() as table:
        make_plan(request, stream.reader.opened.recipe, table, accepts_expanded=True)
        book = SplitBook(table, None, records=False)
        look = SurveyTask(source_root=str(source), limits=DecodeLimits(max_pixels=request.max_pixels))
        for chunk in list(chunks(book.unknown())):
            book.enter(look(chunk, {}, _no_sign))
        book.assign(read_shares(shares), group)
        found = array("q"), array("q")
        for place, split in _splits(table, stream.sources):
            found[0 if split == "train" else 1].append(place)
    return found


def _splits(table: SourceTable, sources: Iterator[str]) -> Iterator[tuple[int, str]]:
    for place, identity in enumerate(sources):
        planned = table.get(identity)
        # One that is related to both sides belongs to neither.
        if planned is not None and planned.problem is None and planned.split is not None:
            yield place, planned.split


def _no_sign(source: str) -> None:
    """Nobody waits for a sign of life."""
    del source
