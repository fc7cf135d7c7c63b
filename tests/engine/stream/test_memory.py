from __future__ import annotations

import subprocess
import sys

import pytest

_COUNT = """
import resource
import numpy as np
from nfold.stream.memory import keep_freed_memory
if {keeps}:
    assert keep_freed_memory() and keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def round_of_pictures():
    pictures = [np.ones(900_000, np.uint8) for _ in range(8)]
    del pictures
for _ in range(3):
    round_of_pictures()
before = faults()
for _ in range(10):
    round_of_pictures()
print(faults() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is elsewhere not to be found")
def test_the_memory_of_a_picture_is_used_again_and_not_fetched_page_by_page() -> None:
    def faults(*, keeps: bool) -> int:
        script = _COUNT.format(keeps=keeps)
        return int(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout)

    assert faults(keeps=True) * 10 < faults(keeps=False)
