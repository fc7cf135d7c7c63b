"""Progress: a bar with rate and time left on a terminal, plain lines otherwise; on standard error in both cases."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from nfold.events import Event, Planned, Progressed, Removing, StageBegan
from nfold_cli.text import count, duration, printable, wants_colour

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_STAGES = {
    "scan": "Looking through the folder",
    "survey": "Comparing images",
    "expand": "Expanding",
    "finish": "Finishing",
    "stream": "Streaming",
    "train": "Training",
    "verify": "Verifying",
    "compare": "Running each mode",
}
_SECONDS_BETWEEN_LINES = 5.0


class ProgressDisplay:
    """Watches a run; `observe` is what the engine calls."""

    def __init__(self, *, quiet: bool, noun: str = "files") -> None:
        self.quiet = quiet
        self.noun = noun
        self._began = time.monotonic()
        self._last_line = self._began
        self._stage = _STAGES["verify"]  # whose events begin no stage
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if not self.quiet and sys.stderr.isatty() and wants_colour(sys.stderr):
            self._bar = _make_bar()
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def observe(self, event: Event) -> None:
        """Show an event."""
        if self.quiet:
            return
        match event:
            case StageBegan():
                self.begin(_STAGES[event.stage])
            case Planned():
                self.say(f"{event.format} ({event.reason}): {count(event.sources, 'image')}, to become {event.files:,}")
                for note in event.notes:
                    self.say(f"Note: {printable(note)}")
            case Progressed():
                self.show(event.done, event.total)
            case Removing():
                names = ", ".join(printable(name) for name in event.names)
                more = f" and {event.count - len(event.names):,} more" if event.count > len(event.names) else ""
                named = f": {names}{more}" if names else ""
                self.say(f"Removing {count(event.count, 'file')} of ours no longer asked for{named}")

    def begin(self, stage: str, noun: str | None = None) -> None:
        """Another stage, in words, and what it counts."""
        self.noun = noun or self.noun
        self._stage, self._began = stage, time.monotonic()
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(stage, total=None)

    def say(self, text: str) -> None:
        """A sentence that stays."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            sys.stderr.write(text + "\n")

    def show(self, done: int, total: int) -> None:
        """So much of the stage is done."""
        if self._bar is not None:
            if self._task is None:
                self.begin(self._stage)
            assert self._task is not None
            self._bar.update(self._task, completed=done, total=total)
            return
        now = time.monotonic()
        if now - self._last_line < _SECONDS_BETWEEN_LINES or now - self._began < 1.0:
            return
        self._last_line = now
        rate = done / max(now - self._began, 1e-9)
        left = duration((total - done) / rate) if rate else "unknown time"
        sys.stderr.write(f"{self._stage}: {done:,} of {total:,} {self.noun}, {rate:.0f}/s, {left} left\n")


def _make_bar() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        SpinnerColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.0f}/s" if task.speed else "", style="progress.data.speed")

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)
