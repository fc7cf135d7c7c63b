"""A hundred kills of the service at random moments: `python -m tests.soak.kills [KILLS] [SEED]`, from the root of the project."""

from __future__ import annotations

import os
import sys

import pytest

if __name__ == "__main__":
    kills, *seed = [*sys.argv[1:], "100"][:2] if len(sys.argv) == 1 else sys.argv[1:3]
    os.environ["NFOLD_KILLS"] = kills
    if seed:
        os.environ["NFOLD_KILL_SEED"] = seed[0]
    sys.exit(
        pytest.main(
            ["-q", "-s", "-n0", "-p", "no:randomly", "tests/service/test_never_lost.py", "-k", "random_moments"]
        )
    )
