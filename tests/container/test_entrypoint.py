"""The first process of the container, outside of one."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ENTRYPOINT = Path(__file__).parents[2] / "docker/entrypoint.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("entrypoint", ENTRYPOINT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("environment", "uid", "user"),
    [
        ({}, 10001, None),
        ({"PUID": "1000", "PGID": "1000"}, 4711, None),
        ({}, 0, (10001, 0)),
        ({"PUID": "1000"}, 0, (1000, 1000)),
        ({"PUID": "1000", "PGID": "100"}, 0, (1000, 100)),
        ({"PUID": "0", "PGID": "0"}, 0, (0, 0)),
    ],
)
def test_puid_and_pgid_count_only_when_started_as_user_0(
    environment: dict[str, str], uid: int, user: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    entrypoint = load()
    with monkeypatch.context() as patch:  # undone before pytest itself asks for a file
        patch.setattr(os, "stat", lambda path: SimpleNamespace(st_uid=10001, st_gid=0))
        becomes = entrypoint.user_of(environment, uid)
    assert becomes == user


def test_where_they_are_not_set_the_owner_of_the_data_counts(tmp_path: Path) -> None:
    found = tmp_path.stat()
    assert load().user_of({}, 0, str(tmp_path)) == (found.st_uid, found.st_gid)
    assert load().user_of({"PGID": "5"}, 0, str(tmp_path)) == (found.st_uid, 5)


@pytest.mark.parametrize(
    ("arguments", "environment", "group", "becomes"),
    [
        (["serve"], {}, 0, (10001, 0)),
        (["serve"], {}, 100, (10001, 100)),
        (["serve"], {"PGID": "5"}, 0, (10001, 5)),
        (["serve"], {"PUID": "0"}, 0, (0, 0)),
        (["expand", "a", "b"], {}, 0, (0, 0)),
    ],
)
def test_the_service_is_root_only_when_somebody_says_so(
    arguments: list[str],
    environment: dict[str, str],
    group: int,
    becomes: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entrypoint = load()
    became: list[tuple[int, int]] = []
    monkeypatch.setattr(entrypoint, "attend", lambda command: 0)
    monkeypatch.setattr(entrypoint, "become", lambda *user: became.append(user))
    with monkeypatch.context() as patch:  # undone before pytest itself asks for a file
        patch.setattr(os, "stat", lambda path: SimpleNamespace(st_uid=0, st_gid=group))
        patch.setattr(os, "getuid", lambda: 0)
        patch.setattr(os, "environ", environment)
        patch.setattr(os, "execv", lambda path, command: None)
        entrypoint.main(arguments)
    assert became == [becomes]


@pytest.mark.parametrize("text", ["", "me", "-1", "1 000", "²", "4294967295", "99999999999"])
def test_what_is_no_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="PUID"):
        load().user_of({"PUID": text}, 0)


def attend(program: str) -> subprocess.Popen[str]:
    """A program under the first process."""
    call = f"import sys; sys.path.insert(0, {str(ENTRYPOINT.parent)!r}); import entrypoint; "
    call += "sys.exit(entrypoint.attend([sys.executable, '-u', '-c', sys.argv[1]]))"
    return subprocess.Popen(
        [sys.executable, "-c", call, program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("code", [0, 2, 130])
def test_the_exit_code_is_that_of_the_command(code: int) -> None:
    with attend(f"raise SystemExit({code})") as process:
        assert process.wait(30) == code


def test_a_command_that_is_killed_gives_128_and_the_signal() -> None:
    with attend("import os; os.kill(os.getpid(), 9)") as process:
        assert process.wait(30) == 128 + signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_reach_the_command(number: signal.Signals) -> None:
    program = (
        "import signal, sys\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(7))\n"
        "print('ready')\n"
        "while True: signal.pause()\n"
    )
    with attend(program) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait(30) == 7


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux hands orphans to whom one chooses")
def test_processes_whose_parent_is_gone_are_buried() -> None:
    """As the first process of a container does; here it asks for them with PR_SET_CHILD_SUBREAPER."""
    program = (
        "import subprocess, sys, time\n"
        "subprocess.run(['sh', '-c', 'sleep 0.2 & echo $!'])\n"
        "sys.stdin.read()\n"
        "time.sleep(60)\n"
    )
    call = f"import ctypes, sys; ctypes.CDLL(None).prctl(36, 1); sys.path.insert(0, {str(ENTRYPOINT.parent)!r})\n"
    call += "import entrypoint; sys.exit(entrypoint.attend([sys.executable, '-u', '-c', sys.argv[1]]))"
    with subprocess.Popen(
        [sys.executable, "-c", call, program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        orphan = int(process.stdout.readline())
        deadline = time.monotonic() + 20
        while Path(f"/proc/{orphan}").exists():
            assert time.monotonic() < deadline, "it is still there, unburied"
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM


def test_it_imports_little() -> None:
    """It stays in memory as long as nfold runs."""
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            "import runpy, sys; runpy.run_path(sys.argv[1]); print(len(sys.modules))",
            ENTRYPOINT,
        ],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ},
    )
    assert int(done.stdout) < 90
