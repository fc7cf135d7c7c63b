"""Does memory grow with the data set? Plan, run and resume a folder of a million tiny pictures.

    .venv/bin/python benchmarks/million.py [--files 1000000] [--seconds 60] [--whole]

Prints the largest resident size of the coordinating process and of its largest worker in each stage: a dry
run, the first `--seconds` of a run that is then killed, the same again resumed, and with --whole the run
to its end and its no-op repetition.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--folder", help="where to work; a temporary folder by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nfold-million-", dir=options.folder) as folder:
        source, target = Path(folder) / "photos", Path(folder) / "out"
        began = time.monotonic()
        make_files(source, options.files)
        print(f"{options.files:,} files made in {time.monotonic() - began:.0f} s")
        command = [sys.executable, "-m", "nfold_cli", "expand", str(source), str(target), "-n", "1", "--quiet"]
        watch("dry run", [*command, "--dry-run"], None)
        watch("run, killed", command, options.seconds)
        watch("resumed, killed", command, options.seconds)
        if options.whole:
            watch("resumed to the end", command, None)
            watch("repeated, nothing to do", command, None)
            watch("verified", [sys.executable, "-m", "nfold_cli", "verify", str(target), "--quiet"], None)


def make_files(root: Path, count: int) -> None:
    """A thousand different pictures, linked under as many names as wanted."""
    import cv2
    import numpy as np

    base = root.parent / "base"
    base.mkdir()
    for number in range(1000):
        picture = np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        cv2.imwrite(str(base / f"{number}.png"), picture)
    for number in range(count):
        folder = root / f"class{number // 1000:04}"
        if number % 1000 == 0:
            folder.mkdir(parents=True)
        os.link(base / f"{number % 1000}.png", folder / f"picture-{number:07}.png")


def watch(stage: str, command: list[str], seconds: float | None) -> None:
    """Run a command, for so long at the most, and look at the memory of its processes."""
    began = time.monotonic()
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    largest: dict[bool, int] = {True: 0, False: 0}
    while process.poll() is None:
        for pid, size in sizes(process.pid).items():
            largest[pid == process.pid] = max(largest[pid == process.pid], size)
        if seconds is not None and time.monotonic() - began > seconds:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            break
        time.sleep(0.1)
    took = time.monotonic() - began
    print(
        f"{stage:26} {took:7.1f} s   coordinator {largest[True] / 1e6:6.0f} MB   largest worker {largest[False] / 1e6:6.0f} MB",
        flush=True,
    )
    if process.returncode not in (0, -signal.SIGKILL):
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")


def sizes(leader: int) -> dict[int, int]:
    """Largest resident size, in bytes, of each process of a session."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.getsid(int(entry.name)) == leader:
                status = (entry / "status").read_text()
                found[int(entry.name)] = int(status.partition("VmHWM:")[2].split()[0]) * 1024
        except (OSError, ValueError, IndexError):
            continue
    return found


if __name__ == "__main__":
    if not shutil.which("true") or sys.platform != "linux":
        sys.exit("This benchmark reads /proc: Linux only.")
    main()
