from __future__ import annotations

import signal

import pytest

from nfold.errors import WorkerError
from nfold.executors import WorkerLimits
from nfold.executors.blame import CaseFile, Death, explain_death

LIMITS = WorkerLimits(workers=1, step_timeout_s=90.0)
CRASH = Death(code="worker.crashed", story="it died (SIGSEGV)", is_repeatable=True)
EXIT = Death(code="worker.crashed", story="it ended (exit code 1)", is_repeatable=True)
KILL = Death(code="worker.memory", story="it was killed", is_repeatable=False)


@pytest.mark.parametrize(
    ("status", "hung", "hungry", "code", "story", "repeatable"),
    [
        (signal.SIGSEGV, False, False, "worker.crashed", "died (SIGSEGV)", True),
        (signal.SIGSEGV | 128, False, False, "worker.crashed", "died (SIGSEGV)", True),
        (signal.SIGTERM, False, False, "worker.crashed", "died (SIGTERM)", False),
        (signal.SIGKILL, False, False, "worker.memory", "killed (possibly out of memory)", False),
        (signal.SIGKILL, True, False, "worker.hung", "no progress for 90 s", True),
        (1 << 8, False, True, "worker.memory", "more memory than it may use (4 GiB)", True),
        (7 << 8, False, False, "worker.crashed", "exit code 7", True),
        (40, False, False, "worker.crashed", "signal 40", False),
    ],
)
def test_a_death_is_explained(status: int, hung: bool, hungry: bool, code: str, story: str, repeatable: bool) -> None:
    death = explain_death(status, LIMITS, was_hung=hung, was_out_of_memory=hungry)
    assert (death.code, death.is_repeatable) == (code, repeatable)
    assert story in death.story


def test_two_deaths_alike_suffice_when_they_look_like_the_works_own_doing() -> None:
    case = CaseFile(attempts=3)
    case.add("a", CRASH)
    assert case.blamed == {}
    case.add("a", CRASH)
    assert case.blamed["a"].message == "it died (SIGSEGV) while working on this, 2 times"


def test_deaths_that_differ_or_come_from_outside_need_all_attempts() -> None:
    case = CaseFile(attempts=3)
    for name, death in (("a", CRASH), ("b", KILL), ("a", EXIT), ("b", KILL)):
        case.add(name, death)
    assert case.blamed == {}
    case.add("b", KILL)
    assert set(case.blamed) == {"b"}
    case.add("a", KILL)
    assert set(case.blamed) == {"a", "b"}


def test_one_attempt_is_one_attempt() -> None:
    case = CaseFile(attempts=1)
    case.add("a", KILL)
    assert case.blamed["a"].message == "it was killed while working on this, once"


def test_deaths_without_a_name_or_with_a_blamed_one_end_the_run() -> None:
    case = CaseFile(attempts=2)
    case.add("a", CRASH)
    case.add("a", CRASH)
    case.add("a", CRASH)
    with pytest.raises(WorkerError, match="before any step of it") as caught:
        case.add(None, EXIT)
    assert caught.value.stable_code == "worker.crashed"


def test_an_item_that_never_gets_anywhere_ends_the_run() -> None:
    case = CaseFile(attempts=3)
    for number in range(29):
        case.add(str(number), KILL)
    with pytest.raises(WorkerError, match="30 workers"):
        case.add("another", KILL)


def test_many_guilty_in_one_item_do_not_end_the_run() -> None:
    case = CaseFile(attempts=3)
    for number in range(100):
        case.add(str(number), CRASH)
        case.add(str(number), CRASH)
    assert len(case.blamed) == 100
