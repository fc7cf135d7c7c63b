"""Makes class folders of Fashion-MNIST (MIT licence) from its four files, to try nfold on.

    apt-get install dataset-fashion-mnist
    python examples/fashion_mnist.py /usr/share/datasets/fashion-mnist fashion --train 2000 --test 2000

gives fashion/train/CLASS/00017.png and fashion/test/CLASS/00003.png: the first pictures of either part.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import cv2
import numpy as np

CLASSES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle-boot")
PARTS = {"train": "train", "test": "t10k"}
_HEADER_BYTES = {"images-idx3": 16, "labels-idx1": 8}


def read(folder: Path, part: str, kind: str) -> np.ndarray:
    """The numbers of an IDX file."""
    data = gzip.decompress((folder / f"{part}-{kind}-ubyte.gz").read_bytes())
    return np.frombuffer(data, np.uint8, offset=_HEADER_BYTES[kind])


def main() -> None:
    """Write the folders."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="folder of the four .gz files")
    parser.add_argument("target", type=Path, help="folder to write")
    parser.add_argument("--train", type=int, default=2000, metavar="K", help="training pictures (default 2000)")
    parser.add_argument("--test", type=int, default=2000, metavar="K", help="test pictures (default 2000)")
    options = parser.parse_args()
    for split, part in PARTS.items():
        pictures = read(options.source, part, "images-idx3").reshape(-1, 28, 28)[: getattr(options, split)]
        labels = read(options.source, part, "labels-idx1")
        for number, picture in enumerate(pictures):
            file = options.target / split / CLASSES[labels[number]] / f"{number:05}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(cv2.imencode(".png", picture)[1].tobytes())


if __name__ == "__main__":
    main()
