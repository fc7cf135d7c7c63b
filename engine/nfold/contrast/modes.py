"""The modes that are contrasted: each really runs, serving pictures as a trainer would get them."""

from __future__ import annotations

import contextlib
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from nfold.card import CARD
from nfold.contrast.sampling import ChosenSample
from nfold.contrast.timing import TimedReader
from nfold.events import Event, StageBegan
from nfold.expansion import run_expansion
from nfold.images import Image
from nfold.manifest import all_records
from nfold.recipe import recipe_document
from nfold.report import ExpansionReport
from nfold.request import make_request
from nfold.storage import PRIVATE, LocalStorage, normal_id
from nfold.stream import FrozenDataset, Pass, Stream
from nfold.stream.opening import open_data_set
from nfold.workers import begin_workers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Served:
    """One picture as it came.

    Attributes:
        source: Id of the user's image that it shows.
        copy: Number of the copy, where the mode counts copies; else 0.
        picture: Its pixels.
    """

    source: str
    copy: int
    picture: Image


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setting:
    """What all modes have in common.

    Attributes:
        sample: The images.
        copies: N.
        seed: Of the variations.
        reading: How the folder is read: fields of ExpansionRequest.
    """

    sample: ChosenSample
    copies: int
    seed: int
    reading: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What was done before the first epoch.

    Attributes:
        once_s: Seconds of augmentation.
        files: That were written.
        bytes: What these weigh.
        notes: What a reader should know about it.
    """

    once_s: float = 0.0
    files: int = 0
    bytes: int = 0
    notes: tuple[str, ...] = ()


class Mode(ABC):
    """A way to give images to a trainer; a context, so that what it wrote goes away.

    Attributes:
        name: In the registry.
        title: As the table's column is headed.
        counts_copies: Whether an epoch has several pictures of each source.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    counts_copies: ClassVar[bool] = False

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.reader = TimedReader(setting.sample.opened)
        self.skipped: dict[str, str] = {}
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> Mode:
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    @property
    def augmentation_s(self) -> float:
        """Seconds of augmentation so far, those before the first epoch apart."""
        return self.reader.augmentation_s

    def prepare(self) -> Prepared:
        """Whatever has to be done once."""
        return Prepared()

    @abstractmethod
    def epoch(self, epoch: int) -> Iterator[Served]:
        """The pictures of one epoch, in its order."""

    def inference(self) -> Iterator[Served] | None:
        """What comes when nothing is being trained; None where there is nothing of the kind."""
        return None

    def _serve(self, items: Pass) -> Iterator[Served]:
        for item in items:
            yield Served(source=item.source, copy=item.copy if self.counts_copies else 0, picture=item.picture)
        self.skipped.update(items.skipped)


class NoAugmentation(Mode):
    """The images as they are, epoch after epoch."""

    name = "none"
    title = "no augmentation"

    def epoch(self, epoch: int) -> Iterator[Served]:
        """Each source once."""
        return self._serve(Stream.over(self.reader, training=False).epoch(epoch, on_unusable="skip"))

    def inference(self) -> Iterator[Served]:
        """The same."""
        return self.epoch(1)


class OnTheFly(Mode):
    """`Stream`: a fresh variation of each source in each epoch."""

    name = "on-the-fly"
    title = "on the fly"

    def epoch(self, epoch: int) -> Iterator[Served]:
        """Each source once, varied."""
        return self._serve(Stream.over(self.reader).epoch(epoch, on_unusable="skip"))

    def inference(self) -> Iterator[Served]:
        """What the stream gives with training=False."""
        return self._serve(Stream.over(self.reader).inference().epoch(1, on_unusable="skip"))


class Frozen(Mode):
    """`FrozenDataset`: the items of the offline set, computed each time."""

    name = "frozen"
    title = "frozen"
    counts_copies = True

    def prepare(self) -> Prepared:
        """Nothing but the list of items."""
        self.items = FrozenDataset.over(self.reader, copies=self.setting.copies)
        return Prepared()

    def epoch(self, epoch: int) -> Iterator[Served]:
        """Each source and its copies; of one that gives too few distinct copies, which is a shortfall, itself alone."""
        items = self.items.epoch(epoch, on_unusable="skip")
        came = set()
        for served in self._serve(items):
            came.add(served.source)
            yield served
        self.skipped = {source: reason for source, reason in self.skipped.items() if source not in came}


class Offline(Mode):
    """`expand` into a folder of its own, whose files are read in each epoch."""

    name = "offline"
    title = "offline"
    counts_copies = True

    def prepare(self) -> Prepared:
        """Run `expand`, and see what it wrote."""
        folder = self._undo.enter_context(tempfile.TemporaryDirectory(prefix="nfold-compare-"))
        target = Path(folder) / "expanded"
        report, once_s = self._expand(target)
        files = [path.stat().st_size for path in _data_files(target)]
        opened = self.setting.sample.opened
        reading = {key: self.setting.reading[key] for key in ("max_pixels", "damaged", "voc_origin")}
        # What `prepare` of the recipe does is in the files already.
        as_it_is = opened.recipe.model_copy(update={"prepare": ()})
        written = open_data_set(
            target,
            as_it_is,
            seed=self.setting.seed,
            split=None,
            varies=False,
            format=_format_of(opened.format),
            **reading,
        )
        self.reader = TimedReader(written)
        self.skipped.update({row.source: row.message for row in report.skipped})
        self._shows = {
            normal_id(row.file): (source, row.copy)
            for source, record in all_records(LocalStorage(target))
            for row in record.files
            if row.role is None
        }
        return Prepared(
            once_s=once_s, files=len(files), bytes=sum(files), notes=_shortfall(report, self.setting.copies)
        )

    def epoch(self, epoch: int) -> Iterator[Served]:
        """Each file once, read from the disk."""
        for served in self._serve(Stream.over(self.reader, training=False).epoch(epoch, on_unusable="skip")):
            source, copy = self._shows[served.source]
            yield Served(source=source, copy=copy, picture=served.picture)

    def _expand(self, target: Path) -> tuple[ExpansionReport, float]:
        """The report and the seconds from when the worker stands ready; of a sample without those that went by while the whole folder was listed."""
        sample = self.setting.sample
        request = make_request(
            source=Path(sample.opened.root),
            target=target,
            copies=self.setting.copies,
            recipe=recipe_document(sample.opened.recipe),
            seed=self.setting.seed,
            workers=1,
            **self.setting.reading,
        )
        stages: dict[str, float] = {}

        def watch(event: Event) -> None:
            if isinstance(event, StageBegan):
                stages[event.stage] = time.perf_counter()

        with begin_workers(target=target, copies=request.copies, workers=1) as workforce:
            # A worker begins in a second or two, however many images follow: no cost of an image.
            workforce.hello()
            began = time.perf_counter()
            report = run_expansion(request, observe=watch, workforce=workforce, only=sample.originals)
            seconds = time.perf_counter() - began
        if sample.is_cut:
            seconds -= stages["expand"] - stages["scan"]
        return report, seconds


MODES: dict[str, type[Mode]] = {mode.name: mode for mode in (NoAugmentation, Offline, OnTheFly, Frozen)}
"""In the order of the columns; that of Keras comes with `nfold.contrast.keras_layers`, where Keras is installed."""


def _data_files(target: Path) -> Iterable[Path]:
    """Images and labels; the card and the manifest are nfold's own record."""
    for path in target.rglob("*"):
        first = path.relative_to(target).parts[0]
        if path.is_file() and first not in (CARD, PRIVATE):
            yield path


def _format_of(recognised: str) -> str:
    return recognised.partition(" (")[0]


def _shortfall(report: ExpansionReport, copies: int) -> tuple[str, ...]:
    if not report.copies_missing:
        return ()
    source, missing = next(iter(report.short.items()))
    return (
        f"Offline, {report.copies_missing:,} copies are missing: the recipe gives no {copies} distinct pictures of "
        f"{report.short_count:,} images ({source}: {missing:,} short). Of these images a frozen data set gives no copy. Ask for fewer copies, or use a recipe that varies more.",
    )
