"""The stream against the bare pipeline, google/grain and PyTorch's DataLoader, in one run, side by side.

    .venv-frameworks/bin/python benchmarks/stream.py [--photos 200] [--rounds 5] [--workers 2]

Each contender is a process of its own that serves an epoch once to warm up and then once against the clock; rounds are
interleaved, so that whatever else the machine does hits all alike. What a framework is missing for is left out, by name.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from expand import make_photos

HERE = Path(__file__).resolve().parent
EPOCHS = 2
LIMIT = 36

CONTENDERS = {
    "bare": "decode (OpenCV), flip, rotate: one thread, nothing else",
    "bare-fast": "the same with the fastest decoder (simplejpeg)",
    "stream-0": "nfold.Stream in the caller's thread",
    "stream-W": "nfold.Stream with W threads",
    "stream-W-cached": "the same with its cache of decoded pictures",
    "grain-W": "google/grain with W threads, the bare work",
    "torch-hand-W": "PyTorch DataLoader with W processes over a hand-written Albumentations Dataset",
    "torch-nfold-W": "PyTorch DataLoader with W processes over nfold's Dataset",
}
NEEDS = {"grain-W": "grain", "torch-hand-W": "torch", "torch-nfold-W": "torch"}


def bare(path: str, *, fast: bool = False) -> Any:
    """One sample as the simplest loop would make it."""
    import cv2
    import simplejpeg

    if fast:
        picture = simplejpeg.decode_jpeg(Path(path).read_bytes(), "RGB")
    else:
        picture = cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)
    if random.random() < 0.5:
        picture = cv2.flip(picture, 1)
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), random.uniform(-LIMIT, LIMIT), 1)
    return cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)


def epochs_of(name: str, folder: str, workers: int) -> Callable[[int], Iterator[Any]]:
    """What serves an epoch of a contender."""
    paths = sorted(str(path) for path in Path(folder).glob("*.jpg"))
    if name in ("bare", "bare-fast"):
        import cv2

        cv2.setNumThreads(1)
        return lambda epoch: (bare(path, fast=name == "bare-fast") for path in paths)
    if name.startswith("stream"):
        import nfold

        stream = nfold.Stream(folder, cache="1G" if name.endswith("cached") else 0)
        return lambda epoch: stream.epoch(epoch, workers=0 if name == "stream-0" else workers)
    if name == "grain-W":
        return _grain(paths, workers)
    return _torch(name, folder, paths, workers)


def _grain(paths: list[str], workers: int) -> Callable[[int], Iterator[Any]]:
    import cv2
    import grain

    cv2.setNumThreads(1)

    def serve(epoch: int) -> Iterator[Any]:
        options = grain.ReadOptions(num_threads=workers, prefetch_buffer_size=4 * workers)
        return iter(grain.MapDataset.source(paths).shuffle(seed=epoch).map(bare).to_iter_dataset(options))

    return serve


def _torch(name: str, folder: str, paths: list[str], workers: int) -> Callable[[int], Iterator[Any]]:
    import torch

    if name == "torch-nfold-W":
        import nfold
        from nfold.adapters.torch import StreamDataset

        dataset: Any = StreamDataset(nfold.Stream(folder))
    else:
        dataset = HandWritten(paths)
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=None, shuffle=True, num_workers=workers, persistent_workers=True
    )

    def serve(epoch: int) -> Iterator[Any]:
        if name == "torch-nfold-W":
            dataset.set_epoch(epoch)
        return iter(loader)

    return serve


class HandWritten:
    """As in the tutorials: imread, a pipeline, a tensor of floats."""

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths
        self.pipeline: Any = None

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Any:
        import albumentations
        import cv2
        import torch

        if self.pipeline is None:
            cv2.setNumThreads(1)
            rotate = albumentations.Rotate(limit=LIMIT, p=1, border_mode=cv2.BORDER_REFLECT_101)
            self.pipeline = albumentations.Compose([albumentations.HorizontalFlip(p=0.5), rotate])
        picture = cv2.cvtColor(cv2.imread(self.paths[index]), cv2.COLOR_BGR2RGB)
        varied = self.pipeline(image=picture)["image"]
        return torch.from_numpy(varied).permute(2, 0, 1).float().div(255), 0


def serve(name: str, folder: str, workers: int) -> None:
    """One contender: an epoch to warm up, then one against the clock."""
    epoch = epochs_of(name, folder, workers)
    served = sum(1 for _ in epoch(1))
    began = time.perf_counter()
    served = sum(1 for _ in epoch(2))
    print(json.dumps({"images": served, "seconds": time.perf_counter() - began}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument(
        "--source", default=os.environ.get("NFOLD_TEST_DATA", str(HERE.parent / "examples")) + "/photos"
    )
    parser.add_argument("--only", nargs="*", choices=list(CONTENDERS), default=list(CONTENDERS))
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.serve:
        serve(options.serve[0], options.serve[1], options.workers)
        return
    missing = [name for name in options.only if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None]
    for name in missing:
        print(f"{name}: left out, {NEEDS[name]} is not installed", file=sys.stderr)
    names = [name for name in options.only if name not in missing]
    rates: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="nfold-benchmark-") as folder:
        make_photos(Path(options.source), Path(folder) / "photos", options.photos)
        for _ in range(options.rounds):
            for name in names:
                rates[name].append(_rate(name, f"{folder}/photos", options.workers))
    _report(rates, options)


def _rate(name: str, folder: str, workers: int) -> float:
    command = [sys.executable, __file__, "--workers", str(workers), "--serve", name, folder]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    measured = json.loads(printed.splitlines()[-1])
    return float(measured["images"] / measured["seconds"])


def _report(rates: dict[str, list[float]], options: argparse.Namespace) -> None:
    # Ratios within a round: the machine's other work slows both sides of each alike.
    reference = rates.get("bare")
    ratios = {
        name: statistics.median(rate / base for rate, base in zip(of_name, reference, strict=True))
        for name, of_name in rates.items()
        if reference
    }
    if options.json:
        print(json.dumps({"rates": rates, "ratios_to_bare": ratios, "workers": options.workers}, indent=2))
        return
    print(f"{options.photos} photographs, {options.workers} workers, {options.rounds} rounds\n")
    for name, of_name in rates.items():
        ratio = f"{ratios[name]:5.2f} x bare" if ratios else ""
        median, low, high = statistics.median(of_name), min(of_name), max(of_name)
        print(f"{name:17} {median:6.0f} images/s ({low:.0f} to {high:.0f})  {ratio}  {CONTENDERS[name]}")


if __name__ == "__main__":
    main()
