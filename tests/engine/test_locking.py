from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from nfold.errors import OutputBusyError
from nfold.locking import lock_output

HOLDER = """
import sys, time
from pathlib import Path
from nfold.locking import lock_output
with lock_output(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_another_process_is_refused_and_named_and_the_lock_dies_with_it(tmp_path: Path) -> None:
    target = tmp_path / "out"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(target)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OutputBusyError) as caught, lock_output(target):
            pass
        assert f"process {holder.pid} on {socket.gethostname()}" in caught.value.message
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    with lock_output(target):
        assert json.loads((target / ".nfold/lock").read_text())["pid"] == os.getpid()


def test_within_one_process_it_is_held_once_too(tmp_path: Path) -> None:
    with lock_output(tmp_path), pytest.raises(OutputBusyError), lock_output(tmp_path):
        pass


def test_a_run_that_came_to_nothing_leaves_no_folder_not_even_those_above(tmp_path: Path) -> None:
    with lock_output(tmp_path / "a/b/c"):
        (tmp_path / "a/b/c/.nfold/tmp").mkdir()
        (tmp_path / "a/b/c/.nfold/tmp/1-1").write_bytes(b"half")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with lock_output(tmp_path / "a/b"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    with lock_output(tmp_path / "a"):
        pass
    assert list((tmp_path / "a").iterdir()) == []


def test_whatever_else_is_in_it_stays_with_all_its_folders(tmp_path: Path) -> None:
    with lock_output(tmp_path / "a/b"):
        (tmp_path / "a/b/nfold.json").write_text("{}")
    assert (tmp_path / "a/b/.nfold/lock").exists()
    with lock_output(tmp_path / "c"):
        (tmp_path / "c/picture.png").write_bytes(b"x")
    assert (tmp_path / "c/picture.png").exists()


@pytest.mark.parametrize("content", ["", "{", "{}", "null"])
def test_a_lock_that_cannot_be_read_is_a_lock_all_the_same(content: str, tmp_path: Path) -> None:
    with lock_output(tmp_path):
        (tmp_path / ".nfold/lock").write_text(content)
        with pytest.raises(OutputBusyError, match="it has just begun"), lock_output(tmp_path):
            pass
