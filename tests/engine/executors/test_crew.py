"""Errors arrive whole; closing, interrupts and the coordinator's own death leave no process behind."""

from __future__ import annotations

import itertools
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import executor_tasks as tasks
import pytest
from processes import children, is_alive, wait_until

from nfold import errors
from nfold.errors import InvalidRecipeError, NfoldError, Problem
from nfold.executors import WorkerLimits, open_workforce, run_local
from nfold.executors.messages import Raised

TWO = WorkerLimits(workers=2)
HERE = str(Path(__file__).parent)


def test_an_error_of_ours_arrives_whole() -> None:
    with pytest.raises(InvalidRecipeError) as caught:
        list(run_local(tasks.refuse_the_fifth, range(100), limits=TWO))
    assert caught.value.message == "No such recipe."
    assert caught.value.hint == "Try another."
    assert caught.value.stable_code == "recipe.test"
    assert caught.value.problems == (Problem(pointer="/a", message="wrong"),)


@pytest.mark.parametrize(
    "kind", [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, NfoldError)]
)
def test_every_error_of_ours_survives_the_way(kind: type[NfoldError]) -> None:
    arrived = pickle.loads(Raised.pickled(kind("message", hint="hint", code="own.code"))).error
    assert type(arrived) is kind
    assert (arrived.message, arrived.hint, arrived.stable_code) == ("message", "hint", "own.code")


def test_an_error_stops_the_other_workers() -> None:
    with open_workforce(TWO) as workforce:
        began = time.monotonic()
        with pytest.raises(InvalidRecipeError):
            list(workforce.run(tasks.refuse_or_go_on_forever, [1, 5]))
        assert time.monotonic() - began < 1.5
        assert len(children()) == 1


def test_a_bug_arrives_with_the_place_where_it_happened() -> None:
    with pytest.raises(ZeroDivisionError, match="a bug of ours") as caught:
        list(run_local(tasks.stumble_on_the_fifth, range(100), limits=TWO))
    assert "in stumble_on_the_fifth" in caught.value.__notes__[0]


def test_an_exception_that_cannot_be_pickled_arrives_as_its_text() -> None:
    with pytest.raises(RuntimeError, match="StubbornError: salt and pepper") as caught:
        list(run_local(tasks.raise_stubborn, [1], limits=TWO))
    assert "in raise_stubborn" in caught.value.__notes__[0]


def test_a_result_that_cannot_be_pickled_is_an_error() -> None:
    with pytest.raises(TypeError, match="lock"):
        list(run_local(tasks.return_unpicklable, [1], limits=TWO))


def test_an_error_of_the_source_of_items_arrives() -> None:
    def items() -> itertools.chain[int]:
        return itertools.chain([1, 2], (1 // 0 for _ in range(1)))

    with pytest.raises(ZeroDivisionError):
        list(run_local(tasks.square, items(), limits=TWO))


@pytest.mark.parametrize("task", [tasks.nap_forever_in_steps, tasks.be_stubborn])
def test_closing_early_is_quick_and_leaves_no_process(task: tasks.IntTask) -> None:
    workforce = open_workforce(TWO)
    workforce.hello()
    results = workforce.run(tasks.AfterAFirst(task), itertools.count())
    next(results)
    assert wait_until(lambda: len(children()) == 3, 1.0)
    began = time.monotonic()
    results.close()
    workforce.close()
    assert time.monotonic() - began < 2.0
    assert children() == {}


def test_closing_at_once_is_quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "endless_import.py").write_text("import time; time.sleep(60)")
    monkeypatch.syspath_prepend(tmp_path)
    began = time.monotonic()
    with open_workforce(WorkerLimits(workers=1, preload=("endless_import",))):
        pass
    assert time.monotonic() - began < 1.0
    assert children() == {}


def test_closing_drops_items_at_a_step_and_not_in_between(tmp_path: Path) -> None:
    with open_workforce(TWO) as workforce:
        results = workforce.run(tasks.LeavesMarks(str(tmp_path)), itertools.count())
        done = list(itertools.islice(results, 4))
        results.close()
        time.sleep(0.2)
        marks = {int(line) for line in (tmp_path / "done").read_text().split()}
    assert set(done) <= marks
    assert len(marks) <= len(done) + 4


def test_an_interrupt_ends_everything(tmp_path: Path) -> None:
    script = start_script(tmp_path, "nap_forever_in_steps", start_new_session=True)
    pids = wait_for_workers(script, 3)
    began = time.monotonic()
    os.killpg(script.pid, signal.SIGINT)  # as Ctrl-C does: to the whole group
    _, said = script.communicate(timeout=10)
    assert time.monotonic() - began < 2.5
    assert said.decode().count("Traceback") == 1, said
    assert said.rstrip().endswith(b"KeyboardInterrupt")
    assert not any(is_alive(pid) for pid in pids)


@pytest.mark.parametrize("task", ["nap_forever_in_steps", "be_stubborn"])
def test_a_killed_coordinator_leaves_no_orphan(tmp_path: Path, task: str) -> None:
    script = start_script(tmp_path, task)
    pids = wait_for_workers(script, 3)
    script.kill()
    script.communicate(timeout=10)
    assert wait_until(lambda: not any(is_alive(pid) for pid in pids), 2.0)


def test_a_coordinator_killed_during_the_imports_leaves_no_orphan(tmp_path: Path) -> None:
    (tmp_path / "slow_to_import.py").write_text("import time; time.sleep(60)")
    script = start_script(tmp_path, "square", preload="slow_to_import")
    pids = wait_for_workers(script, 1)
    script.kill()
    script.communicate(timeout=10)
    assert wait_until(lambda: not any(is_alive(pid) for pid in pids), 2.0)


UNGUARDED = f"""
import sys
sys.path.insert(0, {HERE!r})
import executor_tasks
from nfold.executors import WorkerLimits, run_local
print("once", list(run_local(executor_tasks.square, range(4), limits=WorkerLimits(workers=2))))
"""


@pytest.mark.parametrize("way", ["script", "-c", "stdin", "exec"])
def test_an_unguarded_program_runs_once(tmp_path: Path, way: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(UNGUARDED)
    notebook = f"import sys; del sys.modules['__main__'].__spec__; exec({UNGUARDED!r}, {{'__name__': '__main__'}})"
    arguments = {"script": [str(program)], "-c": ["-c", UNGUARDED], "stdin": ["-"], "exec": ["-c", notebook]}[way]
    done = subprocess.run(
        [sys.executable, *arguments],
        input=UNGUARDED if way == "stdin" else None,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "once [0, 1, 4, 9]\n", done.stderr
    assert done.stderr == ""


def test_what_a_worker_prints_goes_to_the_error_output(tmp_path: Path) -> None:
    (tmp_path / "chatty.py").write_text(
        "def chat(item, blamed, step):\n    print('chat', item, flush=True)\n    return item\n"
    )
    program = tmp_path / "program.py"
    program.write_text(
        "import chatty\nfrom nfold.executors import run_local\nprint(list(run_local(chatty.chat, [1])))\n"
    )
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[1]\n", "chat 1\n")


def start_script(
    folder: Path, task: str, *, preload: str = "", start_new_session: bool = False
) -> subprocess.Popen[bytes]:
    program = folder / "program.py"
    program.write_text(
        textwrap.dedent(f"""
        import itertools, sys
        sys.path.insert(0, {HERE!r})
        import executor_tasks
        from nfold.executors import WorkerLimits, open_workforce
        preload = {preload!r}
        with open_workforce(WorkerLimits(workers=2, preload=tuple(preload.split()))) as workforce:
            print(list(workforce.run(executor_tasks.{task}, itertools.count())))
        """)
    )
    return subprocess.Popen(
        [sys.executable, str(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=start_new_session,
    )


def wait_for_workers(script: subprocess.Popen[bytes], count: int) -> list[int]:
    assert wait_until(lambda: len(children(script.pid)) == count, 10.0), children(script.pid)
    time.sleep(0.2)
    return list(children(script.pid))
