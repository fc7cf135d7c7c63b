"""Tasks for the tests, in a module that worker processes can import."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nfold.errors import InvalidRecipeError, Problem
from nfold.executors import WorkerFailure

Step = Callable[[str], None]
Blamed = Mapping[str, WorkerFailure]


def square(item: int, blamed: Blamed, step: Step) -> int:
    step(str(item))
    return item * item


def do_nothing(item: int, blamed: Blamed, step: Step) -> int:
    return item


def echo(item: bytes, blamed: Blamed, step: Step) -> bytes:
    return item


def pid(item: int, blamed: Blamed, step: Step) -> int:
    step(str(item))
    time.sleep(0.01)
    return os.getpid()


def open_descriptors(item: int, blamed: Blamed, step: Step) -> list[str]:
    found = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/self/fd/{name}"))
    return found


def environment(item: str, blamed: Blamed, step: Step) -> str | None:
    return os.environ.get(item)


def slow_first(item: int, blamed: Blamed, step: Step) -> int:
    step(str(item))
    time.sleep(0.3 if item == 0 else 0.001)
    return item


def nap(item: float, blamed: Blamed, step: Step) -> float:
    step(str(item))
    time.sleep(item)
    return item


def nap_forever_in_steps(item: int, blamed: Blamed, step: Step) -> int:
    while True:
        step(str(item))
        time.sleep(0.01)


def be_stubborn(item: int, blamed: Blamed, step: Step) -> int:
    step(str(item))
    while True:
        with contextlib.suppress(Exception):
            time.sleep(60)


def count_many_steps(item: int, blamed: Blamed, step: Step) -> float:
    names = [f"class/picture_{number:06}.jpg" for number in range(item)]
    began = time.perf_counter()
    for name in names:
        step(name)
    return (time.perf_counter() - began) / item


@dataclass(frozen=True, slots=True)
class Shard:
    number: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    number: int
    done: tuple[str, ...]
    skipped: dict[str, WorkerFailure]


@dataclass(frozen=True)
class Poisoned:
    """Works through shards; some sub-items do harm."""

    harm: Mapping[str, str]
    pause_s: float = 0.0
    log: str | None = None

    def __call__(self, shard: Shard, blamed: Blamed, step: Step) -> Outcome:
        done, skipped = [], {}
        for name in shard.names:
            step(name)
            if name in blamed:
                skipped[name] = blamed[name]
                continue
            if self.log:
                with Path(self.log).open("a") as lines:
                    lines.write(f"{name}\n")
            time.sleep(self.pause_s)
            if name in self.harm:
                do_harm(self.harm[name])
            done.append(name)
        step("")
        return Outcome(shard.number, tuple(done), skipped)


def do_harm(kind: str) -> None:
    match kind:
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "exit":
            os._exit(7)
        case "exit 0":
            os._exit(0)
        case "system exit":
            sys.exit(3)
        case "abort":
            os.abort()
        case "loop":
            while True:
                pass
        case "memory":
            hog = bytearray(8 << 30)
            hog[0] = 1
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "close all":
            os.closerange(0, 256)
            time.sleep(60)
        case "terminate once":
            os.kill(os.getpid(), signal.SIGTERM)


def die_before_any_step(item: int, blamed: Blamed, step: Step) -> int:
    if item == 3:
        os.kill(os.getpid(), signal.SIGSEGV)
    return item


def die_in_the_end(item: int, blamed: Blamed, step: Step) -> int:
    step("a")
    step("")
    os._exit(9)


@dataclass(frozen=True)
class DiesOnce:
    folder: str

    def __call__(self, item: int, blamed: Blamed, step: Step) -> int:
        step(str(item))
        mark = Path(self.folder) / str(item)
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGSEGV)
        return item


def refuse_the_fifth(item: int, blamed: Blamed, step: Step) -> int:
    step(str(item))
    if item == 5:
        raise InvalidRecipeError(
            "No such recipe.",
            hint="Try another.",
            code="recipe.test",
            problems=(Problem(pointer="/a", message="wrong"),),
        )
    return item


def stumble_on_the_fifth(item: int, blamed: Blamed, step: Step) -> int:
    if item == 5:
        raise ZeroDivisionError("a bug of ours")
    return item


class StubbornError(Exception):
    """Cannot be pickled there and back."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


def raise_stubborn(item: int, blamed: Blamed, step: Step) -> int:
    raise StubbornError("salt", "pepper")


def return_unpicklable(item: int, blamed: Blamed, step: Step) -> object:
    return threading.Lock()


@dataclass(frozen=True)
class LeavesMarks:
    """Says where it was begun and ended, and waits for as long as it is told."""

    folder: str
    steps: int = 10
    made: list[int] = field(default_factory=list)

    def __call__(self, item: int, blamed: Blamed, step: Step) -> int:
        for number in range(self.steps):
            step(f"{item}.{number}")
            time.sleep(0.005)
        with (Path(self.folder) / "done").open("a") as done:
            done.write(f"{item}\n")
        return item


def facts() -> dict[str, object]:
    return {"pid": os.getpid(), "threads": len(os.listdir("/proc/self/task")), "path": sys.path}


def broken_facts() -> None:
    raise LookupError("no facts")


def pid_at_once(item: int, blamed: Blamed, step: Step) -> int:
    return os.getpid()


def refuse_or_go_on_forever(item: int, blamed: Blamed, step: Step) -> int:
    if item == 5:
        time.sleep(0.1)
        return refuse_the_fifth(item, blamed, step)
    return nap_forever_in_steps(item, blamed, step)


IntTask = Callable[[int, Blamed, Step], int]


@dataclass(frozen=True)
class AfterAFirst:
    """Item 0 is done at once, so that a caller can be sure that the run has begun."""

    task: IntTask

    def __call__(self, item: int, blamed: Blamed, step: Step) -> int:
        return item if item == 0 else self.task(item, blamed, step)
