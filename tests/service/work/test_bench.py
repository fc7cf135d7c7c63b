from __future__ import annotations

import subprocess
import sys

WATCHED = """
import os, sys, urllib.request
called = []
urllib.request.OpenerDirector.open = lambda self, *arguments, **options: called.append(arguments)
from nfold_service.work import bench
sys.argv = ["bench", str(os.getppid()), "0", "0", "1"]
bench.main()
import albumentations
sys.stderr.write(f"called: {called}")
"""


def test_what_is_loaded_beforehand_asks_nobody_for_updates() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == "called: []"
