"""Work ahead in threads, and hand out in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Task = TypeVar("Task")
Made = TypeVar("Made")

_AHEAD = 3
"""Items under way for each thread: enough that one slow picture holds up nobody."""


def in_order(make: Callable[[Task], Made], tasks: Iterable[Task], *, workers: int) -> Generator[Made, None, None]:
    """What `make` gives for each task, in the order of the tasks.

    OpenCV and the decoders let go of the interpreter's lock, so that threads run side by side where processes would pay
    for copying pixels. An error is raised when its turn comes. With no workers everything happens in the caller's thread.
    """
    if not workers:
        yield from map(make, tasks)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="nfold-stream")
    under_way: deque[Future[Made]] = deque()
    try:
        for task in tasks:
            under_way.append(pool.submit(make, task))
            if len(under_way) >= workers * _AHEAD:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        for future in under_way:
            future.cancel()
        pool.shutdown(wait=True)
