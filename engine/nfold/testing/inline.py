"""Stands for worker processes where a check is about something else: the same task, in this process."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

from nfold.executors import Progress, Task, run_inline

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class InlineWorkforce:
    """Has what a run asks of its workers."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def hello(self, function: str | None = None) -> Any:
        """What a function of the worker's side says, named as `module:function`."""
        if function is None:
            return None
        module, _, name = function.partition(":")
        return getattr(importlib.import_module(module), name)()

    def run(
        self, task: Task[ItemT, ResultT], items: Iterable[ItemT], *, on_step: Callable[[Progress], None] | None = None
    ) -> Generator[ResultT, None, None]:
        """Each item in its turn, with one thread in OpenCV as workers have it."""
        import cv2

        cv2.setNumThreads(1)
        yield from run_inline(task, items, on_step=on_step)
