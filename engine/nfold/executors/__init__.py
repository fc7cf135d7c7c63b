"""Executors: each runs a task over items, in processes or elsewhere, under the one contract of `Executor`."""

from __future__ import annotations

from nfold.errors import UnknownNameError
from nfold.executors.contract import Executor, Progress, Staff, Step, Task, WorkerFailure, WorkerLimits
from nfold.executors.inline import run_inline
from nfold.executors.local import run_local
from nfold.executors.workforce import Workforce, open_workforce

__all__ = [
    "EXECUTORS",
    "Executor",
    "Progress",
    "Staff",
    "Step",
    "Task",
    "WorkerFailure",
    "WorkerLimits",
    "Workforce",
    "executor_named",
    "open_workforce",
    "run_inline",
    "run_local",
]

EXECUTORS: dict[str, Executor] = {"inline": run_inline, "local": run_local}


def executor_named(name: str) -> Executor:
    """Look an executor up.

    Raises:
        UnknownNameError: There is none of that name.
    """
    if name not in EXECUTORS:
        raise UnknownNameError.among("executor", name, EXECUTORS)
    return EXECUTORS[name]
