"""nfold expand against its floor and against the loops that people write by hand, in one run, side by side.

    .venv/bin/python benchmarks/expand.py [--photos 200] [--copies 5] [--rounds 3]

Every contender is a process of its own, measured from outside: wall time, and CPU seconds of the process
and all its children. Start-up is measured for each by the same command on one tiny picture, and taken out.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONTENDERS = {
    "floor": "decode once, one warp and one encode a copy, all cores, nothing written",
    "floor-write": "the floor, and each file written",
    "nfold": "nfold expand, flip-rotate",
    "loop": "the bare Albumentations loop, one process",
    "pool": "the bare Albumentations loop, multiprocessing.Pool over all cores",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    wall_s: float
    cpu_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--copies", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--source", default=os.environ.get("NFOLD_TEST_DATA", str(HERE.parent / "examples")) + "/photos"
    )
    parser.add_argument("--only", nargs="*", choices=list(CONTENDERS), default=list(CONTENDERS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nfold-benchmark-") as folder:
        work = Path(folder)
        large, tiny = work / "photos", work / "tiny"
        make_photos(Path(options.source), large, options.photos)
        make_tiny(tiny)
        small = sorted(path for path in Path(options.source).rglob("*.jpg"))
        flat = work / "small"
        flat.mkdir()
        for path in small:
            shutil.copy(path, flat / path.name)
        results = measure_all(options, work, large, tiny)
        cold = measure_cold(options, work, flat)
    report(options, results, cold, len(small))


def measure_all(options: argparse.Namespace, work: Path, large: Path, tiny: Path) -> dict[str, dict[str, float]]:
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in options.only}
    for _ in range(options.rounds):
        # Interleaved, so that a slow minute of the machine hits all alike.
        for name in options.only:
            whole = run(name, large, work / "out", options.copies)
            start = run(name, tiny, work / "out", 1)
            rounds[name].append(
                {
                    "wall": whole.wall_s,
                    "cpu": whole.cpu_s,
                    "net_cpu": whole.cpu_s - start.cpu_s,
                    "net_wall": whole.wall_s - start.wall_s,
                }
            )
    return {
        name: {key: statistics.median(row[key] for row in rows) for key in rows[0]} for name, rows in rounds.items()
    }


def measure_cold(options: argparse.Namespace, work: Path, flat: Path) -> dict[str, float]:
    names = [name for name in ("loop", "nfold") if name in options.only]
    rounds = {
        name: [run(name, flat, work / "out", options.copies).wall_s for _ in range(max(3, options.rounds))]
        for name in names
    }
    return {name: statistics.median(walls) for name, walls in rounds.items()}


def run(name: str, source: Path, target: Path, copies: int) -> Measured:
    shutil.rmtree(target, ignore_errors=True)
    if name == "nfold":
        command = [sys.executable, "-m", "nfold_cli", "expand", str(source), str(target), "-n", str(copies), "--quiet"]
    else:
        command = [sys.executable, str(HERE / "contenders.py"), name, str(source), str(target), str(copies)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(command, check=True, env={**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1"})
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Measured(wall_s=wall, cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def make_photos(source: Path, target: Path, count: int) -> None:
    """Crops of real photographs, brought to 640 x 480: as many as wanted, no two alike."""
    import cv2
    import numpy as np

    target.mkdir()
    paths = sorted(source.rglob("*.jpg"))
    generator = np.random.default_rng(7)
    for number in range(count):
        picture = cv2.imread(str(paths[number % len(paths)]))
        height, width = picture.shape[:2]
        share = generator.uniform(0.75, 1)
        tall, wide = int(height * share), int(width * share)
        top, left = generator.integers(0, height - tall + 1), generator.integers(0, width - wide + 1)
        crop = cv2.resize(picture[top : top + tall, left : left + wide], (640, 480), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(target / f"{number:04}.jpg"), crop, [cv2.IMWRITE_JPEG_QUALITY, 92])


def make_tiny(target: Path) -> None:
    import cv2
    import numpy as np

    target.mkdir()
    cv2.imwrite(str(target / "tiny.jpg"), np.random.default_rng(1).integers(0, 255, (16, 16, 3), dtype=np.uint8))


def report(
    options: argparse.Namespace, results: dict[str, dict[str, float]], cold: dict[str, float], small: int
) -> None:
    if options.json:
        print(
            json.dumps(
                {"photos": options.photos, "copies": options.copies, "results": results, "cold_wall_s": cold}, indent=2
            )
        )
        return
    print(
        f"{options.photos} photographs of 640 x 480, {options.copies} copies of each, {os.cpu_count()} cores, median of {options.rounds} rounds\n"
    )
    print(f"{'':12} {'wall s':>8} {'CPU s':>8} {'CPU s without start-up':>24} {'against the floor':>18}")
    floor = results.get("floor", {}).get("net_cpu")
    for name, row in results.items():
        ratio = f"{row['net_cpu'] / floor:.3f}" if floor else ""
        print(f"{name:12} {row['wall']:8.2f} {row['cpu']:8.2f} {row['net_cpu']:24.2f} {ratio:>18}   {CONTENDERS[name]}")
    if len(cold) == 2:
        print(
            f"\n{small} photographs, cold, end to end: nfold {cold['nfold']:.2f} s, bare single-process script {cold['loop']:.2f} s, ratio {cold['nfold'] / cold['loop']:.2f}"
        )


if __name__ == "__main__":
    main()
