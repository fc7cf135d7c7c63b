"""Who is to blame when a worker dies: the sub-item that was at work, once it has done so often enough."""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from dataclasses import dataclass, field

from nfold.errors import WorkerError
from nfold.executors.contract import GIB, WorkerFailure, WorkerLimits

_REPEATABLE_SIGNALS = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP, signal.SIGSYS}
)
_MOST_DEATHS = 30  # of one item that bring no sub-item nearer to being found guilty


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """One end of a worker with an item in its hands.

    Attributes:
        code: As in `WorkerFailure`.
        story: What happened, as the start of a sentence.
        is_repeatable: It looks like the work's own doing; two of the same kind are proof enough.
    """

    code: str
    story: str
    is_repeatable: bool


def explain_death(status: int, limits: WorkerLimits, *, was_hung: bool, was_out_of_memory: bool) -> Death:
    """What a worker died of, from its `os.waitpid` status and from what we know beyond it."""
    exit_code = os.waitstatus_to_exitcode(status)
    if was_hung:
        return Death(
            code="worker.hung",
            story=f"the worker process made no progress for {limits.step_timeout_s:g} s",
            is_repeatable=True,
        )
    if was_out_of_memory:
        story = f"the worker process needed more memory than it may use ({limits.memory_bytes / GIB:.2g} GiB)"
        return Death(code="worker.memory", story=story, is_repeatable=True)
    if exit_code == -signal.SIGKILL:
        return Death(
            code="worker.memory", story="the worker process was killed (possibly out of memory)", is_repeatable=False
        )
    if exit_code < 0:
        return Death(
            code="worker.crashed",
            story=f"the worker process died ({_signal_name(-exit_code)})",
            is_repeatable=-exit_code in _REPEATABLE_SIGNALS,
        )
    return Death(
        code="worker.crashed", story=f"the worker process ended itself (exit code {exit_code})", is_repeatable=True
    )


@dataclass(slots=True, kw_only=True)
class CaseFile:
    """All deaths over one item, and who was found guilty of them.

    Attributes:
        blamed: Sub-items that are not to be touched again.
    """

    attempts: int
    blamed: dict[str, WorkerFailure] = field(default_factory=dict)
    _by_name: defaultdict[str, list[Death]] = field(default_factory=lambda: defaultdict(list))
    _unexplained: int = 0
    _deaths: int = 0

    def add(self, name: str | None, death: Death) -> None:
        """Note a death while `name` was at work, None for none.

        Raises:
            WorkerError: The item keeps ending workers, and no sub-item can be blamed for it.
        """
        self._deaths += 1
        if name is None or name in self.blamed:
            self._unexplained += 1
        else:
            self._suspect(name, death)
        if self._unexplained >= self.attempts or self._deaths >= _MOST_DEATHS:
            at_work = f"while working on '{name}'" if name else "before any step of it"
            raise WorkerError(
                f"One unit of work ended {self._deaths} workers; in the last one {death.story}, {at_work}.",
                code=death.code,
            )

    def _suspect(self, name: str, death: Death) -> None:
        deaths = self._by_name[name]
        deaths.append(death)
        alike = deaths.count(death)
        if len(deaths) >= self.attempts or (death.is_repeatable and alike >= 2):
            times = "once" if len(deaths) == 1 else f"{len(deaths)} times"
            self.blamed[name] = WorkerFailure(code=death.code, message=f"{death.story} while working on this, {times}")
            self._deaths = 0


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
