"""A service that is told to end while it still starts, at many moments."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def hears(pid: int, number: int) -> bool:
    """Whether a process has a handler for a signal."""
    (line,) = (one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("SigCgt:"))
    return bool(int(line.split()[1], 16) >> (number - 1) & 1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="who listens to which signal is read from /proc")
@pytest.mark.parametrize("later", [0.0, 0.2, 0.5, 0.8, 1.1, 1.4, 1.8])
def test_told_to_end_while_it_starts_it_ends_as_ordinarily(tmp_path: Path, later: float) -> None:
    command = [sys.executable, "-m", "nfold_cli", "serve", "--port", "0", "--data", str(tmp_path / "data")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "NFOLD_LOG_FORMAT": "json"}) as process:
        end = time.monotonic() + 30
        while not hears(process.pid, signal.SIGTERM):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.002)
        # Nothing of what the service needs is there yet: whoever cannot hear it now waits for all of that.
        time.sleep(later)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 0
        assert b"Traceback" not in said
